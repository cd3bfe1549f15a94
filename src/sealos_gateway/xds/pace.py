"""When changed rows may reach clients: the first change at once, those within its time to live after it together.

Stands between the tables and the snapshot. A push opens a *window* as long as the row's time to live. While it is open,
what was pushed is the published state for everybody, also for a client that connects only now; a change within it is
held back until the window ends, and only the last one counts. A change that may not wait goes at once and takes along
what was held back, so a state is never made up: what is published was offered, and was the newest at that time.
Pure: time is an argument, in seconds of any clock that never goes back; whoever drives this looks again at `due`.
"""

import heapq
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Ttl = Callable[[K], float]


@dataclass(slots=True)
class _Window(Generic[V]):
    """What was published at `since` and stays until `until`; `wanted` is what `waiting` changes made of it."""

    published: V
    since: float
    until: float
    wanted: V
    waiting: int = 0


class Pace(Generic[K, V]):
    """See the text of this module. `urgent(published, wanted)` says whether a change may not wait.

    `changes` counts changed rows, `pushes` those published; a change is pushed, waiting or `saved`.
    """

    def __init__(self, urgent: Callable[[V, V], bool]) -> None:
        self.changes = self.pushes = self.waiting = 0
        self._urgent = urgent
        self._offered: dict[K, V | None] = {}
        self._windows: dict[K, _Window[V]] = {}
        self._ends: list[tuple[float, int, K]] = []  # a heap; an entry that is not its window's end means nothing
        self._number = 0

    @property
    def saved(self) -> int:
        """Changes that needed no push of their own."""
        return self.changes - self.pushes - self.waiting

    @property
    def due(self) -> float | None:
        """When a window may end, so when to call `release` again; None while all are closed."""
        return self._ends[0][0] if self._ends else None

    def offer(self, key: K, wanted: V | None) -> None:
        """A row as it is now; None when it is gone. Nothing comes of it before `release`."""
        self._offered[key] = wanted

    def published(self, key: K) -> V | None:
        """What clients have of a row while its window is open; None: whatever was offered last."""
        window = self._windows.get(key)
        return window.published if window else None

    def held(self) -> int:
        """How many rows have changes that wait."""
        return sum(1 for window in self._windows.values() if window.waiting)

    def release(self, now: float | None, ttl: Ttl[K]) -> dict[K, V | None]:
        """What is to be published at this moment. `now` None: nobody listens yet, so nothing needs to wait."""
        offered, self._offered = self._offered, {}
        self.changes += len(offered)
        out: dict[K, V | None] = {}
        for key, window in self._ended(now):
            wanted = offered.pop(key, window.wanted)
            if wanted == window.published:
                self._close(key)
            else:
                self._publish(key, wanted, now, ttl, out)
        for key, wanted in offered.items():
            if not self._hold(key, wanted, now):
                self._publish(key, wanted, now, ttl, out)
        return out

    def rethink(self, ttl: Ttl[K]) -> None:
        """Times to live have changed: every open window ends when it would had they always been so."""
        for key, window in self._windows.items():
            window.until = window.since + ttl(key)
        self._rebuild()

    def _ended(self, now: float | None) -> list[tuple[K, _Window[V]]]:
        found = []
        while now is not None and self._ends and self._ends[0][0] <= now:
            until, _, key = heapq.heappop(self._ends)
            window = self._windows.get(key)
            if window is not None and window.until == until:
                found.append((key, window))
        return found

    def _hold(self, key: K, wanted: V | None, now: float | None) -> bool:
        """Keep a change back; False when it need not or may not wait."""
        window = self._windows.get(key)
        if window is None or wanted is None or now is None or self._urgent(window.published, wanted):
            return False
        waiting = window.waiting + 1 if wanted != window.published else 0
        self.waiting += waiting - window.waiting
        window.wanted, window.waiting = wanted, waiting
        return True

    def _publish(self, key: K, wanted: V | None, now: float | None, ttl: Ttl[K], out: dict[K, V | None]) -> None:
        self._close(key)
        self.pushes += 1
        out[key] = wanted
        if wanted is None or now is None or (seconds := ttl(key)) <= 0:
            return
        self._windows[key] = _Window(wanted, now, now + seconds, wanted)
        self._enter(key)
        if len(self._ends) > 2 * len(self._windows) + 64:
            self._rebuild()

    def _close(self, key: K) -> None:
        window = self._windows.pop(key, None)
        self.waiting -= window.waiting if window else 0

    def _enter(self, key: K) -> None:
        self._number += 1  # so that the heap never compares keys
        heapq.heappush(self._ends, (self._windows[key].until, self._number, key))

    def _rebuild(self) -> None:
        self._ends = []
        for key in self._windows:
            self._enter(key)
