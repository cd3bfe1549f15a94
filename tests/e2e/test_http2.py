"""Several streams of one HTTP/2 connection: side by side, and WebSockets among them (RFC 8441)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import h2.config
import h2.connection
import h2.events
import pytest

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site

# A WebSocket frame with the text "hi": from a client masked (with zeros), from a server not.
FRAME, ECHO = b"\x81\x82\x00\x00\x00\x00hi", b"\x81\x02hi"


class Stream:
    """An HTTP/2 connection to the gateway that is asked one thing at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.headers: dict[int, dict[str, str]] = {}
        self.data: dict[int, bytes] = {}

    def send(self) -> None:
        self._writer.write(self.h2.data_to_send())

    async def until(self, number: int, size: int) -> bytes:
        """The first bytes of a stream, when so many have come."""
        async with asyncio.timeout(10):
            while number not in self.headers or len(self.data.get(number, b"")) < size:
                self.take(await self._reader.read(1 << 16))
        return self.data.get(number, b"")

    def take(self, data: bytes) -> None:
        assert data, "the gateway closed the connection"
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                self.headers[event.stream_id] = {str(name): str(value) for name, value in event.headers}
            elif isinstance(event, h2.events.DataReceived):
                self.data[event.stream_id] = self.data.get(event.stream_id, b"") + event.data
        self.send()


@asynccontextmanager
async def connected(site: Site) -> AsyncIterator[Stream]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.gateway.http_port)
    try:
        yield Stream(reader, writer)
    finally:
        writer.transport.abort()


async def test_a_slow_answer_does_not_hold_up_the_others(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress()
    await site.gateway.settled()
    async with connected(site) as stream:
        for number, path in ((1, "/?delay=50"), *((number, "/") for number in range(3, 43, 2))):
            stream.h2.send_headers(number, [(":method", "GET"), *common(site.host, path)], end_stream=True)
        stream.send()
        for number in range(3, 43, 2):
            await stream.until(number, 1)
            assert stream.headers[number][":status"] == "200"
        assert 1 not in stream.headers


async def websocket(stream: Stream, number: int, host: str) -> None:
    """Open a WebSocket as browsers do, without any key, and get a message back."""
    upgrade = [(":method", "CONNECT"), (":protocol", "websocket"), *common(host), ("sec-websocket-version", "13")]
    stream.h2.send_headers(number, upgrade)
    stream.send()
    await stream.until(number, 0)
    assert stream.headers[number][":status"] == "200"
    stream.h2.send_data(number, FRAME)
    stream.send()
    assert await stream.until(number, len(ECHO)) == ECHO


def common(host: str, path: str = "/") -> list[tuple[str, str]]:
    return [(":scheme", "http"), (":authority", host), (":path", path)]


@pytest.mark.parametrize("protocol", ["", "kubernetes.io/h2c"])
async def test_websocket_over_http2(site: Site, echo_a: Echo, protocol: str) -> None:
    """To an exact host and through a wildcard, cold and then warm; beside it an ordinary request."""
    site.backend("web", echo_a.port, app_protocol=protocol)
    site.apply(manifests.ingress("web", site.namespace, {site.host: "web:80", f"*.{site.host}": "web:80"}))
    await site.gateway.settled()
    async with connected(site) as stream:
        for number, host in enumerate((site.host, site.host, f"any.{site.host}", f"ANY.{site.host}")):
            await websocket(stream, 2 * number + 1, host)
        stream.h2.send_headers(9, [(":method", "GET"), *common(site.host)], end_stream=True)
        stream.send()
        await stream.until(9, 1)
        assert stream.headers[9][":status"] == "200"


async def test_other_protocols_over_http2_are_refused(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress()
    await site.gateway.settled()
    async with connected(site) as stream:
        for number in (1, 3):  # cold, then warm
            stream.h2.send_headers(number, [(":method", "CONNECT"), (":protocol", "spdy/3.1"), *common(site.host)])
            stream.send()
            await stream.until(number, 0)
            assert stream.headers[number][":status"] == "403"
