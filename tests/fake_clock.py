"""A clock that tests move, and waiting for what happens on real sockets meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

DEADLINE = 8.0


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110  (what is waited for has no event of its own)
            await asyncio.sleep(0.002)


class FakeClock:
    """Time stands still until a test moves it; sleeps up to `skip` seconds are only noted and pass at once."""

    def __init__(self, skip: float = 0.0, chance: float = 1.0) -> None:
        self.time = 1000.0
        self.chance = chance
        self.slept: list[float] = []
        self._skip = skip
        self._sleepers: dict[asyncio.Future[None], float] = {}
        self._timeouts: dict[asyncio.Timeout, float] = {}

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.time)

    def random(self) -> float:
        return self.chance

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if seconds <= self._skip:
            await asyncio.sleep(0)
            return
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers[sleeper] = self.time + seconds
        try:
            await sleeper
        finally:
            self._sleepers.pop(sleeper, None)

    def timeout(self, seconds: float) -> asyncio.Timeout:
        timeout = asyncio.timeout(None)
        self._timeouts[timeout] = self.time + seconds
        return timeout

    @property
    def sleeping(self) -> int:
        return len(self._sleepers)

    def advance(self, seconds: float) -> None:
        """Wake whoever slept long enough, and time out whoever took too long."""
        self.time += seconds
        for sleeper, until in list(self._sleepers.items()):
            if until <= self.time:
                del self._sleepers[sleeper]
                if not sleeper.done():
                    sleeper.set_result(None)
        now = asyncio.get_running_loop().time()
        for timeout, until in list(self._timeouts.items()):
            if until <= self.time:
                del self._timeouts[timeout]
                with contextlib.suppress(RuntimeError):  # its block ended before
                    timeout.reschedule(now)
