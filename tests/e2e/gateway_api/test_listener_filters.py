"""Filters of listeners, through a real Envoy: who is asked before a route is chosen, and in which order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import pem
from tests.e2e import manifests, processes
from tests.e2e.backends import LOOPBACK, Echo
from tests.e2e.gateway_api.judges import Judge, asks, grpc_judge, judge
from tests.e2e.gateway_api.objects import of
from tests.e2e.harness import Gateway, eventually


@dataclass
class World:
    gateway: Gateway
    first: Judge
    second: Judge
    port: int
    tls_port: int

    async def ask(self, path: str, host: str = "a.test", method: str = "GET", **more: Any) -> httpx.Response:
        headers = {"host": host, **more.pop("headers", {})}
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.request(method, f"http://{LOOPBACK}:{self.port}{path}", headers=headers, **more)


@pytest.fixture
async def world(echoes: tuple[Echo, Echo], tmp_path: Path) -> AsyncIterator[World]:
    port, tls_port = processes.free_ports(2)
    evil = [("host", "evil.test"), ("x-sealos-scope", "evil"), ("x-seen", "first")]
    async with (
        judge(gives=[("x-tenant", "first"), *evil]) as first,
        judge(gives=[("x-tenant", "second"), ("x-other", "not named")]) as second,
        grpc_judge() as by_grpc,
    ):
        made = Gateway(tmp_path / "gw", settings={"lazy": {"threshold": 0}})
        made.apply(of("GatewayClass", "sealos", "", controllerName="sealos.io/gateway-controller"))
        both = {"requests": [asks("first", path="/judge", allowedHeaders=["x-told"]),
                             asks("second", body=64, allowedResponseHeaders=["x-tenant"])]}  # fmt: skip
        listeners = [
            {"name": "free", "port": port, "protocol": "HTTP", "hostname": "free.test"},
            {"name": "both", "port": port, "protocol": "HTTP", "hostname": "*.test", "filters": both},
            {"name": "grpc", "port": port, "protocol": "HTTP", "hostname": "grpc.test",
             "filters": {"requests": [asks("by-grpc", "GRPC")]}},
            {"name": "absent", "port": port, "protocol": "HTTP", "hostname": "absent.test",
             "filters": {"requests": [asks("absent")]}},
            {"name": "tls", "port": tls_port, "protocol": "HTTPS", "hostname": "tls.test", "filters": both,
             "tls": {"certificateRefs": [{"name": "own"}]}},
        ]  # fmt: skip
        made.apply(of("Gateway", "gw", gatewayClassName="sealos", listeners=listeners))
        made.apply(manifests.tls_secret("own", "shop", *pem.pair("tls.test")))
        for name, number in (("first", first.port), ("second", second.port), ("by-grpc", by_grpc.port),
                             ("web", echoes[0].port), ("api", echoes[1].port)):  # fmt: skip
            made.apply(manifests.service(name, "shop"))
            made.apply(manifests.endpoint_slice(name, "shop", [LOOPBACK], {"http": number}))
        tenant = {"headers": [{"name": "x-tenant", "value": "second"}]}
        rules = [
            {"matches": [{"path": {"value": "/r"}}], "backendRefs": [{"name": "web", "port": 80}]},
            {"matches": [{"path": {"value": "/r"}, **tenant}], "backendRefs": [{"name": "api", "port": 80}]},
            {"matches": [{"path": {"value": "/new"}}], "backendRefs": [{"name": "api", "port": 80}]},
        ]
        made.apply(of("HTTPRoute", "web", parentRefs=[{"name": "gw"}], rules=rules))
        try:
            yield World(made.start(), first, second, port, tls_port)
        finally:
            made.stop()


async def test_filters_run_in_order_and_routes_are_matched_once_with_what_they_made(world: World) -> None:
    for sent in ({}, {"x-tenant": "mine"}):
        reply = await world.ask("/r/1?q=1", headers=sent)
        said, headers = reply.json(), dict(reply.json()["headers"])
        assert (reply.status_code, said["name"], said["path"]) == (200, "echo-b", "/r/1"), "the last filter has the say"
        assert (headers["x-tenant"], headers["x-seen"], headers["host"]) == ("second", "first", "a.test")
        assert "x-other" not in headers, "it is not named"
        assert headers.get("content-type") != "x/judge"
    assert (await world.ask("/r", host="A.Test")).json()["name"] == "echo-b"
    assert (await world.ask("/r", host="free.test")).json()["name"] == "echo-a", "another listener of the port"


async def test_what_services_are_told(world: World) -> None:
    sent = {"x-told": "yes", "x-untold": "no", "authorization": "Bearer abc"}
    reply = await world.ask("/r/2?q=1", method="POST", headers=sent, content=b"hello")
    assert reply.status_code == 200
    method, target, headers, body = world.first.asked[-1]
    assert (method, target, headers["host"], body) == ("POST", "/judge/r/2?q=1", "a.test", b"")
    assert (headers["x-told"], headers["authorization"], headers["content-length"]) == ("yes", "Bearer abc", "0")
    assert not {"x-untold", "x-sealos-scope"} & headers.keys()
    assert world.second.asked[-1][1] == "/r/2?q=1"
    assert world.second.asked[-1][3] == b"hello"
    for length in (65, 65_536, 4 << 20):
        before = len(world.second.asked)
        assert (await world.ask("/r", method="POST", content=b"x" * length)).status_code == 413
        chunks = [b"x" * 60, b"x" * (length - 60)]
        assert await _refused(world, chunks)
        assert len(world.second.asked) == before


async def _refused(world: World, chunks: list[bytes]) -> bool:
    """413; or its connection was closed while megabytes were still on their way, before this client read the answer."""
    try:
        return (await world.ask("/r", method="POST", content=_later(chunks))).status_code == 413
    except (httpx.ReadError, httpx.WriteError):
        return len(chunks[-1]) > 1 << 20


async def _later(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for one in chunks:
        yield one
        await asyncio.sleep(0.05)


async def test_who_is_denied_gets_no_further(world: World) -> None:
    assert (await world.ask("/nowhere")).status_code == 404
    before = len(world.second.asked)
    world.first.status = 401
    for path in ("/r", "/nowhere"):
        reply = await world.ask(path)
        assert (reply.status_code, reply.text) == (401, "denied by the judge")
    assert len(world.second.asked) == before, "the next one is not asked"
    assert (await world.ask("/r", host="free.test")).status_code == 200
    world.first.status = 503
    assert (await world.ask("/r")).status_code == 503, "no answer is no yes"
    world.first.status = 204
    assert (await world.ask("/r")).status_code != 200, "only 200 is a yes"


async def test_a_service_that_speaks_grpc(world: World) -> None:
    assert (await world.ask("/old", host="grpc.test")).status_code == 401
    reply = await world.ask("/old/1", host="grpc.test", headers={"x-name": "joe"})
    said, headers = reply.json(), dict(reply.json()["headers"])
    assert (said["name"], said["path"], headers["x-tenant"]) == ("echo-b", "/new/1", "joe"), "routed by the new path"
    assert headers["host"] == "grpc.test"


async def test_a_reference_that_leads_nowhere_shuts_the_listener_until_it_does(world: World) -> None:
    for path in ("/r", "/nowhere"):
        reply = await world.ask(path, host="absent.test")
        assert (reply.status_code, reply.text) == (503, "refused: a filter of this listener cannot be honoured")
    told = [it for it in world.gateway.problems() if "InvalidListenerFilterRef" in it]
    assert len(told) == 1
    assert "filters.requests[0].externalAuth.backendRef: Service shop/absent does not exist" in told[0]
    world.gateway.apply(manifests.service("absent", "shop"))
    world.gateway.apply(manifests.endpoint_slice("absent", "shop", [LOOPBACK], {"http": world.first.port}))

    async def open_() -> bool:
        return (await world.ask("/r", host="absent.test")).status_code == 200

    await eventually(open_)
    assert dict((await world.ask("/r", host="absent.test")).json()["headers"])["x-tenant"] == "first"


async def test_filters_that_come_and_go(world: World) -> None:
    file = world.gateway.manifests / "gateway.shop.gw.json"
    gateway = json.loads(file.read_text())
    kept = gateway["spec"]["listeners"][1].pop("filters")
    world.gateway.apply(gateway)
    await world.gateway.settled()

    async def by(name: str) -> bool:
        return bool((await world.ask("/r")).json()["name"] == name)

    await eventually(lambda: by("echo-a"))
    gateway["spec"]["listeners"][1]["filters"] = {"requests": kept["requests"][::-1]}
    world.gateway.apply(gateway)
    await eventually(lambda: _tenant(world, "first"))


async def _tenant(world: World, name: str) -> bool:
    return dict((await world.ask("/r")).json()["headers"]).get("x-tenant") == name


async def test_a_listener_with_tls(world: World) -> None:
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        url, sni = f"https://{LOOPBACK}:{world.tls_port}/r", {"sni_hostname": "tls.test"}
        reply = await client.get(url, headers={"host": "tls.test"}, extensions=sni)
        assert (reply.status_code, reply.json()["name"]) == (200, "echo-b")
        world.second.status = 403
        assert (await client.get(url, headers={"host": "tls.test"}, extensions=sni)).status_code == 403
