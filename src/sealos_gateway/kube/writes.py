"""Writes to the API server that describe a wanted state: only the newest per object counts, and only the leader writes.

A write waits under its key; a newer one takes its place. They leave at a bounded rate over a few connections. What
fails for reasons that pass (unreachable, too many requests, unavailable) waits and is tried again unless it was
replaced meanwhile; what fails for good is told and not repeated. Status 500 may be either: the API server also answers
so to an object that it cannot convert (a quantity that is none, a field that does not exist), so only that object
waits, and longer each time. What changes with every object of others (counts) may rest after a write: the first change
leaves at once, those that come in the pause together. Knows nothing of what is written.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sealos_gateway.clock import Backoff, Clock
from sealos_gateway.kube.client import APPLY, Client
from sealos_gateway.kube.errors import (
    ApiError,
    ConflictError,
    GarbledError,
    NotFoundError,
    ServerError,
    TooManyRequestsError,
    UnauthorizedError,
    UnreachableError,
)

#: The name under which the API server records what is ours.
MANAGER: Final = "sealos-gateway"
_PASSING: Final = (UnreachableError, GarbledError, ServerError, TooManyRequestsError, UnauthorizedError)
_INTERNAL_ERROR: Final = 500


@dataclass(frozen=True)
class Pace:
    """How fast. 1,000 objects created at once are written within 5 s, and a storm never hurts the API server."""

    per_second: float = 250.0
    burst: int = 50
    connections: int = 8


@dataclass(frozen=True)
class Write:
    """One server-side apply, or a deletion. `done` gets None, or why it failed for good.

    With a `guard`, what is there is read first; the guard gets it and says why it must not be touched, or nothing. For
    `rest` seconds after it nothing more is written under its key. After so many answers with status 500 as `tries` says
    `done` gets the last; without `tries` it is tried for ever.
    """

    path: str
    body: bytes
    force: bool = False
    done: Callable[[ApiError | None], None] = lambda _: None
    guard: Callable[[bytes], str] | None = None
    delete: bool = False
    rest: float = 0.0
    tries: int = 0


@dataclass
class _Failing:
    """A write that the server answered with 500, again and again."""

    write: Write
    backoff: Backoff
    times: int = 0


class Writer:
    """Wanted writes, each under its key."""

    def __init__(self, api: Client, clock: Clock, leading: Callable[[], bool], pace: Pace | None = None) -> None:
        self.sent = 0
        self._api = api
        self._clock = clock
        self._leading = leading
        self._pace = pace or Pace()
        self._wanted: dict[Hashable, Write] = {}
        self._under_way: set[Hashable] = set()
        self._resting: dict[Hashable, float] = {}  # until when
        self._ends: list[tuple[float, int, Hashable]] = []  # the same as a heap, with what is outdated
        self._rests = 0
        self._failing: dict[Hashable, _Failing] = {}
        self._held: dict[Hashable, Write] = {}  # what is wanted under keys that rest
        self._moved = asyncio.Event()
        self._allowance = float(self._pace.burst)
        self._counted_at = clock.monotonic()
        self._backoff = Backoff(clock, most=30.0)
        self._pause_until = 0.0

    def want(self, key: Hashable, write: Write) -> None:
        """This is to be written, instead of what was wanted under this key."""
        (self._held if key in self._resting else self._wanted)[key] = write
        self._moved.set()

    def cancel(self, key: Hashable) -> None:
        """Nothing is to be written under this key any more."""
        self._wanted.pop(key, None)
        self._held.pop(key, None)
        self._failing.pop(key, None)

    def wake(self) -> None:
        """Leadership changed."""
        self._moved.set()

    def __len__(self) -> int:
        return len(self._wanted) + len(self._held) + len(self._under_way)

    async def run(self) -> None:
        """Write for ever, while we lead."""
        free = asyncio.Semaphore(self._pace.connections)
        async with asyncio.TaskGroup() as group:
            while True:
                await free.acquire()
                key = await self._next()
                self._under_way.add(key)
                group.create_task(self._send(key, self._wanted.pop(key), free), name=f"write {key}")

    async def _next(self) -> Hashable:
        """The key whose turn it is, once it may leave. Never one that is under way: two could overtake each other."""
        while True:
            self._end_rests()
            key = next((key for key in self._wanted if key not in self._under_way), None)
            if key is None or not self._leading():
                await self._sleep()
            elif (delay := self._delay()) > 0:
                await self._clock.sleep(delay)
            else:
                self._allowance -= 1
                return key

    async def _sleep(self) -> None:
        """Until something is wanted, or may leave again."""
        self._moved.clear()
        if not self._held:
            await self._moved.wait()
            return
        ends = self._ends[0][0]
        with suppress(TimeoutError):
            async with self._clock.timeout(max(0.0, ends - self._clock.monotonic())):
                await self._moved.wait()

    def _end_rests(self) -> None:
        now = self._clock.monotonic()
        while self._ends and self._ends[0][0] <= now:
            until, _, key = heapq.heappop(self._ends)
            if self._resting.get(key) != until:
                continue  # it rests longer by now
            del self._resting[key]
            if (held := self._held.pop(key, None)) is not None:
                self._wanted[key] = held

    def _delay(self) -> float:
        now = self._clock.monotonic()
        if now < self._pause_until:
            return self._pause_until - now
        earned = (now - self._counted_at) * self._pace.per_second
        self._allowance = min(float(self._pace.burst), self._allowance + earned)
        self._counted_at = now
        return max(0.0, (1 - self._allowance) / self._pace.per_second)

    async def _send(self, key: Hashable, write: Write, free: asyncio.Semaphore) -> None:
        if write.rest:
            self._rest(key, write.rest)
        try:
            self.sent += 1
            if write.delete:
                await self._api.request("DELETE", write.path, body=write.body)
            else:
                await self._check(write)
                params = {"fieldManager": MANAGER, "force": "true" if write.force else "false"}
                await self._api.request("PATCH", write.path, params, write.body, APPLY)
        except _PASSING as error:
            if error.status == _INTERNAL_ERROR:
                self._failed(key, write, error)
            else:
                if key not in self._held:
                    self._wanted.setdefault(key, write)
                self._pause(error)
        except ApiError as error:
            self._failing.pop(key, None)
            write.done(error)
        else:
            self._backoff.reset()
            self._failing.pop(key, None)
            write.done(None)
        finally:
            self._under_way.discard(key)
            free.release()
            self._moved.set()

    def _rest(self, key: Hashable, seconds: float) -> None:
        """Under this key nothing leaves for a while; what is wanted there already waits, too."""
        until = max(self._clock.monotonic() + seconds, self._resting.get(key, 0.0))
        self._resting[key] = until
        self._rests += 1
        heapq.heappush(self._ends, (until, self._rests, key))
        if (wanted := self._wanted.pop(key, None)) is not None:
            self._held[key] = wanted

    def _failed(self, key: Hashable, write: Write, error: ApiError) -> None:
        """The server answered with 500: this write waits, and others do not."""
        failing = self._failing.get(key)
        if failing is None or failing.write is not write:
            failing = self._failing[key] = _Failing(write, Backoff(self._clock, most=30.0))
        failing.times += 1
        if failing.times == write.tries:
            del self._failing[key]
            write.done(error)
        elif key not in self._held and key not in self._wanted:
            self._held[key] = write
            self._rest(key, failing.backoff.delay(error.retry_after))

    async def _check(self, write: Write) -> None:
        """Raises ConflictError for an object that is somebody else's."""
        if write.guard is None:
            return
        try:
            there = await self._api.request("GET", write.path)
        except NotFoundError:
            return
        if reason := write.guard(there):
            raise ConflictError(reason, 409)

    def _pause(self, error: ApiError) -> None:
        now = self._clock.monotonic()
        if now >= self._pause_until:  # those that failed together are one failure
            self._pause_until = now + self._backoff.delay(error.retry_after)
