"""Certificates: found by server name on demand, side by side, rotated, missing and invalid ones, default ones."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets

from tests import pem
from tests.e2e import manifests, tls
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.harness import Gateway, eventually

RSA, ECDSA = "RSA-PSS+SHA256:RSA+SHA256", "ECDSA+SHA256"


@pytest.fixture(scope="module")
def lazy_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Nothing is pushed, and `*.fallback.test` has a default certificate, and so have clients without a name."""
    defaults = [
        {"pattern": "*.fallback.test", "secret": "default/wild"},
        {"pattern": "*", "secret": "default/any"},
    ]
    settings = {"lazy": {"threshold": 0}, "tls": {"default_certificates": defaults}}
    wild, every = pem.pair("*.fallback.test", number=91), pem.pair("any.test", number=92)
    objects = [manifests.tls_secret("wild", "default", *wild), manifests.tls_secret("any", "default", *every)]
    gateway = Gateway(tmp_path_factory.mktemp("gw"), objects, settings=settings)
    try:
        yield gateway.start()
    finally:
        gateway.stop()


def with_backend(gateway: Gateway, port: int) -> Iterator[Site]:
    found = Site(gateway)
    found.backend("web", port)
    try:
        yield found
    finally:
        found.clean()


@pytest.fixture
def web(shared_gateway: Gateway, echo_a: Echo) -> Iterator[Site]:
    """A corner of the shared gateway with a Service `web`; there are no default certificates."""
    yield from with_backend(shared_gateway, echo_a.port)


@pytest.fixture
def lazy(lazy_gateway: Gateway, echo_a: Echo) -> Iterator[Site]:
    """The same on the gateway with default certificates."""
    yield from with_backend(lazy_gateway, echo_a.port)


@pytest.fixture(params=["all pushed", "all on demand"])
def either(request: pytest.FixtureRequest, web: Site, lazy: Site) -> Site:
    return web if request.param == "all pushed" else lazy


async def told(site: Site, reason: str) -> str:
    """The problem of an object of this site with this reason, once it is there."""

    def found() -> list[str]:
        return [it for it in site.gateway.problems() if f" {site.namespace}/" in it and f": {reason}:" in it]

    return str((await eventually(found))[0])


async def not_told(site: Site) -> None:
    def nothing() -> bool:
        return not [it for it in site.gateway.problems() if f" {site.namespace}/" in it]

    await eventually(nothing)


async def serial(site: Site, name: str) -> int:
    return (await tls.hello(site.gateway.https_port, name)).serial


async def test_each_server_name_gets_its_own_certificate(either: Site) -> None:
    one, two = f"one.{either.host}", f"two.{either.host}"
    tls.host(either, one, 1)
    tls.host(either, two, 2)
    await either.gateway.settled()
    for name, number in ((one, 1), (two, 2), (one, 1)):
        found = await tls.hello(either.gateway.https_port, name)
        assert (found.names, found.serial) == ((name,), number + 1)
        assert (await either.answer(host=name, https=True))["name"] == "echo-a"
    assert await serial(either, one.upper()) == 2
    assert await serial(either, f"Two.{either.host}") == 3


async def test_a_wildcard_certificate_answers_one_label_and_not_two(web: Site) -> None:
    tls.host(web, f"*.{web.host}", 1)
    await web.gateway.settled()
    for name in (f"one.{web.host}", f"two.{web.host}", f"ONE.{web.host}"):
        assert await serial(web, name) == 2
        assert (await web.answer(host=name, https=True))["name"] == "echo-a"
    for name in (f"a.b.{web.host}", web.host):
        assert await tls.is_refused(web.gateway.https_port, name), name


async def test_an_exact_certificate_beside_a_wildcard_comes_and_goes(web: Site) -> None:
    name, other = f"one.{web.host}", f"two.{web.host}"
    tls.host(web, f"*.{web.host}", 1)
    await web.gateway.settled()
    assert (await serial(web, name), await serial(web, other)) == (2, 2)
    tls.secret(web, "exact", name, number=2)
    exact = web.ingress(name="exact", host=name, tls=[tls.entry("exact", name)])
    await eventually(lambda: tls.serves(web.gateway, name, serial=3))
    assert await serial(web, other) == 2
    web.delete(exact)
    await eventually(lambda: tls.serves(web.gateway, name, serial=2))


async def test_a_certificate_that_is_removed_is_refused_at_once(web: Site) -> None:
    tls.host(web, web.host, 1)
    await web.gateway.settled()
    assert await serial(web, web.host) == 2
    web.ingress(name=web.host.replace(".", "-"))

    async def refused() -> bool:
        return await tls.is_refused(web.gateway.https_port, web.host)

    await eventually(refused)


async def test_names_that_nobody_has_and_no_name_are_refused_at_once(web: Site) -> None:
    for name in (f"nobody.{web.host}", "nobody", ""):
        assert await tls.is_refused(web.gateway.https_port, name), name


