"""Bodies and streams pass as they come: nothing waits for an end, is held in memory, or is cut by a clock."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import grpc
import httpx
import pytest
import websockets

from tests.e2e import backends
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.wire import request, wire

MEBIBYTE = 1 << 20
#: Longer than any of Envoy's own time limits that could cut a stream (the route timeout is 15 s by default).
LONGER_THAN_A_ROUTE_TIMEOUT = 16.0
BOTH = pytest.mark.parametrize("http2", [False, True], ids=["http/1.1", "h2c"])


async def served(site: Site, port: int) -> None:
    site.backend("web", port)
    site.ingress()
    await site.gateway.settled()


@BOTH
async def test_a_request_body_reaches_the_backend_before_its_end_is_written(site: Site, http2: bool) -> None:
    arrived, whole = asyncio.Event(), bytearray()

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while b"second" not in whole:
            whole.extend(await reader.read(1000))
            if b"first" in whole:
                arrived.set()
        await reader.readuntil(b"0\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.wait_for(arrived.wait(), 5)
        yield b"second" + b"-" * 1000

    async with backends.raw(backend) as server:
        await served(site, server.port)
        reply = await site.gateway.request("POST", site.host, content=body(), http2=http2)
        assert reply.status_code == 200


@BOTH
async def test_an_answer_reaches_the_client_before_its_end_is_written(site: Site, http2: bool) -> None:
    go_on = asyncio.Event()

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"9\r\ndata: 1\n\n\r\n")
        await asyncio.wait_for(go_on.wait(), 5)
        writer.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    async with backends.raw(backend) as server:
        await served(site, server.port)
        async with (
            site.gateway.client(http2=http2) as client,
            client.stream("GET", "/", headers={"Host": site.host}) as reply,
        ):
            parts = reply.aiter_text()
            assert await anext(parts) == "data: 1\n\n"
            go_on.set()
            assert await anext(parts) == "data: 2\n\n"


@BOTH
async def test_a_big_body_arrives_whole(site: Site, echo_a: Echo, http2: bool) -> None:
    await served(site, echo_a.port)
    block, count = bytes(range(256)) * 256, 512  # 32 MiB

    async def body() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield block

    reply = await site.gateway.request("PUT", site.host, content=body(), http2=http2, seconds=40)
    said = reply.json()
    assert said["body_bytes"] == len(block) * count
    assert said["body_sha256"] == hashlib.sha256(block * count).hexdigest()


@BOTH
async def test_a_big_answer_arrives_whole(site: Site, echo_a: Echo, http2: bool) -> None:
    await served(site, echo_a.port)
    size, received = 32 * MEBIBYTE, 0
    async with (
        site.gateway.client(http2=http2, seconds=40) as client,
        client.stream("GET", f"/?size={size}", headers={"Host": site.host}) as reply,
    ):
        async for part in reply.aiter_bytes():
            assert part.strip(b"x") == b""
            received += len(part)
    assert received == size


async def test_a_slow_reader_slows_the_backend_and_fills_no_memory(site: Site) -> None:
    """Envoy takes from the backend what the client takes from Envoy, plus bounded buffers."""
    total, part = 128 * MEBIBYTE, bytes(MEBIBYTE)
    written = 0

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n".encode())
        while written < total:
            writer.write(part)
            await writer.drain()
            written += len(part)

    def memory() -> int:
        return site.gateway.stats("^server.memory_allocated$")["server.memory_allocated"]

    async with backends.raw(backend) as server:
        await served(site, server.port)
        before = memory()
        async with wire(site.gateway.http_port) as connection:
            await connection.send(request("/", site.host))
            await still(lambda: written)
            assert written < total // 2
            assert memory() - before < 16 * MEBIBYTE
            head = await connection.interim()
            assert head.startswith(b"HTTP/1.1 200")
            for _ in range(total // len(part)):
                await connection.read(len(part))
        assert written == total


async def still(value: Callable[[], int]) -> None:
    """Return when a value is above zero and has not changed for a while."""
    last, times = 0, 0
    while times < 20:
        now = value()
        last, times = now, times + 1 if now == last and now else 0
        await asyncio.sleep(0.02)


async def test_the_backend_hears_that_a_client_left(site: Site) -> None:
    left = asyncio.Event()

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        await reader.read()
        left.set()

    async with backends.raw(backend) as server:
        await served(site, server.port)
        async with wire(site.gateway.http_port) as connection:
            await connection.send(request("/", site.host))
            await connection.interim()
        await asyncio.wait_for(left.wait(), 5)


async def test_an_answer_cut_by_the_backend_is_cut_for_the_client(site: Site) -> None:
    """Half an answer must never look like a whole one."""

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        await writer.drain()

    async with backends.raw(backend) as server:
        await served(site, server.port)
        for http2 in (False, True):
            with pytest.raises(httpx.RemoteProtocolError):
                await site.get(http2=http2)


async def test_streams_outlive_silence_of_every_kind(site: Site, echo_a: Echo) -> None:
    """Events, an upload, a WebSocket and a gRPC stream are silent together for longer than a route timeout."""
    await served(site, echo_a.port)
    rpc = Site(site.gateway)
    rpc.backend("web", echo_a.grpc_port, app_protocol="grpc")
    rpc.ingress()
    await site.gateway.settled()
    silence = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            for stream in (events(site), upload(site, silence), chat(site, silence), grpc_stream(rpc, silence)):
                group.create_task(stream)
            await asyncio.sleep(LONGER_THAN_A_ROUTE_TIMEOUT)
            silence.set()
    finally:
        rpc.clean()


async def events(site: Site) -> None:
    every = LONGER_THAN_A_ROUTE_TIMEOUT + 1
    async with (
        site.gateway.client(seconds=30) as client,
        client.stream("GET", f"/?sse=2&every={every}", headers={"Host": site.host}) as reply,
    ):
        text = "".join([part async for part in reply.aiter_text()])
    assert text.count("data: ") == 2


async def upload(site: Site, silence: asyncio.Event) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        await silence.wait()
        yield b"two"

    reply = await site.gateway.request("POST", site.host, content=body(), seconds=30)
    assert reply.json()["body"] == "onetwo"


async def chat(site: Site, silence: asyncio.Event) -> None:
    place = f"ws://{site.host}/"
    port = site.gateway.http_port
    async with websockets.connect(place, host="127.0.0.1", port=port, proxy=None, ping_interval=None) as socket:
        for message in ("before", "after"):
            await socket.send(message)
            assert await socket.recv() == message
            await silence.wait()


async def grpc_stream(site: Site, silence: asyncio.Event) -> None:
    options = (("grpc.default_authority", site.host), ("grpc.enable_http_proxy", 0))
    async with AsyncExitStack() as stack:
        target = f"127.0.0.1:{site.gateway.http_port}"
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(target, options=options))
        call = channel.stream_stream("/sealos.echo.v1.Echo/Bidi")()
        for message in (b"before", b"after"):
            await call.write(message)
            assert await call.read() == message
            await silence.wait()
        await call.done_writing()
