"""A service that is asked who may pass: it answers as the path says, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import h11

from tests.e2e.backends import Seen, raw, strict


class AuthService:
    """`/…?status=401&header=name:value&…` is answered so; other parameters mean nothing. `port` is where it listens."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.port = 0
        self.handle = strict(self.seen, self._answer)

    @staticmethod
    def _answer(connection: h11.Connection, seen: Seen) -> bytes:
        asked = parse_qsl(seen.target.partition("?")[2], keep_blank_values=True)
        status = next((int(value) for key, value in asked if key == "status" and value.isdigit()), 200)
        pairs = [value.partition(":") for key, value in asked if key == "header"]
        headers = [(name, text) for name, _, text in pairs]
        head = h11.Response(status_code=status, headers=[*headers, ("content-length", "0")])
        return (connection.send(head) or b"") + (connection.send(h11.EndOfMessage()) or b"")


@asynccontextmanager
async def auth_service() -> AsyncIterator[AuthService]:
    service = AuthService()
    async with raw(service.handle) as server:
        service.port = server.port
        yield service
