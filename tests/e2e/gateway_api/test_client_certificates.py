"""Certificates of clients at Gateways, through a real Envoy: who is let in at which port, by which server name."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import pem
from tests.e2e import manifests, processes, tls, wire
from tests.e2e.backends import LOOPBACK, Echo
from tests.e2e.gateway_api import objects
from tests.e2e.gateway_api.objects import CLASS, of
from tests.e2e.harness import Gateway, eventually

ONE, TWO, OTHER = pem.Authority("one"), pem.Authority("two", 1), pem.Authority("other", 2)


BUNDLE = {"group": "certificates.k8s.io", "kind": "ClusterTrustBundle", "name": "both"}


class Ports(NamedTuple):
    """`usual` has what holds for all, the others something of their own."""

    usual: int
    both: int
    fallback: int
    nobody: int
    broken: int
    named: int
    bundle: int


def authority(name: str, *several: pem.Authority) -> manifests.Object:
    data = {"ca.crt": b"".join(one.pem for one in several).decode()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": manifests.meta(name, "shop"), "data": data}


def bundle(*several: pem.Authority) -> manifests.Object:
    spec = {"trustBundle": b"".join(one.pem for one in several).decode()}
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "ClusterTrustBundle",
        "metadata": {"name": "both"},
        "spec": spec,
    }


def validation(*names: str, mode: str = "AllowValidOnly") -> dict[str, Any]:
    references = [{"group": "", "kind": "ConfigMap", "name": name} for name in names]
    return {"validation": {"caCertificateRefs": references, "mode": mode}}


def gateway(ports: Ports) -> manifests.Object:
    def listener(name: str, port: int, **more: Any) -> dict[str, Any]:
        return {"name": name, "port": port, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "web"}]}, **more}

    per_port = [
        {"port": ports.both, "tls": validation("one", "two")},
        {"port": ports.fallback, "tls": validation("one", mode="AllowInsecureFallback")},
        {"port": ports.nobody, "tls": {}},
        {"port": ports.broken, "tls": validation("absent")},
        {"port": ports.bundle, "tls": {"validation": {"caCertificateRefs": [BUNDLE]}}},
    ]
    listeners = [listener(name, port) for name, port in ports._asdict().items() if name != "named"]
    listeners.append(listener("narrow", ports.usual, hostname="narrow.test"))
    listeners.append(listener("named", ports.named, hostname="named.test"))
    frontend = {"default": validation("one"), "perPort": per_port}
    return objects.gateway(*listeners, tls={"frontend": frontend})


@pytest.fixture(scope="module")
def running(echoes: tuple[Echo, Echo], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Ports]]:
    ports = Ports(*processes.free_ports(7))
    made = Gateway(tmp_path_factory.mktemp("gw"), settings={"lazy": {"threshold": 0}})
    made.apply(CLASS, gateway(ports))
    made.apply(authority("one", ONE), authority("two", TWO))
    made.apply(bundle(ONE))
    made.apply(manifests.tls_secret("web", "shop", *pem.pair("a.test", "narrow.test", "named.test")))
    made.apply(manifests.service("web", "shop"))
    made.apply(manifests.endpoint_slice("web", "shop", [LOOPBACK], {"http": echoes[0].port}))
    rules = [{"backendRefs": [{"name": "web", "port": 80}]}]
    made.apply(of("HTTPRoute", "web", parentRefs=[{"name": "gw"}], rules=rules))
    try:
        yield made.start(), ports
    finally:
        made.stop()


def client(folder: Path, by: pem.Authority | None) -> ssl.SSLContext:
    made = tls.context()
    if by is not None:
        pair, file = by.pair(common_name="joe", number=9), folder / "client.pem"
        file.write_bytes(pair.key + pair.chain)
        made.load_cert_chain(file)
    return made


async def answer(port: int, using: ssl.SSLContext, name: str = "a.test", host: str = "a.test") -> int:
    """The status; 0 when the connection is refused, which with TLS 1.3 a client hears after its own handshake."""
    try:
        async with tls.line(port, name, using) as (connection, _):
            return await tls.status(connection, host)
    except (tls.RefusedError, ConnectionError, ssl.SSLError):
        return 0


#: Who is let in at which port: with a certificate of the first authority, of the second, of another one, with none.
DOORS = {
    "usual": (200, 0, 0, 0),
    "both": (200, 200, 0, 0),
    "fallback": (200, 200, 200, 200),
    "nobody": (200, 200, 200, 200),
    "broken": (0, 0, 0, 0),
    "bundle": (200, 0, 0, 0),
}


@pytest.mark.parametrize("door", DOORS)
async def test_who_is_let_in(running: tuple[Gateway, Ports], tmp_path: Path, door: str) -> None:
    port = getattr(running[1], door)
    found = [await answer(port, client(tmp_path, by)) for by in (ONE, TWO, OTHER, None)]
    assert tuple(found) == DOORS[door]


async def test_a_client_without_a_server_name(running: tuple[Gateway, Ports], tmp_path: Path) -> None:
    """It is for the listener that has no hostname, and held to what is asked for there."""
    _, ports = running
    good, none = client(tmp_path, ONE), client(tmp_path, None)
    assert await answer(ports.usual, good, name="") == 200
    assert await answer(ports.usual, none, name="") == 0
    assert await answer(ports.named, good, name="named.test", host="named.test") == 200
    assert await answer(ports.named, good, name="") == 0, "no listener there is for any name"


async def test_another_hostname_on_the_port_is_no_way_around(running: tuple[Gateway, Ports], tmp_path: Path) -> None:
    _, ports = running
    for name in ("narrow.test", "a.test", "unknown.test"):
        assert await answer(ports.usual, client(tmp_path, None), name=name, host="a.test") == 0, name


async def test_an_authority_that_is_exchanged_takes_its_clients_with_it(
    running: tuple[Gateway, Ports], tmp_path: Path
) -> None:
    made, ports = running
    good = client(tmp_path, ONE)
    assert await answer(ports.usual, good) == 200
    made.apply(authority("one", OTHER))

    async def exchanged() -> bool:
        return (await answer(ports.usual, good), await answer(ports.usual, client(tmp_path, OTHER))) == (0, 200)

    await eventually(exchanged)
    assert await answer(ports.both, client(tmp_path, TWO)) == 200
    made.apply(authority("one", ONE))
    await eventually(lambda: _is(ports.usual, good, 200))


async def test_a_bundle_that_changes_lets_others_in(running: tuple[Gateway, Ports], tmp_path: Path) -> None:
    made, ports = running
    assert not await _is(ports.bundle, client(tmp_path, TWO), 200)
    made.apply(bundle(ONE, TWO))
    await eventually(lambda: _is(ports.bundle, client(tmp_path, TWO), 200))
    made.apply(bundle(ONE))
    await eventually(lambda: _is(ports.bundle, client(tmp_path, TWO), 0))


async def _is(port: int, using: ssl.SSLContext, wanted: int) -> bool:
    return await answer(port, using) == wanted


async def test_a_backend_learns_nothing_that_a_client_made_up(running: tuple[Gateway, Ports], tmp_path: Path) -> None:
    """Backends may trust `x-forwarded-client-cert`: what a client says there never gets through."""
    async with tls.line(running[1].fallback, "a.test", client(tmp_path, None)) as (connection, _):
        await connection.send(wire.request("/", "a.test", "x-forwarded-client-cert: Hash=1;Subject=CN=root"))
        headers = dict(json.loads((await connection.reply()).body)["headers"])
    assert "x-forwarded-client-cert" not in headers
