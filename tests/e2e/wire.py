"""A client that sends exactly the bytes it is told to, for what a proper library refuses to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import h11

SECONDS = 10.0


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection. Requests are bytes, answers are parsed strictly."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._buffered = b""

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def read(self, size: int) -> bytes:
        """Exactly so many bytes, as after an upgrade."""
        async with asyncio.timeout(SECONDS):
            head, self._buffered = self._buffered[:size], self._buffered[size:]
            return head + await self._reader.readexactly(size - len(head))

    async def read_some(self) -> bytes:
        """What there is, at least one byte. Raises ConnectionError when the peer has closed."""
        async with asyncio.timeout(SECONDS):
            head, self._buffered = self._buffered, b""
            if not (found := head or await self._reader.read(1 << 16)):
                raise ConnectionResetError("closed")
            return found

    async def reply(self, method: str = "GET") -> Reply:
        """The next final answer (or 101). Raises ConnectionError when the peer closes instead."""
        parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
        parser.send(h11.Request(method=method, target="/", headers=[("host", "x"), ("upgrade", "any")]))
        parser.send(h11.EndOfMessage())
        parser.receive_data(self._buffered) if self._buffered else None
        found = Reply(0, {}, b"")
        async with asyncio.timeout(SECONDS):
            while True:
                event = parser.next_event()
                if event is h11.NEED_DATA:
                    data = await self._reader.read(1 << 16)
                    if not data and not found.status:
                        raise ConnectionResetError("closed without an answer")
                    parser.receive_data(data)
                elif isinstance(event, h11.Response | h11.InformationalResponse):
                    headers = {key.decode(): value.decode("latin-1") for key, value in event.headers}
                    found = Reply(event.status_code, headers, b"")
                    if event.status_code == 101:
                        break
                elif isinstance(event, h11.Data):
                    found.body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    break
        self._buffered = parser.trailing_data[0]
        return found

    async def interim(self) -> bytes:
        """Bytes up to an empty line: a head that is not final."""
        async with asyncio.timeout(SECONDS):
            return await self._reader.readuntil(b"\r\n\r\n")

    async def closed(self) -> bytes:
        """All that still comes until the peer closes."""
        async with asyncio.timeout(SECONDS):
            try:
                return self._buffered + await self._reader.read(-1)
            except ConnectionError:
                return self._buffered


@asynccontextmanager
async def wire(port: int, host: str = "127.0.0.1") -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 24)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


async def exchange(port: int, data: bytes) -> Reply:
    """One connection, these bytes, the first answer. A connection closed without an answer has status 0."""
    async with wire(port) as connection:
        await connection.send(data)
        try:
            return await connection.reply()
        except ConnectionError:
            return Reply(0, {}, b"")


def request(target: str, host: str, *lines: str, method: str = "GET", body: bytes = b"") -> bytes:
    """A request with these header lines, whatever they hold."""
    head = "\r\n".join((f"{method} {target} HTTP/1.1", f"Host: {host}", *lines, "", ""))
    return head.encode("latin-1") + body
