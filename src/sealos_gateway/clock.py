"""Time, chance and sleep as one thing that is handed in, so that tests decide how late it is."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """`monotonic` for every duration; `now` only for what people or other programs read."""

    def monotonic(self) -> float: ...

    def now(self) -> datetime: ...

    def random(self) -> float:
        """From 0 to 1."""

    async def sleep(self, seconds: float) -> None: ...

    def timeout(self, seconds: float) -> asyncio.Timeout:
        """A block that raises TimeoutError when it takes longer."""


class SystemClock:
    """The real one."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def random(self) -> float:
        return random.random()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def timeout(self, seconds: float) -> asyncio.Timeout:
        return asyncio.timeout(seconds)


class Backoff:
    """How long to wait after the n-th failure in a row: doubling, bounded, with jitter, never less than asked for."""

    def __init__(self, clock: Clock, first: float = 0.2, most: float = 15.0) -> None:
        self._clock = clock
        self._first = first
        self._most = most
        self._failures = 0

    def delay(self, asked: float = 0.0) -> float:
        """The next delay. `asked` is what the server asked for; jitter is added to it, so that not all come at once."""
        own = min(self._most, self._first * 2.0 ** min(self._failures, 30)) * (0.5 + self._clock.random() / 2)
        self._failures += 1
        return max(own, asked * (1 + self._clock.random() / 10))

    def reset(self) -> None:
        """It works again."""
        self._failures = 0
