"""A service that is asked who may pass: it answers as the path says, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import h11

from tests.e2e.backends import Seen, raw


class AuthService:
    """`/…?status=401&header=name:value&…` is answered so; other parameters mean nothing. `port` is where it listens."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.port = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(1 << 16))
            elif isinstance(event, h11.Request):
                headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in event.headers]
                self.seen.append(Seen(event.method.decode(), event.target.decode("latin-1"), headers))
            elif isinstance(event, h11.Data):
                self.seen[-1].body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                writer.write(self._answer(connection, self.seen[-1].target))
                await writer.drain()
                if connection.our_state is h11.MUST_CLOSE:
                    return
                connection.start_next_cycle()
            else:
                return

    @staticmethod
    def _answer(connection: h11.Connection, target: str) -> bytes:
        asked = parse_qsl(target.partition("?")[2], keep_blank_values=True)
        status = next((int(value) for key, value in asked if key == "status" and value.isdigit()), 200)
        pairs = [value.partition(":") for key, value in asked if key == "header"]
        headers = [(name, text) for name, _, text in pairs]
        head = h11.Response(status_code=status, headers=[*headers, ("content-length", "0")])
        return (connection.send(head) or b"") + (connection.send(h11.EndOfMessage()) or b"")


@asynccontextmanager
async def auth_service() -> AsyncIterator[AuthService]:
    service = AuthService()
    async with raw(service) as server:
        service.port = server.port
        yield service
