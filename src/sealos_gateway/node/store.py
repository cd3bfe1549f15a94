"""Keeps what is served on disk, beside serving it: revisions queue here, a thread writes them.

A disk that is full, read-only or gone is told and tried again; serving never waits for it. One change costs one frame
of the journal; the base is written anew when the journal has grown as large as half of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from sealos_gateway.clock import Backoff, Clock
from sealos_gateway.node import limits
from sealos_gateway.node.disk import Change, Disk, Read

log = logging.getLogger(__name__)

_LEAST_JOURNAL: Final = 4 << 20
_SHARE: Final = 0.5
_PAUSE: Final = 0.05  # revisions that come in it are written with one flush


class Store:
    """`rows` gives everything that is served now, when the base is to be written."""

    def __init__(self, disk: Disk, clock: Clock, rows: Callable[[], Sequence[tuple[str, str, bytes]]]) -> None:
        self._disk, self._clock, self._rows = disk, clock, rows
        self._queue: dict[tuple[str, str], bytes | None] = {}
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.problem = ""
        self.damage: list[str] = []
        self.bases = 0

    async def read(self) -> Read:
        """What was kept before; to be called once, first."""
        found = await asyncio.to_thread(self._disk.read)
        self.damage = found.problems
        for problem in found.problems:
            log.error("%s", problem)
        return found

    def add(self, changes: Iterable[Change]) -> None:
        """A revision; changes of one row merge while the disk is slow, and the newest is what counts."""
        self._queue.update({(type_, name): body for type_, name, body in changes})
        self._idle.clear()
        self._work.set()

    @property
    def bytes(self) -> int:
        return self._disk.base_bytes + self._disk.journal_bytes

    async def run(self) -> None:
        """Write for ever; when ended, what is queued is lost, and an older complete revision lies on disk."""
        backoff = Backoff(self._clock, 1.0, 60.0)
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                try:
                    await self._write()
                except OSError as error:
                    self._fails(f"the snapshot cannot be kept on disk: {error.strerror or error}")
                    await self._clock.sleep(backoff.delay())
                    self._work.set()
                    continue
                self._fails("")
                backoff.reset()
                if not self._queue:
                    self._idle.set()
                await self._clock.sleep(_PAUSE)
        finally:
            self._disk.close()

    async def idle(self) -> None:
        """Return when everything is on disk."""
        await self._idle.wait()

    async def _write(self) -> None:
        if not self._disk.open or self._disk.journal_bytes > max(_LEAST_JOURNAL, self._disk.base_bytes * _SHARE):
            self._queue = {}
            await _to_its_end(self._disk.write_base, self._rows())
            self.bases += 1
            limits.return_memory()  # so much was written because so much came, and passed through here
            return
        queue, self._queue = self._queue, {}
        if queue:
            changes = [(type_, name, body) for (type_, name), body in queue.items()]
            await _to_its_end(self._disk.append, changes)

    def _fails(self, problem: str) -> None:
        if problem and problem != self.problem:
            log.error("%s; serving goes on", problem)
        elif self.problem and not problem:
            log.info("the snapshot is kept on disk again")
        self.problem = problem


async def _to_its_end(function: Callable[[Any], None], argument: Any) -> None:
    """Run in a thread; when cancelled, still wait for it, so that no file ends in the middle of a frame."""
    thread = asyncio.get_running_loop().run_in_executor(None, function, argument)
    try:
        await asyncio.shield(thread)
    except asyncio.CancelledError:
        await asyncio.wait([thread])
        raise
