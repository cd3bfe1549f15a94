"""What happens to a request whose backend reads it and then resets the connection: by method, by setting, by kind."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e import backends
from tests.e2e.backends import Recorder
from tests.e2e.conftest import NewGateway, Site
from tests.e2e.policies import own

NEXT = "nginx.ingress.kubernetes.io/proxy-next-upstream"
LINGER_NOT = struct.pack("ii", 1, 0)
WISHES = {
    "x-envoy-retry-on": "reset,5xx,gateway-error,retriable-status-codes",
    "x-envoy-retry-grpc-on": "unavailable",
    "x-envoy-max-retries": "9",
    "x-envoy-retriable-status-codes": "503",
    "x-envoy-hedge-on-per-try-timeout": "true",
}


@dataclass
class Breaking:
    """A handler for `backends.raw`: it reads one request, counts it, and resets the connection."""

    tried: Counter[str] = field(default_factory=Counter)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.tried[head.split(b" ", 1)[0].decode()] += 1
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        writer.transport.abort()


@dataclass
class Pair:
    """A Service `web` with an endpoint that breaks, and perhaps one that answers."""

    breaking: Breaking
    good: Recorder

    def tries(self, method: str) -> int:
        return self.breaking.tried[method] + sum(one.method == method for one in self.good.seen)


@asynccontextmanager
async def pair(site: Site, alone: bool = False) -> AsyncIterator[Pair]:
    found = Pair(Breaking(), Recorder())
    async with backends.raw(found.breaking) as wrong, backends.raw(found.good) as right:
        site.backend("web", wrong.port, *(() if alone else (right.port,)))
        yield found
        site.clean()


async def statuses(site: Site, method: str, number: int = 20, **options: Any) -> Counter[int]:
    found: Counter[int] = Counter()
    for _ in range(number):
        found[(await site.gateway.request(method, site.host, **options)).status_code] += 1
    return found


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
async def test_what_is_idempotent_is_answered_by_another_endpoint(site: Site, method: str) -> None:
    async with pair(site) as found:
        site.ingress()
        await site.gateway.settled()
        assert set(await statuses(site, method)) == {200}
    assert found.breaking.tried[method]


@pytest.mark.parametrize("method", ["POST", "PATCH", "LOCK"])
async def test_what_is_not_is_sent_once(site: Site, method: str) -> None:
    async with pair(site) as found:
        site.ingress()
        await site.gateway.settled()
        assert set(await statuses(site, method)) == {200, 503}
    assert found.tries(method) == 20


async def test_a_body_is_sent_again_as_a_whole(site: Site) -> None:
    body = b"b" * 100_000
    async with pair(site) as found:
        site.ingress()
        await site.gateway.settled()
        assert set(await statuses(site, "PUT", content=body)) == {200}
    assert found.breaking.tried["PUT"]
    assert {one.body for one in found.good.seen} == {body}


async def test_how_often_it_is_tried(site: Site) -> None:
    async with pair(site, alone=True) as found:
        site.ingress()
        await site.gateway.settled()
        assert await statuses(site, "GET", 1) == {503: 1}
    assert found.breaking.tried == {"GET": 3}


@pytest.mark.parametrize(
    ("annotation", "get", "post"),
    [("off", 1, 1), ("http_502", 1, 1), ("error", 3, 1), ("error http_502", 3, 1), ("error non_idempotent", 3, 3)],
)
async def test_what_the_annotation_says(site: Site, annotation: str, get: int, post: int) -> None:
    async with pair(site, alone=True) as found:
        site.ingress(annotations={NEXT: annotation})
        await site.gateway.settled()
        await statuses(site, "GET", 1)
        await statuses(site, "POST", 1)
    assert found.breaking.tried == {"GET": get, "POST": post}


async def test_a_backend_that_is_silent_for_too_long(site: Site) -> None:
    """A limit of the route ends it; only where Envoy did not know the route at first there are other tries."""
    tried: Counter[bytes] = Counter()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tried[(await reader.readuntil(b"\r\n\r\n")).split(b" ", 1)[0]] += 1
        await reader.read()

    async with backends.raw(silent) as server:
        site.backend("web", server.port)
        site.ingress(annotations={"nginx.ingress.kubernetes.io/proxy-read-timeout": "1"})
        await site.gateway.settled()
        assert await statuses(site, "POST", 1) == {504: 1}
        assert await statuses(site, "GET", 1) == {504: 1}
        site.clean()
    assert tried[b"POST"] == 1
    assert 1 <= tried[b"GET"] <= 3


async def test_no_client_decides_how_often(site: Site) -> None:
    async with pair(site, alone=True) as found:
        site.ingress()
        site.ingress(name="never", host=f"off.{site.host}", annotations={NEXT: "off"})
        await site.gateway.settled()
        await statuses(site, "GET", 1, headers=WISHES)
        await statuses(site, "POST", 1, headers=WISHES)
        assert found.breaking.tried == {"GET": 3, "POST": 1}
        await site.get(host=f"off.{site.host}", headers=WISHES)
    assert found.breaking.tried == {"GET": 4, "POST": 1}


async def test_no_client_behind_a_trusted_proxy_decides(new_gateway: NewGateway) -> None:
    """Envoy believes addresses of private networks more than others."""
    site = Site(new_gateway(settings={"http": {"trusted_hops": 1}}).start())
    async with pair(site, alone=True) as found:
        site.ingress()
        await site.gateway.settled()
        for method in ("GET", "POST"):
            await statuses(site, method, 1, headers={**WISHES, "x-forwarded-for": "10.0.0.1"})
    assert found.breaking.tried == {"GET": 3, "POST": 1}


async def test_no_backend_sees_what_the_router_was_told(site: Site) -> None:
    """Nor one that gets copies."""
    copies, upgraded = Recorder(), Recorder()
    async with pair(site) as found, backends.raw(copies) as mirror, backends.raw(upgraded) as socket_server:
        site.backend("copies", mirror.port)
        site.backend("socket", socket_server.port)
        site.ingress(annotations={"higress.io/mirror-target-service": f"copies.{site.namespace}.svc.cluster.local:80"})
        site.ingress("socket:80", name="socket", host=f"ws.{site.host}")
        await site.gateway.settled()
        for method in ("GET", "POST"):
            await statuses(site, method)
        upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
        await site.get(host=f"ws.{site.host}", headers=upgrade)
    assert copies.seen
    assert upgraded.seen
    names = {name for one in (*found.good.seen, *copies.seen, *upgraded.seen) for name, _ in one.headers}
    assert not [name for name in names if "retry" in name or "retries" in name]


@pytest.mark.parametrize(("retry", "get", "post"), [(None, 3, 1), ({"attempts": 0}, 1, 1), ({"attempts": 1}, 2, 2)])
async def test_a_route_of_the_gateway_api(site: Site, retry: dict[str, int] | None, get: int, post: int) -> None:
    async with pair(site, alone=True) as found:
        own.routed(site, own.rule() if retry is None else own.rule(retry=retry))
        await site.gateway.settled()
        await statuses(site, "GET", 1)
        await statuses(site, "POST", 1)
    assert found.breaking.tried == {"GET": get, "POST": post}


async def test_a_limit_for_one_try_does_not_ask_for_another(site: Site) -> None:
    tried: Counter[str] = Counter()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tried.update(["try"])
        await reader.read()

    async with backends.raw(silent) as server:
        site.backend("web", server.port)
        own.routed(site, own.rule(timeouts={"backendRequest": "300ms"}))
        await site.gateway.settled()
        assert await statuses(site, "GET", 1) == {504: 1}
        site.clean()
    assert tried == {"try": 1}


@pytest.mark.parametrize(
    ("wanted", "get", "post"),
    [
        ({"attempts": 1}, 2, 1),
        ({"triggers": ["connect-failure"]}, 1, 1),
        ({"triggers": ["reset"], "attempts": 1}, 2, 2),
        ({"triggers": ["reset"], "attempts": 1, "idempotentOnly": True}, 2, 1),
        ({"triggers": ["5xx"], "attempts": 1, "idempotentOnly": True}, 2, 1),
        ({"attempts": 0}, 1, 1),
    ],
)
async def test_what_a_policy_says(site: Site, wanted: dict[str, object], get: int, post: int) -> None:
    async with pair(site, alone=True) as found:
        own.routed(site)
        own.policy(site, "TrafficPolicy", retry=wanted)
        await site.gateway.settled()
        await statuses(site, "GET", 1)
        await statuses(site, "POST", 1)
    assert found.breaking.tried == {"GET": get, "POST": post}
