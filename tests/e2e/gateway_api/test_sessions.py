"""sessionPersistence of routes, through a real Envoy: who comes back meets the endpoint that he met before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e import manifests, processes
from tests.e2e.backends import LOOPBACK, Echo
from tests.e2e.gateway_api import objects
from tests.e2e.harness import Gateway

_ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: gw}]
  hostnames: [a.test]
  rules:
  - matches: [{path: {value: /cookie}}]
    sessionPersistence: {cookie: {name: who, path: /cookie}}
    backendRefs: [{name: web, port: 80}]
  - matches: [{path: {value: /no-name}}]
    sessionPersistence: {cookie: {}}
    backendRefs: [{name: web, port: 80}]
  - matches: [{path: {value: /lasting}}]
    sessionPersistence: {absoluteTimeout: 1h, cookie: {name: who, lifetimeType: Permanent}}
    backendRefs: [{name: web, port: 80}]
  - matches: [{path: {value: /short}}]
    sessionPersistence: {absoluteTimeout: 2s, cookie: {name: who}}
    backendRefs: [{name: web, port: 80}]
  - matches: [{path: {value: /header}}]
    sessionPersistence: {type: Header, header: {name: X-Who}}
    backendRefs: [{name: web, port: 80}]
  - matches: [{path: {value: /free}}]
    backendRefs: [{name: web, port: 80}]
"""


@pytest.fixture(scope="module")
def port(echoes: tuple[Echo, Echo], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Both backends are endpoints of one Service."""
    found = processes.free_ports(1)[0]
    made = Gateway(tmp_path_factory.mktemp("gw"))
    made.apply(
        objects.CLASS, objects.gateway({"name": "any", "port": found, "protocol": "HTTP"}), *objects.read(_ROUTE)
    )
    made.apply(manifests.service("web", "shop"))
    for number, echo in enumerate(echoes):
        part = manifests.endpoint_slice("web", "shop", [LOOPBACK], {"http": echo.port})
        part["metadata"]["name"] = f"web-{number}"
        made.apply(part)
    try:
        made.start()
        yield found
    finally:
        made.stop()


async def _get(client: httpx.AsyncClient, port: int, path: str, **headers: str) -> httpx.Response:
    sent = {"host": "a.test"} | {name.replace("_", "-"): value for name, value in headers.items()}
    reply = await client.get(f"http://{LOOPBACK}:{port}{path}", headers=sent)
    assert reply.status_code == 200
    client.cookies.clear()  # what is sent is what the test says
    return reply


def _cookie(reply: httpx.Response) -> tuple[str, list[str]]:
    """`name=value`, and the attributes."""
    first, *rest = reply.headers["set-cookie"].split(";")
    return first, sorted(it.strip() for it in rest)


async def _met(client: httpx.AsyncClient, port: int, path: str, **headers: str) -> set[str]:
    return {(await _get(client, port, path, **headers)).json()["name"] for _ in range(12)}


async def test_without_it_everybody_is_met(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        assert await _met(client, port, "/free") == {"echo-a", "echo-b"}
        assert await _met(client, port, "/cookie") == {"echo-a", "echo-b"}  # nobody sends the cookie


@pytest.mark.parametrize(
    ("path", "name", "attributes"),
    [
        ("/cookie", "who", ["HttpOnly", "Path=/cookie", "SameSite=Strict"]),
        ("/no-name", "sgw-", ["HttpOnly", "Path=/", "SameSite=Strict"]),
        ("/lasting", "who", ["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Strict"]),
        ("/short", "who", ["HttpOnly", "Path=/", "SameSite=Strict"]),
    ],
)
async def test_a_cookie_names_the_endpoint(port: int, path: str, name: str, attributes: list[str]) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        first = await _get(client, port, path)
        cookie, said = _cookie(first)
        assert cookie.startswith(name)
        assert said == attributes
        assert await _met(client, port, path, cookie=cookie) == {first.json()["name"]}


async def test_a_session_ends_at_the_gateway_though_the_browser_keeps_the_cookie(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        cookie, _ = _cookie(await _get(client, port, "/short"))
        assert "set-cookie" not in (await _get(client, port, "/short", cookie=cookie)).headers
        end = time.monotonic() + 20
        while "set-cookie" not in (await _get(client, port, "/short", cookie=cookie)).headers:
            assert time.monotonic() < end, "the session does not end"
            await asyncio.sleep(0.2)
        assert await _met(client, port, "/short", cookie=cookie) == {"echo-a", "echo-b"}


async def test_a_header_names_the_endpoint(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        first = await _get(client, port, "/header")
        who = first.headers["x-who"]
        assert await _met(client, port, "/header", x_who=who) == {first.json()["name"]}
        assert await _met(client, port, "/header") == {"echo-a", "echo-b"}