@pytest.mark.parametrize("name", ["*", "*.example.com", "xdstp:", "xdstp://a/b/c", "a b", "\x7f", "rsa/host"])
async def test_a_server_name_that_is_no_name_of_a_host_reaches_nothing(web: Site, name: str) -> None:
    """Envoy asks for certificates by the name a client sends; some names are words of xDS itself."""
    tls.host(web, web.host, 1)
    await web.gateway.settled()
    envoy, before = web.gateway.envoy_pid, len(web.gateway.problems())
    assert await tls.is_refused(web.gateway.https_port, name)
    assert await serial(web, web.host) == 2
    assert web.gateway.envoy_pid == envoy
    assert len(web.gateway.problems()) == before


async def test_rsa_and_ecdsa_side_by_side(web: Site, tmp_path: Path) -> None:
    """A client that can check only one kind gets that kind; hosts beside it notice nothing."""
    port, beside = web.gateway.https_port, f"beside.{web.host}"
    tls.host(web, beside, 5)
    tls.secret(web, "ec", web.host, number=1)
    tls.secret(web, "rsa", web.host, kind="rsa", number=2)
    web.ingress(name="ec", tls=[tls.entry("ec", web.host)])
    await web.gateway.settled()
    async with tls.line(port, beside) as (other, _), tls.line(port, web.host) as (own, _):
        both = web.ingress(name="ec", tls=[tls.entry("ec", web.host), tls.entry("rsa", web.host)])

        async def has(signatures: str, version: tls.Version, kind: str) -> None:
            assert await tls.algorithm_for(port, web.host, version, signatures, tmp_path) == kind

        for version in (tls.Version.TLSv1_2, tls.Version.TLSv1_3):
            await eventually(lambda version=version: has(RSA, version, "rsa"))  # type: ignore[misc]
            await has(ECDSA, version, "ecdsa")
        assert await tls.algorithm_for(port, beside, tls.Version.TLSv1_3, RSA, tmp_path) == ""
        assert await serial(web, beside) == 6
        assert (await web.answer(https=True))["name"] == "echo-a"
        assert web.host in (await tls.hello(port, web.host.upper())).names
        assert await tls.is_refused(port, f"deeper.{web.host}")
        both["spec"]["tls"] = [tls.entry("rsa", web.host)]
        web.apply(both)
        await eventually(lambda: tls.serves(web.gateway, web.host, algorithm="rsa"))
        assert await tls.status(other, beside) == 200
        assert await tls.status(own, web.host) == 200


async def test_an_exact_certificate_beside_a_wildcard_with_two(web: Site) -> None:
    """The wildcard takes no handshake that is not its own."""
    wild, exact = f"*.{web.host}", f"one.{web.host}"
    tls.secret(web, "ec", wild, number=1)
    tls.secret(web, "rsa", wild, kind="rsa", number=2)
    web.ingress(name="wild", host=wild, tls=[tls.entry("ec", wild), tls.entry("rsa", wild)])
    tls.host(web, exact, 3)
    await web.gateway.settled()
    await eventually(lambda: tls.serves(web.gateway, f"two.{web.host}", serial=2))
    assert await serial(web, exact) == 4
    assert await tls.is_refused(web.gateway.https_port, f"a.b.{web.host}")


async def test_two_ingresses_bring_one_kind_each_and_the_older_wins_a_tie(web: Site, tmp_path: Path) -> None:
    for name, kind, number in (("ec", "ecdsa", 1), ("rsa", "rsa", 2), ("late", "ecdsa", 3)):
        tls.secret(web, name, web.host, kind=kind, number=number)
        created = f"202{number}-01-01T00:00:00Z"
        web.ingress(name=name, tls=[tls.entry(name, web.host)], created=created)
    await web.gateway.settled()
    port, version = web.gateway.https_port, tls.Version.TLSv1_3
    assert await tls.algorithm_for(port, web.host, version, RSA, tmp_path) == "rsa"
    assert await serial(web, web.host) == 2
    assert f"{web.namespace}/late" in await told(web, "CertificateConflict")


async def test_rotation_drops_no_connection_and_new_ones_see_the_new_certificate(web: Site) -> None:
    label, port = web.host.replace(".", "-"), web.gateway.https_port
    tls.host(web, web.host, 1)
    await web.gateway.settled()
    place: dict[str, Any] = {"host": tls.LOOPBACK, "port": port, "proxy": None, "ssl": tls.context()}
    socket = websockets.connect(f"wss://{web.host}/chat", server_hostname=web.host, **place)
    async with tls.line(port, web.host) as (kept, _), socket as chat:
        for number in (2, 3):
            tls.secret(web, label, web.host, number=number)
            await eventually(lambda number=number: tls.serves(web.gateway, web.host, serial=number + 1))  # type: ignore[misc]
            assert await tls.status(kept, web.host) == 200
            await chat.send("still there")
            assert await chat.recv() == "still there"


