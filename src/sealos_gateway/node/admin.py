"""Envoy's admin interface over its Unix socket: the few questions we ask."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from sealos_gateway.http1 import client


class AdminError(Exception):
    """Envoy's admin socket did not answer (it is starting, gone, or overloaded)."""


#: Counters of listeners and of HTTP connection managers.
_LOAD = r"^(http\..%2B\.downstream_(rq_active|rq_total|cx_active)|listener\..%2B\.downstream_cx_active)$"

#: This question's own connection, and what each worker counts of a listener besides their sum.
_OTHERS = re.compile(r"^(http|listener)\.admin\.|\.worker_\d+\.")


@dataclass(frozen=True)
class Load:
    """What clients have open at one moment.

    `requests` under way (streams and upgraded connections included), `asked` since Envoy started, `connections` that
    speak HTTP, and `streams`: all other connections (TCP, TLS passed through, handshakes under way).
    """

    requests: int
    asked: int
    connections: int
    streams: int


class Admin:
    """A client of one Envoy. Every method raises AdminError when Envoy does not answer within `timeout` seconds."""

    def __init__(self, socket: Path, timeout: float = 5.0) -> None:
        self.socket = socket
        self._seconds = timeout

    async def _call(self, method: str, path: str) -> str:
        try:
            async with asyncio.timeout(self._seconds), client.asked(self.socket, method, path, self._seconds) as answer:
                text = await answer.text()
        except (client.AnswerError, TimeoutError) as error:
            raise AdminError(f"{path}: {error or 'it takes too long'}") from error
        if answer.status >= 400 and path != "/ready":
            raise AdminError(f"{path}: status {answer.status}: {text[:200]}")
        return text

    async def is_live(self) -> bool:
        """Whether Envoy says LIVE: its listeners are warm."""
        return (await self._call("GET", "/ready")).strip() == "LIVE"

    async def fail_health_check(self) -> None:
        await self._call("POST", "/healthcheck/fail")

    async def drain(self) -> None:
        """Answer every request with a request to close the connection; stop listening when the drain time is over."""
        await self._call("POST", "/drain_listeners?graceful&skip_exit")

    async def load(self) -> Load:
        """What is open on all listeners, those of Gateways too; what the admin interface itself has is not counted."""
        text = await self._call("GET", f"/stats?filter={_LOAD}")
        lines = (line.rpartition(":") for line in text.splitlines())
        clients = {name: int(number) for name, colon, number in lines if colon and not _OTHERS.search(name)}

        def total(start: str, end: str) -> int:
            return sum(number for name, number in clients.items() if name.startswith(start) and name.endswith(end))

        http = total("http.", ".downstream_cx_active")
        return Load(
            requests=total("http.", ".downstream_rq_active"),
            asked=total("http.", ".downstream_rq_total"),
            connections=http,
            streams=max(0, total("listener.", ".downstream_cx_active") - http),
        )

    async def used_clusters(self) -> frozenset[str]:
        """Names of clusters that had a request since this Envoy started."""
        text = await self._call("GET", "/stats?usedonly&filter=^cluster\\..*\\.upstream_rq_total$")
        lines = (line.partition(":")[0] for line in text.splitlines())
        return frozenset(line.removeprefix("cluster.").removesuffix(".upstream_rq_total") for line in lines)

    async def prometheus(self) -> AsyncGenerator[bytes, None]:
        """Envoy's own metrics, those that were used at least once, as they come: they may be a hundred megabytes."""
        pieces = self._prometheus()
        first = await anext(pieces, b"")

        async def whole() -> AsyncGenerator[bytes, None]:
            async with aclosing(pieces):
                yield first
                async for piece in pieces:
                    yield piece

        return whole()

    async def _prometheus(self) -> AsyncGenerator[bytes, None]:
        path = "/stats/prometheus?usedonly"
        try:
            async with client.asked(self.socket, "GET", path, self._seconds) as answer:
                if answer.status >= 400:
                    raise AdminError(f"{path}: status {answer.status}")
                async for piece in answer.pieces:
                    yield piece
        except client.AnswerError as error:
            raise AdminError(f"{path}: {error}") from error
