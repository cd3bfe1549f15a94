"""What is spoken towards the gateway: HTTP/1.1, HTTP/2, gRPC, WebSocket and other upgrades."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
import websockets

from tests.e2e import backends, manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway, Site
from tests.e2e.harness import eventually
from tests.e2e.wire import request, wire

METHODS = "/sealos.echo.v1.Echo"


@asynccontextmanager
async def channel(site: Site) -> AsyncIterator[Any]:
    target = f"127.0.0.1:{site.gateway.http_port}"
    options = (("grpc.default_authority", site.host), ("grpc.enable_http_proxy", 0))
    async with grpc.aio.insecure_channel(target, options=options) as found:
        yield found


@pytest.fixture
async def rpc(site: Site, echo_a: Echo) -> Site:
    """The test's host leads to the gRPC port of echo-a."""
    site.backend("web", echo_a.grpc_port, app_protocol="grpc")
    site.ingress()
    await site.gateway.settled()
    return site


@pytest.mark.parametrize("http2", [False, True], ids=["http/1.1", "h2c"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_methods_and_bodies(web: Site, method: str, http2: bool) -> None:
    body = b"" if method in ("GET", "OPTIONS") else b"hello"
    reply = await web.gateway.request(method, web.host, "/a%20b?x=1&x=2", content=body, http2=http2)
    said = reply.json()
    assert reply.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
    assert (said["method"], said["path"], said["query"]) == (method, "/a%20b", "x=1&x=2")
    assert said["body_sha256"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("http2", [False, True], ids=["http/1.1", "h2c"])
async def test_head_and_answers_without_a_body(web: Site, http2: bool) -> None:
    reply = await web.gateway.request("HEAD", web.host, "/", http2=http2)
    assert (reply.status_code, reply.content) == (200, b"")
    assert int(reply.headers["content-length"]) > 0
    for status in (204, 304):
        reply = await web.get(f"/?status={status}", http2=http2)
        assert (reply.status_code, reply.content) == (status, b"")


@pytest.mark.parametrize("status", [201, 301, 400, 404, 418, 500, 502, 503, 504])
async def test_answers_of_the_backend_pass_unchanged(web: Site, status: int) -> None:
    reply = await web.get(f"/?status={status}&header=Location:/there&header=Server:mine&header=Set-Cookie:a=b")
    assert reply.status_code == status
    assert reply.json()["name"] == "echo-a"
    assert (reply.headers["location"], reply.headers["set-cookie"]) == ("/there", "a=b")
    assert reply.headers["server"] == "mine"
    assert not [name for name in reply.headers if name.startswith("x-envoy")]


async def test_many_requests_on_one_connection(web: Site) -> None:
    for http2 in (False, True):
        async with web.gateway.client(http2=http2) as client:
            before = web.gateway.stats("^http.http.downstream_cx_total$")
            replies = [await client.get("/", headers={"Host": web.host}) for _ in range(20)]
            after = web.gateway.stats("^http.http.downstream_cx_total$")
        assert {reply.status_code for reply in replies} == {200}
        assert after["http.http.downstream_cx_total"] - before["http.http.downstream_cx_total"] <= 1


async def test_expect_100_continue_reaches_the_backend_and_back(web: Site) -> None:
    async with wire(web.gateway.http_port) as connection:
        await connection.send(request("/", web.host, "Expect: 100-continue", "Content-Length: 5", method="POST"))
        assert (await connection.interim()).startswith(b"HTTP/1.1 100")
        await connection.send(b"hello")
        reply = await connection.reply("POST")
    assert reply.status == 200
    assert b'"body":"hello"' in reply.body


async def test_grpc_unary_with_metadata_and_trailers(rpc: Site) -> None:
    async with channel(rpc) as found:
        call = found.unary_unary(f"{METHODS}/Unary")(b"\x00\xff raw", metadata=(("echo-me", "please"),))
        assert await call == b"\x00\xff raw"
        assert ("echo-me", "please") in tuple(await call.initial_metadata())
        assert ("echo-me", "please") in tuple(await call.trailing_metadata())
        assert await call.code() == grpc.StatusCode.OK


async def test_grpc_status_and_message_of_an_error_arrive(rpc: Site) -> None:
    async with channel(rpc) as found:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await found.unary_unary(f"{METHODS}/Unary")(b"x", metadata=(("echo-status", "9"),))
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert caught.value.details() == "asked for by echo-status: 9"


async def test_grpc_server_stream(rpc: Site) -> None:
    async with channel(rpc) as found:
        call = found.unary_stream(f"{METHODS}/ServerStream")(b"again", metadata=(("echo-count", "50"),))
        assert [message async for message in call] == [b"again"] * 50
        assert dict(await call.trailing_metadata())["x-echo-pod"] == "echo-a"


async def test_grpc_both_ways_message_by_message(rpc: Site) -> None:
    """Each answer is read before the next message is written: nothing on the way waits for the end of a stream."""
    async with channel(rpc) as found:
        call = found.stream_stream(f"{METHODS}/Bidi")()
        for number in range(20):
            await call.write(b"%d" % number)
            assert await call.read() == b"%d" % number
        await call.done_writing()
        assert await call.read() == grpc.aio.EOF
        assert await call.code() == grpc.StatusCode.OK


async def test_grpc_to_an_unknown_host_is_unimplemented(rpc: Site) -> None:
    async with channel(Site(rpc.gateway)) as found:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await found.unary_unary(f"{METHODS}/Unary")(b"x")
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED  # what gRPC makes of a 404


def websocket(site: Site, path: str = "/", *subprotocols: str) -> websockets.connect:
    return websockets.connect(
        f"ws://{site.host}{path}",
        host="127.0.0.1",
        port=site.gateway.http_port,
        proxy=None,
        subprotocols=[websockets.Subprotocol(name) for name in subprotocols] or None,
    )


async def test_websocket(web: Site) -> None:
    async with websocket(web, "/chat", "chat") as socket:
        assert socket.subprotocol == "chat"
        assert socket.response is not None
        assert socket.response.headers["x-echo-pod"] == "echo-a"
        for message in ("text", b"\x00bytes", "x" * 200_000):
            await socket.send(message)
            assert await socket.recv() == message
        await (await socket.ping())


async def test_a_port_marked_as_websocket_takes_websockets(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port, app_protocol="kubernetes.io/ws")
    site.ingress()
    await site.gateway.settled()
    async with websocket(site) as socket:
        await socket.send("hello")
        assert await socket.recv() == "hello"


async def test_an_upgrade_that_the_backend_refuses_is_answered_as_it_says(web: Site) -> None:
    headers = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 99", "Sec-WebSocket-Key: x")
    async with wire(web.gateway.http_port) as connection:
        await connection.send(request("/", web.host, *headers))
        assert (await connection.reply()).status in (400, 426)


async def switching(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A backend that accepts any upgrade, then says every byte back."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    kind = next((line.partition(":")[2].strip() for line in head.splitlines() if line.startswith("upgrade:")), "")
    if not kind:
        return
    writer.write(f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {kind}\r\n\r\n".encode())
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


def upgrade(host: str, kind: str) -> bytes:
    return request("/exec", host, "Connection: Upgrade", f"Upgrade: {kind}", "Content-Length: 0", method="POST")


async def test_other_upgrade_types_by_setting(new_gateway: NewGateway) -> None:
    """As `kubectl exec` does it."""
    site = Site(new_gateway(settings={"http": {"upgrade_types": ["spdy/3.1"]}}).start())
    async with backends.raw(switching) as server:
        site.backend("web", server.port)
        site.ingress()
        await site.gateway.settled()
        async with wire(site.gateway.http_port) as connection:
            await connection.send(upgrade(site.host, "SPDY/3.1"))
            reply = await connection.reply("POST")
            assert (reply.status, reply.headers["upgrade"]) == (101, "spdy/3.1")
            for size in (1, 1000, 300_000):
                await connection.send(b"z" * size)
                assert await connection.read(size) == b"z" * size
        async with wire(site.gateway.http_port) as connection:
            await connection.send(upgrade(site.host, "other/1"))
            assert (await connection.reply("POST")).status == 403


@pytest.mark.parametrize("host", ["{}", "warm.{}", "any.wild.{}", "UPPER.{}"])
async def test_an_upgrade_type_that_is_not_configured_never_reaches_a_backend(site: Site, host: str) -> None:
    """Envoy alone would let it through wherever it does not know the route when the request comes."""
    name = host.format(site.host)
    async with backends.raw(switching) as server:
        site.backend("web", server.port)
        site.apply(
            manifests.ingress(
                "web",
                site.namespace,
                {it.format(site.host): "web:80" for it in ("{}", "warm.{}", "*.wild.{}", "upper.{}")},
            )
        )
        await site.gateway.settled()
        if "warm" in name:
            assert (await site.get("/", host=name)).status_code == 503
        before = server.connections
        async with wire(site.gateway.http_port) as connection:
            hidden = request("/hidden", name)
            await connection.send(upgrade(name, "SPDY/3.1") + hidden)
            assert (await connection.reply("POST")).status == 403
            assert await connection.closed() == b""
        assert server.connections == before


async def test_grpc_over_a_default_port_of_several(site: Site, echo_a: Echo) -> None:
    """HTTP and gRPC of one Service side by side, each on its port and in its protocol."""
    site.apply(
        manifests.service("web", site.namespace, manifests.port(), manifests.port(90, "rpc", "grpc")),
        manifests.endpoint_slice("web", site.namespace, ["127.0.0.1"], {"http": echo_a.port, "rpc": echo_a.grpc_port}),
    )
    site.ingress([manifests.path("/", "web:http"), manifests.path(METHODS, "web:rpc")])
    assert (await eventually(site.answer))["http_version"] == "1.1"
    async with channel(site) as found:
        assert await found.unary_unary(f"{METHODS}/Unary")(b"x") == b"x"
