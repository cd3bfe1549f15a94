"""Requests on a TLS connection that belong to another listener than the connection: 421 (RFC 9110, 15.5.20)."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests import pem
from tests.e2e import manifests, processes
from tests.e2e.backends import LOOPBACK, Echo
from tests.e2e.gateway_api import objects
from tests.e2e.harness import Gateway, eventually

ENDS = {"protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "pair"}]}}


def gateway_object(name: str, port: int, hostnames: dict[str, str]) -> manifests.Object:
    listeners = [
        {"name": listener, "port": port, **({"hostname": hostname} if hostname else {}), **ENDS}
        for listener, hostname in hostnames.items()
    ]
    return objects.gateway(*listeners, name=name)


def route(name: str, gateway: str, listener: str, *hostnames: str) -> manifests.Object:
    parent = {"name": gateway, "sectionName": listener}
    rules = [{"matches": [{"path": {"value": "/x"}}], "backendRefs": [{"name": "web", "port": 80}]}]
    return objects.of("HTTPRoute", name, parentRefs=[parent], hostnames=list(hostnames), rules=rules)


LISTENERS = {"any": "", "own": "own.test", "wild": "*.wild.test", "narrow": "narrow.wild.test"}


@pytest.fixture(scope="module")
def running(
    echoes: tuple[Echo, Echo], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gateway, int, int, int]]:
    """Gateways with four listeners on one port, with a single one, and with two for whole names."""
    port, alone, whole = processes.free_ports(3)
    made = Gateway(tmp_path_factory.mktemp("gw"), settings={"lazy": {"threshold": 0}})
    made.apply(objects.CLASS)
    made.apply(gateway_object("several", port, LISTENERS), gateway_object("one", alone, {"wild": "*.one.test"}))
    made.apply(gateway_object("whole", whole, {"one": "one.whole.test", "other": "other.whole.test"}))
    made.apply(route("any", "several", "any", "a.test"), route("one", "one", "wild"))
    made.apply(route("whole-1", "whole", "one"), route("whole-2", "whole", "other", "*.whole.test"))
    for name in ("own", "wild", "narrow"):
        made.apply(route(name, "several", name))
    pair = pem.pair("*.wild.test")
    made.apply(manifests.tls_secret("pair", "shop", pair.chain, pair.key), manifests.service("web", "shop"))
    made.apply(manifests.endpoint_slice("web", "shop", [LOOPBACK], {"http": echoes[0].port}))
    try:
        yield made.start(), port, alone, whole
    finally:
        made.stop()


async def ask(client: httpx.AsyncClient, port: int, server_name: str, host: str, path: str = "/x") -> int:
    reply = await client.get(
        f"https://{LOOPBACK}:{port}{path}", headers={"host": host}, extensions={"sni_hostname": server_name}
    )
    return reply.status_code


ASKED = [
    ("a.test", "a.test", 200), ("a.test", "own.test", 421), ("a.test", "unknown.test", 404),
    ("own.test", "own.test", 200), ("own.test", "OWN.test:8443", 200), ("own.test", "a.test", 421),
    ("own.test", "unknown.test", 421), ("b.wild.test", "b.wild.test", 200), ("b.wild.test", "c.wild.test", 200),
    ("b.wild.test", "narrow.wild.test", 421), ("b.wild.test", "NARROW.wild.test.", 421),
    ("b.wild.test", "own.test", 421),
    ("narrow.wild.test", "narrow.wild.test", 200), ("narrow.wild.test", "b.wild.test", 421),
    ("unknown.test", "a.test", 200), ("unknown.test", "unknown.test", 404),
]  # fmt: skip


@pytest.mark.parametrize("http2", [False, True], ids=["http/1.1", "h2"])
@pytest.mark.parametrize(("server_name", "host", "status"), ASKED)
async def test_a_request_belongs_to_the_listener_of_its_connection(
    running: tuple[Gateway, int, int, int], server_name: str, host: str, status: int, http2: bool
) -> None:
    """Twice on one connection: with the host cold, then warm."""
    async with httpx.AsyncClient(verify=False, http1=not http2, http2=http2, trust_env=False) as client:
        assert [await ask(client, running[1], server_name, host) for _ in range(2)] == [status, status]


async def test_a_path_that_nobody_serves_is_told_only_to_whom_it_belongs(
    running: tuple[Gateway, int, int, int],
) -> None:
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        assert await ask(client, running[1], "own.test", "own.test", "/other") == 404
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        assert await ask(client, running[1], "b.wild.test", "own.test", "/other") == 421


async def test_a_single_listener_answers_all_its_hosts_on_one_connection(
    running: tuple[Gateway, int, int, int],
) -> None:
    async with httpx.AsyncClient(verify=False, http1=False, http2=True, trust_env=False) as client:
        found = [await ask(client, running[2], "a.one.test", host) for host in ("a.one.test", "b.one.test", "own.test")]
    assert found == [200, 200, 404]


@pytest.mark.parametrize(
    ("host", "status"),
    [("one.whole.test", 200), ("ONE.whole.test.:8443", 200), ("other.whole.test", 421), ("no.whole.test", 404)],
)
async def test_a_port_without_wildcards_looks_for_none(
    running: tuple[Gateway, int, int, int], host: str, status: int
) -> None:
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        assert [await ask(client, running[3], "one.whole.test", host) for _ in range(2)] == [status, status]


async def test_a_second_listener_leaves_the_connections_of_the_first_alone(
    running: tuple[Gateway, int, int, int],
) -> None:
    gateway, _, port, _ = running
    async with httpx.AsyncClient(verify=False, http1=False, http2=True, trust_env=False) as client:
        assert await ask(client, port, "a.one.test", "a.one.test") == 200
        gateway.apply(gateway_object("one", port, {"wild": "*.one.test", "other": "other.test"}))
        try:
            async with httpx.AsyncClient(verify=False, trust_env=False) as other:

                async def refused() -> bool:
                    assert await ask(client, port, "a.one.test", "a.one.test") == 200
                    return await ask(other, port, "a.one.test", "other.test") == 421

                await eventually(refused)
            assert await ask(client, port, "a.one.test", "a.one.test") == 200
        finally:
            gateway.apply(gateway_object("one", port, {"wild": "*.one.test"}))