async def test_a_change_of_one_certificate_leaves_all_others_alone(web: Site) -> None:
    names = [f"h{number}.{web.host}" for number in range(4)]
    for number, name in enumerate(names):
        tls.host(web, name, number)
    await web.gateway.settled()
    port = web.gateway.https_port
    listeners = "^listener_manager.lds.update_success$"
    async with tls.line(port, names[0]) as (kept, _), tls.line(port, names[1]) as (going, _):
        before = web.gateway.stats(listeners)
        tls.secret(web, names[1].replace(".", "-"), names[1], number=7)
        web.delete(manifests.tls_secret(names[2].replace(".", "-"), web.namespace, b"", b""))
        await eventually(lambda: tls.serves(web.gateway, names[1], serial=8))
        await told(web, "InvalidSecret")
        assert [await serial(web, name) for name in (names[0], names[3])] == [1, 4]
        assert [await tls.status(kept, names[0]), await tls.status(going, names[1])] == [200, 200]
        assert web.gateway.stats(listeners) == before  # no listener was touched


def broken(site: Site, how: str) -> manifests.Object:
    good, other = pem.pair(site.host, number=1), pem.pair(site.host, number=2)
    texts = {
        "garbage": (b"garbage", b"garbage"),
        "no key": (good.chain, b""),
        "a key of another": (good.chain, other.key),
        "half a chain": (good.chain[: len(good.chain) // 2], good.key),
        "other names": tuple(pem.pair("elsewhere.test", number=1)),
        "a short key": tuple(pem.pair(site.host, kind="rsa1024")),
    }
    return manifests.tls_secret("web", site.namespace, *texts[how])


@pytest.mark.parametrize(
    "how", ["missing", "garbage", "no key", "a key of another", "half a chain", "other names", "a short key"]
)
async def test_a_secret_that_cannot_be_used_falls_back_and_is_told(lazy: Site, how: str) -> None:
    """The default certificate answers until the Secret is good; without a default the handshake is refused."""
    host = f"{lazy.namespace}.fallback.test"
    good = manifests.tls_secret("web", lazy.namespace, *pem.pair(host, number=1))
    if how != "missing":
        lazy.apply(broken(lazy, how))
    lazy.ingress(host=host, tls=[tls.entry("web", host)])
    await lazy.gateway.settled()
    assert await serial(lazy, host) == 92
    problem = await told(lazy, "NameMismatch" if how == "other names" else "InvalidSecret")
    assert f"Ingress {lazy.namespace}/web spec.tls" in problem
    assert f"{lazy.namespace}/web" in problem.partition("spec.tls")[2]
    assert lazy.gateway.metric("sgw_problems") >= 1
    lazy.apply(good)
    await eventually(lambda: tls.serves(lazy.gateway, host, serial=2))
    await not_told(lazy)
    lazy.delete(good)
    await eventually(lambda: tls.serves(lazy.gateway, host, serial=92))


@pytest.mark.parametrize("how", ["missing", "garbage", "other names"])
async def test_a_secret_that_cannot_be_used_without_a_default_is_refused(web: Site, how: str) -> None:
    if how != "missing":
        web.apply(broken(web, how))
    web.ingress(tls=[tls.entry("web", web.host)])
    await web.gateway.settled()
    assert await tls.is_refused(web.gateway.https_port, web.host)
    await told(web, "NameMismatch" if how == "other names" else "InvalidSecret")
    tls.secret(web, "web", web.host, number=1)
    await eventually(lambda: tls.serves(web.gateway, web.host, serial=2))


async def test_default_certificates_by_pattern_and_for_clients_without_a_name(lazy: Site) -> None:
    lazy.ingress(host="one.fallback.test", tls=[{"hosts": ["one.fallback.test"]}])  # TLS without a Secret of its own
    await lazy.gateway.settled()
    found = [await serial(lazy, name) for name in ("one.fallback.test", "two.fallback.test", "elsewhere.test", "")]
    assert found == [92, 92, 93, 93]
    assert (await lazy.answer(host="one.fallback.test", https=True))["name"] == "echo-a"


async def test_private_keys_appear_nowhere(web: Site) -> None:
    made = tls.secret(web, "web", web.host, number=1)
    web.ingress(tls=[tls.entry("web", web.host)])
    web.apply(manifests.tls_secret("bad", web.namespace, b"x" + made.chain[1:], made.key))
    web.ingress(name="bad", host=f"bad.{web.host}", tls=[tls.entry("bad", f"bad.{web.host}")])
    await eventually(lambda: tls.serves(web.gateway, web.host))
    gateway = web.gateway
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sealos_gateway", "translate", "-o", "json", "-f", str(gateway.manifests),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    translated = (await process.communicate())[0].decode()
    assert f"{web.namespace}/web" in translated
    said = [translated, gateway.stdout(), gateway.stderr(), gateway.status("/problems").text]
    said += [gateway.admin("/config_dump?include_eds"), gateway.admin("/certs"), gateway.status("/metrics").text]
    body = made.key.decode().splitlines()[1]
    for needle in (body, base64.b64encode(made.key).decode()[40:90], base64.b64encode(body.encode())[3:43].decode()):
        assert not [text for text in said if needle in text]
