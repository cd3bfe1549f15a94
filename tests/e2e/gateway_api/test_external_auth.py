"""ExternalAuth in rules of HTTPRoutes, through a real Envoy: who is asked what, and that nobody else passes."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from tests import pem
from tests.e2e import manifests, processes, wire
from tests.e2e.backends import LOOPBACK, Echo
from tests.e2e.gateway_api.judges import DENIED, GrpcJudge, Judge, asks, grpc_judge, judge
from tests.e2e.gateway_api.objects import CLASS, gateway, of
from tests.e2e.harness import Gateway, eventually
from tests.e2e.manifests import Object

NOBODY = "127.0.0.2"  # where nobody listens
CA = pem.Authority("ca")


def rule(path: str, *filters: Object, to: str = "web", headers: dict[str, str] | None = None) -> Object:
    conditions = [{"name": name, "value": value} for name, value in (headers or {}).items()]
    match = {"path": {"value": path}, **({"headers": conditions} if conditions else {})}
    return {"matches": [match], "filters": list(filters), "backendRefs": [{"name": to, "port": 80}]}


def modifier(**what: Any) -> Object:
    return {"type": "RequestHeaderModifier", "requestHeaderModifier": what}


REDIRECT = {"type": "RequestRedirect", "requestRedirect": {"statusCode": 302, "hostname": "elsewhere.test"}}
USER = {"name": "x-user", "value": "route"}
RULES = [
    rule("/http", asks("judge", path="/judge", allowedHeaders=["X-Told"], allowedResponseHeaders=["X-User"])),
    rule("/http", to="api", headers={"x-user": "joe"}),
    rule("/all", asks("judge")),
    rule("/grpc", asks("by-grpc", "GRPC")),
    rule("/told", asks("by-grpc", "GRPC", allowedHeaders=["x-name"])),
    rule("/new", to="api"),
    rule("/body", asks("judge", body=64)),
    rule("/large", asks("judge", body=4 << 20)),
    rule("/grpc-body", asks("by-grpc", "GRPC", body=64)),
    rule("/before", modifier(set=[USER], remove=["x-told"]), asks("judge", allowedHeaders=["x-user", "x-told"])),
    rule("/after", asks("judge", allowedHeaders=["x-user"]), modifier(set=[USER])),
    {**rule("/move", REDIRECT, asks("judge")), "backendRefs": []},
    rule("/open"),
    rule("/absent", asks("absent")),
    rule("/forbidden", asks("judge", namespace="sso")),
    rule("/down", asks("down")),
    rule("/half", asks("half")),
    rule("/half-grpc", asks("half-grpc", "GRPC")),
    rule("/twice", asks("judge"), asks("judge")),
    {**rule("/share"), "backendRefs": [{"name": "web", "port": 80},
                                       {"name": "api", "port": 80, "filters": [asks("judge")]}]},
]  # fmt: skip


@dataclass
class World:
    gateway: Gateway
    judge: Judge
    by_grpc: GrpcJudge
    port: int

    async def ask(self, path: str, method: str = "GET", host: str = "a.test", **more: Any) -> httpx.Response:
        headers = {"host": host, **more.pop("headers", {})}
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.request(method, f"http://{LOOPBACK}:{self.port}{path}", headers=headers, **more)

    async def seen(self, path: str, **more: Any) -> dict[str, str]:
        """What the backend read."""
        reply = await self.ask(path, **more)
        assert reply.status_code == 200, reply.text
        return dict(reply.json()["headers"])

    def service(self, name: str, *places: tuple[str, int], namespace: str = "shop") -> None:
        service(self.gateway, name, *places, namespace=namespace)


def service(made: Gateway, name: str, *places: tuple[str, int], namespace: str = "shop") -> None:
    made.apply(manifests.service(name, namespace))
    for number, (address, port) in enumerate(places):
        made.apply(manifests.endpoint_slice(name, namespace, [address], {"http": port}, name=f"{name}-{number}"))


@pytest.fixture
async def world(echoes: tuple[Echo, Echo], tmp_path: Path) -> AsyncIterator[World]:
    (port,) = processes.free_ports(1)
    evil = [("host", "evil.test"), ("x-sealos-scope", "evil"), ("x-envoy-retry-on", "5xx"), ("x-other", "other")]
    async with judge(gives=[("x-user", "joe"), *evil]) as asked, grpc_judge() as by_grpc:
        by_grpc.writes.append((":method", "PUT"))
        made = Gateway(tmp_path / "gw", settings={"lazy": {"threshold": 0}})
        made.apply(CLASS, gateway({"name": "any", "port": port, "protocol": "HTTP"}))
        found = World(made, asked, by_grpc, port)
        for name, *places in (
            ("web", (LOOPBACK, echoes[0].port)), ("api", (LOOPBACK, echoes[1].port)), ("judge", (LOOPBACK, asked.port)),
            ("by-grpc", (LOOPBACK, by_grpc.port)), ("down", (NOBODY, asked.port)),
            ("half", (LOOPBACK, asked.port), (NOBODY, asked.port)),
            ("half-grpc", (LOOPBACK, by_grpc.port), (NOBODY, by_grpc.port)),
        ):  # fmt: skip
            found.service(name, *places)
        found.service("judge", (LOOPBACK, asked.port), namespace="sso")
        route: dict[str, Any] = {"parentRefs": [{"name": "gw"}], "hostnames": ["a.test", "*.wild.test"]}
        made.apply(of("HTTPRoute", "web", **route, rules=RULES[:16]))
        made.apply(of("HTTPRoute", "more", **route, rules=RULES[16:]))
        try:
            made.start()
            yield found
        finally:
            made.stop()


async def test_who_passes_and_what_the_backend_reads(world: World) -> None:
    headers = await world.seen("/http/1", headers={"x-user": "me", "x-other": "mine"})
    assert (headers["x-user"], headers["x-other"], headers["host"]) == ("joe", "mine", "a.test")
    assert (await world.ask("/http/1")).json()["name"] == "echo-a", "what the service says chooses no other rule"
    headers = await world.seen("/all", headers={"x-other": "mine"})
    assert (headers["x-user"], headers["x-other"], headers["host"]) == ("joe", "other", "a.test")
    assert not {"x-sealos-scope", "x-envoy-retry-on"} & headers.keys()
    assert headers.get("content-type") != "x/judge"
    before = len(world.judge.asked)
    assert (await world.ask("/open")).status_code == 200
    assert len(world.judge.asked) == before


async def test_what_the_service_is_told(world: World) -> None:
    sent = {"x-told": "yes", "x-untold": "no", "authorization": "Bearer abc"}
    assert (await world.ask("/http/2?q=1", "POST", headers=sent, content=b"hello")).json()["body_bytes"] == 5
    method, target, headers, body = world.judge.asked[-1]
    assert (method, target, headers["host"], body) == ("POST", "/judge/http/2?q=1", "a.test", b"")
    assert (headers["x-told"], headers["authorization"], headers["content-length"]) == ("yes", "Bearer abc", "0")
    assert not {"x-untold", "x-sealos-scope", "x-envoy-retry-on"} & headers.keys()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PURGE"])
@pytest.mark.parametrize("path", ["/http", "/move"])
async def test_nobody_passes_whom_the_service_denies(world: World, method: str, path: str) -> None:
    """Whatever the method: the place in which it is asked does more for some of them."""
    world.judge.status, world.judge.gives = 403, [("x-why", "because"), ("set-cookie", "a=1")]
    for headers in ({}, {"upgrade": "websocket", "connection": "upgrade"}):
        reply = await world.ask(path, method, headers=headers)
        assert (reply.status_code, reply.headers["x-why"], reply.headers["set-cookie"]) == (403, "because", "a=1")
        assert reply.text == ("" if method == "HEAD" else DENIED)
        assert world.judge.asked.pop()[0] == method


async def test_only_200_is_a_yes(world: World) -> None:
    for status in (201, 204, 302, 401, 404, 503):
        world.judge.status = status
        assert (await world.ask("/http")).status_code == status
    world.judge.status = 200
    reply = await world.ask("/move")
    assert (reply.status_code, reply.headers["location"]) == (302, f"http://elsewhere.test:{world.port}/move")


async def test_a_service_that_speaks_grpc(world: World) -> None:
    reply = await world.ask("/grpc/old")
    assert (reply.status_code, reply.text, reply.headers["www-authenticate"]) == (401, "no name", "Name")
    sent = {"x-name": "joe", "x-more": "1"}
    reply = await world.ask("/grpc/old?q=1", "POST", headers=sent, content=b"hello")
    said, headers = reply.json(), dict(reply.json()["headers"])
    assert (said["name"], said["method"], said["path"]) == ("echo-a", "POST", "/grpc/old"), "what was matched stays"
    assert (headers["x-tenant"], headers["host"]) == ("joe", "a.test")
    asked = world.by_grpc.asked[-1]
    assert (asked.method, asked.path, asked.host, asked.body) == ("POST", "/grpc/old?q=1", "a.test", "")
    assert asked.headers["x-more"] == "1", "all headers"
    assert not {"x-sealos-scope", "x-envoy-retry-on"} & asked.headers.keys()
    assert (await world.ask("/told", headers=sent)).status_code == 200
    assert "x-more" not in world.by_grpc.asked[-1].headers, "those that are named"


@pytest.mark.parametrize("path", ["/body", "/grpc-body"])
async def test_the_body_of_a_request(world: World, path: str) -> None:
    sent, by_grpc = {"x-name": "joe"}, path == "/grpc-body"
    asked: list[Any] = world.by_grpc.asked if by_grpc else world.judge.asked
    for body in (b"", b"x" * 64):
        assert (await world.ask(path, "POST", headers=sent, content=body)).json()["body_bytes"] == len(body)
        assert (asked[-1].body.encode() if by_grpc else asked[-1][3]) == body
        if not by_grpc:
            assert asked[-1][2]["content-length"] == str(len(body))
    before = len(asked)
    for body in (b"x" * 65, b"x" * 65_536):
        assert (await world.ask(path, "POST", headers=sent, content=body)).status_code == 413
    assert len(asked) == before


async def test_a_large_body(world: World) -> None:
    """Larger than what Envoy holds of a request by itself."""
    body = b"x" * (3 << 20)
    assert (await world.ask("/large", "POST", content=body)).json()["body_bytes"] == len(body)
    assert world.judge.asked[-1][3] == body
    assert (await world.ask("/http", "POST", content=body)).json()["body_bytes"] == len(body)
    assert world.judge.asked[-1][3] == b""


async def test_headers_are_changed_before_or_after_as_it_is_written(world: World) -> None:
    world.judge.gives = [("x-told", "judge")]
    headers = await world.seen("/before", headers={"x-user": "me", "x-told": "lie"})
    asked = world.judge.asked[-1][2]
    assert (asked["x-user"], asked.get("x-told")) == ("route", None)
    assert (headers["x-user"], headers["x-told"]) == ("route", "judge")
    world.judge.gives = [("x-user", "judge")]
    headers = await world.seen("/after", headers={"x-user": "me"})
    assert (world.judge.asked[-1][2]["x-user"], headers["x-user"]) == ("me", "route")


async def test_a_service_that_cannot_be_reached_lets_nobody_pass(world: World) -> None:
    assert (await world.ask("/down")).status_code == 503
    assert (await world.ask("/absent")).status_code == 500
    assert (await world.ask("/twice")).status_code == 500
    reply = await world.ask("/forbidden")
    assert (reply.status_code, world.judge.asked) == (500, [])
    told = "\n".join(world.gateway.problems())
    assert "spec.rules[13].filters[0].externalAuth.backendRef: Service shop/absent does not exist" in told
    assert "no ReferenceGrant there allows it; until it is there the rule answers 500" in told
    assert "spec.rules[2].filters[1]: a rule can ask one service; let the first one ask this one" in told
    origin = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "shop"}
    grant: dict[str, Any] = {"from": [origin], "to": [{"group": "", "kind": "Service"}]}
    world.gateway.apply(of("ReferenceGrant", "grant", "sso", **grant))
    world.service("absent", (LOOPBACK, world.judge.port))

    async def opened() -> bool:
        return {(await world.ask(path)).status_code for path in ("/absent", "/forbidden")} == {200}

    await eventually(opened)
    world.judge.status = 403
    assert {(await world.ask(path)).status_code for path in ("/absent", "/forbidden")} == {403}


@pytest.mark.parametrize("path", ["/half", "/half-grpc"])
async def test_of_two_addresses_the_one_that_answers_is_asked(world: World, path: str) -> None:
    found = Counter([(await world.ask(path, "POST", headers={"x-name": "joe"})).status_code for _ in range(100)])
    assert found == {200: 100}


async def test_one_backend_among_several(world: World) -> None:
    """Its share alone is asked about."""
    world.judge.status = 403
    found = Counter([(await world.ask("/share")).status_code for _ in range(100)])
    assert set(found) == {200, 403}
    assert 20 < found[403] == len(world.judge.asked) < 80
    world.judge.status = 200
    names = Counter([(await world.ask("/share")).json()["name"] for _ in range(50)])
    assert set(names) == {"echo-a", "echo-b"}


async def test_envoy_has_the_service_when_traffic_comes_and_not_before(world: World) -> None:
    def clusters() -> set[str]:
        dump = world.gateway.config_dump("dynamic_active_clusters")
        return {it["cluster"]["name"] for it in dump if "judge" in it["cluster"]["name"]}

    assert clusters() == set()
    world.judge.status = 403
    replies = await asyncio.gather(*(world.ask("/http", host=host) for host in ("B.wild.TEST", "c.wild.test")))
    assert [reply.status_code for reply in replies] == [403, 403], "the very first request is asked about"
    assert len(clusters()) == 1


async def test_a_policy_asks_too_and_both_must_agree(world: World) -> None:
    """First that of the policy; what it finds out the service of the rule can be told."""
    async with judge(gives=[("x-told", "policy")]) as other:
        world.service("other", (LOOPBACK, other.port))
        target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "web"}
        spec = {"backendRef": {"name": "other", "port": 80}, "headersToBackend": ["x-told"]}
        policy = of("SecurityPolicy", "own", targetRefs=[target], externalAuth=spec)
        world.gateway.apply({**policy, "apiVersion": "sealos.io/v1"})

        async def asked() -> bool:
            return (await world.ask("/open")).status_code == 200 and bool(other.asked)

        await eventually(asked)
        before = len(world.judge.asked)
        assert (await world.ask("/http")).status_code == 200
        assert world.judge.asked[-1][2]["x-told"] == "policy"
        other.status = 401
        assert (await world.ask("/http")).status_code == 401
        assert len(world.judge.asked) == before + 1, "who was turned away is not asked about again"
        other.status, world.judge.status = 200, 403
        assert (await world.ask("/http")).status_code == 403


async def test_services_that_speak_tls(world: World, tmp_path: Path) -> None:
    own = CA.pair("judge.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (tmp_path / "own.pem").write_bytes(own.key + own.chain)
    context.load_cert_chain(tmp_path / "own.pem")
    credentials = grpc.ssl_server_credentials([(own.key, own.chain)])
    async with judge(context, gives=[("x-user", "tls")]) as asked, grpc_judge(credentials) as by_grpc:
        for name, port in (("tls", asked.port), ("tls-grpc", by_grpc.port)):
            world.service(name, (LOOPBACK, port))
        rules = [rule("/tls", asks("tls")), rule("/tls-grpc", asks("tls-grpc", "GRPC"))]
        targets = [{"group": "", "kind": "Service", "name": name} for name in ("tls", "tls-grpc")]
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": manifests.meta("ca", "shop")}
        validation = {"hostname": "judge.test", "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]}
        world.gateway.apply(of("BackendTLSPolicy", "tls", targetRefs=targets, validation=validation))
        world.gateway.apply(of("HTTPRoute", "tls", parentRefs=[{"name": "gw"}], hostnames=["tls.test"], rules=rules))

        async def says(status: int) -> bool:
            replies = [
                await world.ask(path, host="tls.test", headers={"x-name": "joe"}) for path in ("/tls", "/tls-grpc")
            ]
            return {reply.status_code for reply in replies} == {status}

        await eventually(lambda: says(503))
        assert not asked.asked
        assert not by_grpc.asked
        world.gateway.apply({**config_map, "data": {"ca.crt": CA.pem.decode()}})
        await eventually(lambda: says(200))
        assert (await world.seen("/tls", host="tls.test"))["x-user"] == "tls"
        world.gateway.delete(config_map)
        await eventually(lambda: says(503))


async def test_a_websocket_is_asked_about_without_its_bytes(world: World) -> None:
    """Also where the body of a request would be shown."""
    head = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eA=="]
    for path in ("/http", "/body"):
        before = len(world.judge.asked)
        assert (await wire.exchange(world.port, wire.request(path, "a.test", *head))).status == 101
        assert [it[0] for it in world.judge.asked[before:]] == ["GET"]
