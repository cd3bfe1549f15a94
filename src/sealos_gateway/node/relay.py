"""The snapshot of one gateway beside its Envoy: from disk or from the control plane, one whole revision at a time.

Everything that comes from the control plane waits here until its revision is complete; only then is any of it
published. Two things are kept longer than the control plane says, because the Envoy may still need them:

* clusters and endpoints that are gone, until the Envoy has the routes of the same revision; and as long as it goes on
  with older routes that name them, because it refused the newer ones;
* on disk, of a row that the Envoy refuses, the state that is served in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from sealos_gateway.envoy import reading, types
from sealos_gateway.node.disk import Change
from sealos_gateway.xds.fleet import Fleet
from sealos_gateway.xds.messages import Acked, Event, Rejected, Resource
from sealos_gateway.xds.reports import Report, Revision
from sealos_gateway.xds.snapshot import Snapshot

_AFTER_ROUTES = frozenset({types.CLUSTER, types.ENDPOINTS})
_LAZY = frozenset({types.CLUSTER, types.ENDPOINTS, types.SECRET, types.ROUTES})
_QUIET = frozenset({types.SCOPE})  # a scope cannot be refused: not worth telling for each host


def _is_lazy(type_: str, name: str) -> bool:
    """Whether the Envoy gets it only when it asks."""
    return type_ in _LAZY and name != types.TRACING


class Relay:
    """`wake` is called after each commit, `keep` with what it changed."""

    def __init__(self, snapshot: Snapshot, fleet: Fleet) -> None:
        self._snapshot, self._fleet = snapshot, fleet
        self.wake: Callable[[], None] = lambda: None
        self.keep: Callable[[Iterable[Change]], None] = lambda _: None
        #: Set as soon as one complete revision is here, wherever it came from.
        self.complete = asyncio.Event()
        #: Set when there is something to tell the control plane.
        self.news = asyncio.Event()
        #: Most resources in one response to the Envoy, as the control plane wants it.
        self.pieces: dict[str, int] = {}
        self.revision = 0  # of the control plane that is followed
        self._arriving: dict[str, dict[str, bytes | None]] = {}
        self._leaving: dict[tuple[str, str], int] = {}  # -> our revision with which it was given up
        self._refused: set[tuple[str, str]] = set()
        self._revisions: list[tuple[int, int]] = []  # ours, the control plane's; not yet with the Envoy
        self._settled = self._told = 0
        self._accepted: dict[str, dict[str, str]] = {}
        self._rejected: dict[tuple[str, str], Rejected] = {}

    # ---------------------------------------------------------------- from disk

    def load(self, rows: Mapping[tuple[str, str], bytes]) -> None:
        """A complete revision that was kept."""
        for (type_, name), body in rows.items():
            if type_ in self._snapshot.types:
                self._snapshot.put(type_, name, body, lazy=_is_lazy(type_, name))
        self._snapshot.commit()
        self.complete.set()
        self.wake()

    def rows(self) -> Sequence[tuple[str, str, bytes]]:
        """Everything as it is served now."""
        return [
            (type_, name, body)
            for type_ in self._snapshot.types
            for name in self._snapshot.names(type_)
            if (body := self._served(type_, name)) is not None
        ]

    def _served(self, type_: str, name: str) -> bytes | None:
        row = self._snapshot.row(type_, name)
        if row is not None and not isinstance(row.body, bytes):
            row = self._snapshot.peek(type_, name)  # refused, and nothing better is known
        return row.body if row is not None and isinstance(row.body, bytes) else None

    # ---------------------------------------------------------------- from the control plane

    def begin(self) -> None:
        """A new stream: what was half there of the last one is void, and is sent again."""
        self._arriving = {}
        self._accepted = {}
        self._revisions = []
        self._settled = self._told = 0
        mine = [it for it in self._fleet.rejections() if it.node]
        self._rejected = {(it.type, it.name): Rejected(it.type, it.name, it.version, it.message) for it in mine}
        if self._rejected:
            self.news.set()

    def versions(self, type_: str) -> dict[str, str]:
        """What is held of a type."""
        rows = ((name, self._snapshot.peek(type_, name)) for name in self._snapshot.names(type_))
        return {name: row.version for name, row in rows if row is not None}

    def take(self, type_: str, resources: Iterable[Resource], removed: Iterable[str]) -> None:
        """A part of a revision."""
        if type_ in self._snapshot.types:
            arriving = self._arriving.setdefault(type_, {})
            arriving.update((resource.name, resource.body) for resource in resources)
            arriving.update(dict.fromkeys(removed))

    def finish(self, revision: Revision) -> None:
        """The revision is complete: publish it."""
        arriving, self._arriving = self._arriving, {}
        self.pieces.clear()
        self.pieces.update(revision.pieces)
        changes = [change for type_, rows in arriving.items() for change in self._stage(type_, rows)]
        if self._snapshot.commit():
            self.wake()
        self.revision = revision.number
        self._revisions.append((self._snapshot.revision, revision.number))
        if changes or not self.complete.is_set():
            self.keep(changes)
        self.complete.set()
        self._look()

    def _stage(self, type_: str, rows: Mapping[str, bytes | None]) -> Iterable[Change]:
        for name, body in rows.items():
            row = self._snapshot.peek(type_, name)
            if body is not None:
                self._leaving.pop((type_, name), None)
                self._snapshot.put(type_, name, body, lazy=_is_lazy(type_, name))
                if row is None or row.body != body:
                    yield type_, name, body
            elif row is None or not row.alive:
                continue
            elif type_ in _AFTER_ROUTES:
                self._leaving[type_, name] = self._snapshot.revision + 1
            else:
                self._snapshot.drop(type_, name)
                yield type_, name, None

    # ---------------------------------------------------------------- from Envoy

    def heard(self, events: Sequence[Event]) -> None:
        """What the Envoy took and refused; also called when it only asked, or answered without either."""
        changes: list[Change] = []
        for event in events:
            if isinstance(event, Acked):
                changes += self._took(event)
            else:
                self._refused.add((event.type, event.name))
                self._rejected[event.type, event.name] = event
                changes += self._as_served([(event.type, event.name)])
        if changes:
            self.keep(changes)
        self._look()

    def _took(self, event: Acked) -> list[Change]:
        if event.type not in _QUIET:
            self._accepted.setdefault(event.type, {}).update(event.rows)
        again = [(event.type, name) for name, _ in event.rows if (event.type, name) in self._refused]
        self._refused.difference_update(again)
        for key in again:
            self._rejected.pop(key, None)
        return self._as_served(again)

    def _as_served(self, keys: Iterable[tuple[str, str]]) -> list[Change]:
        return [(*key, body) for key in keys if (body := self._served(*key)) is not None]

    def _look(self) -> None:
        """How far is the Envoy, and what may go by now?"""
        if self._revisions or self._leaving:
            acked = self._acked()
            while self._revisions and self._revisions[0][0] <= acked:
                self._settled = self._revisions.pop(0)[1]
            self._let_go(acked)
        if self._accepted or self._rejected or self._settled != self._told:
            self.news.set()

    def _acked(self) -> int:
        """Our revision up to which every connected Envoy has everything."""
        connected = [node.types.values() for node in self._fleet.nodes() if node.connected]
        return min((one.acked for types in connected for one in types), default=self._snapshot.revision)

    def _let_go(self, acked: int) -> None:
        ready = [key for key, revision in self._leaving.items() if revision <= acked]
        if not ready:
            return
        needed = self._needed()
        gone = [key for key in ready if key[1] not in needed]
        for type_, name in gone:
            del self._leaving[type_, name]
            self._snapshot.drop(type_, name)
        if self._snapshot.commit():
            self.wake()
            self.keep([(*key, None) for key in gone])

    def _needed(self) -> frozenset[str]:
        """Clusters of routes that are served in place of refused ones."""
        bodies = [self._served(type_, name) for type_, name in self._refused if type_ == types.ROUTES]
        return frozenset(cluster for body in bodies if body for cluster in reading.clusters(body))

    def report(self) -> Report:
        """What the control plane has not heard yet; it counts as told."""
        self.news.clear()
        accepted = {type_: list(rows.items()) for type_, rows in self._accepted.items()}
        rejected: dict[str, list[tuple[str, str, str]]] = {}
        for (type_, name), one in self._rejected.items():
            rejected.setdefault(type_, []).append((name, one.version, one.message))
        self._accepted, self._rejected, self._told = {}, {}, self._settled
        return Report(self._settled, accepted, rejected)
