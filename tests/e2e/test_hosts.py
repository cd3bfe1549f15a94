"""How a Host header finds its host, and the private header that it is found by."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.harness import eventually
from tests.e2e.wire import exchange, request

SCOPE = "x-sealos-scope"
BOTH = pytest.mark.parametrize("http2", [False, True], ids=["http/1.1", "h2c"])


@pytest.fixture
async def two(site: Site, echo_a: Echo, echo_b: Echo) -> Site:
    """`exact.HOST` leads to echo-a, `*.HOST` to echo-b; nobody has asked for either yet."""
    site.backend("a", echo_a.port)
    site.backend("b", echo_b.port)
    site.apply(
        manifests.ingress("web", site.namespace, {f"exact.{site.host}": "a:80", f"*.{site.host}": "b:80"}),
    )
    await site.gateway.settled()
    return site


SPELLINGS = {
    "exact.{}": "echo-a",
    "EXACT.{}": "echo-a",
    "Exact.{}": "echo-a",
    "exact.{}:80": "echo-a",
    "exact.{}:1": "echo-a",
    "exact.{}.": "echo-a",
    "exact.{}.:8080": "echo-a",
    "EXACT.{}.:8080": "echo-a",
    "any.{}": "echo-b",
    "ANY.{}": "echo-b",
    "any.{}:8080": "echo-b",
    "any.{}.": "echo-b",
    "a.b.{}": 404,
    "{}": 404,
    ".{}": 404,
    "exact.{}..": 404,
    "exact.{}x": 404,
}


@BOTH
@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_spellings_of_a_host(two: Site, spelling: str, http2: bool) -> None:
    """The first time with everything cold, then warm."""
    host = spelling.format(two.host)
    expected = SPELLINGS[spelling]
    for _ in range(3):
        reply = await two.get(host=host, http2=http2)
        found = reply.json()["name"] if reply.status_code == 200 else reply.status_code
        assert found == expected


@BOTH
@pytest.mark.parametrize("host", ["exact.{}", "EXACT.{}", "any.{}", "Any.{}:80"])
async def test_the_private_header_never_reaches_a_backend(two: Site, host: str, http2: bool) -> None:
    name = host.format(two.host)
    for _ in range(3):  # cold, then warm
        said = await two.answer(host=name, http2=http2)
        assert not [value for header, value in said["headers"] if header.lower().startswith("x-sealos")]


@BOTH
@pytest.mark.parametrize("value", ["ingress|exact.{}", "ingress|*.{}", "ingress|*", "", "x|y"])
async def test_a_client_cannot_choose_its_scope(two: Site, value: str, http2: bool) -> None:
    chosen = (SCOPE, value.format(two.host))
    for _ in range(2):
        for host, name in ((f"any.{two.host}", "echo-b"), (f"EXACT.{two.host}", "echo-a")):
            said = await two.answer(host=host, headers=[chosen], http2=http2)
            assert said["name"] == name
            assert not [header for header, _ in said["headers"] if header.lower() == SCOPE]
        assert (await two.get(host=f"not-{two.host}", headers=[chosen, chosen], http2=http2)).status_code == 404


@pytest.mark.parametrize("name", ["X-Sealos-Scope", "X-SEALOS-SCOPE", "x_sealos_scope", "X-Sealos_Scope"])
async def test_no_spelling_of_the_private_header_helps(two: Site, name: str) -> None:
    lines = (f"{name}: ingress|exact.{two.host}", f"{name}: ingress|exact.{two.host}")
    reply = await exchange(two.gateway.http_port, request("/", f"any.{two.host}", *lines))
    assert reply.status == 200
    assert b'"name":"echo-b"' in reply.body
    assert b"sealos" not in reply.body.lower()


async def test_a_connection_header_cannot_take_the_private_header_away(two: Site) -> None:
    lines = (f"Connection: close, {SCOPE}", f"{SCOPE}: ingress|exact.{two.host}")
    reply = await exchange(two.gateway.http_port, request("/", f"any.{two.host}", *lines))
    assert reply.status in (200, 400)
    assert b"echo-a" not in reply.body


async def test_any_path_and_query_in_place_of_a_host_is_no_host(two: Site) -> None:
    for host in ("|", f"ingress|exact.{two.host}", f"x|exact.{two.host}", "[::1]", "127.0.0.1", "a" * 300, "-", "%"):
        reply = await exchange(two.gateway.http_port, request("/", host))
        assert 400 <= reply.status < 500, host


async def test_many_hosts_of_one_backend_share_a_cluster_and_are_told_apart(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    hosts = [f"h{number}.{site.host}" for number in range(50)]
    site.apply(manifests.ingress("web", site.namespace, dict.fromkeys(hosts, "web:80")))
    await site.gateway.settled()
    async for host, said in answers(site, hosts):
        assert dict(said["headers"])["host"] == host
    assert (await site.get(host=f"h50.{site.host}")).status_code == 404


async def answers(site: Site, hosts: list[str]) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    for host in hosts:
        yield host, await site.answer(host=host)


async def test_a_host_in_capitals_in_the_manifest_is_served(site: Site, echo_a: Echo) -> None:
    """The API server refuses it; a folder of files does not."""
    site.backend("web", echo_a.port)
    site.ingress(host=site.host.upper())
    assert (await eventually(site.answer))["name"] == "echo-a"
