"""What one relay is owed: everything there is, and then every change, one complete revision after another.

A relay wants all rows, also those that Envoy asks for one by one, and it must never hold half of a revision. So a feed
does not order types as `stream` does. It notes which names changed, *gathers* their rows in slices (rendering 100,000
of them takes a while) until nothing is left to gather, and only what is then consistent is sent, with the revision as
its end. What changes while a revision is on its way waits for the next one and merges. Pure.

On a new connection the relay says which versions it holds, and gets the differences. Afterwards only changed names are
remembered here, never what the relay holds: with many nodes that would be most of the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from sealos_gateway.xds.messages import Request, Resource, Response
from sealos_gateway.xds.planes import View
from sealos_gateway.xds.reports import NAME, REVISION, Revision
from sealos_gateway.xds.snapshot import Snapshot
from sealos_gateway.xds.stream import Progress

_PIECE = 1000  # most resources in one response
_PIECE_BYTES = 1 << 20  # and most bytes, but for one resource that is larger alone


class _Taken(NamedTuple):
    """A row as it was when it was gathered; without a body it is gone."""

    version: str = ""
    body: bytes | None = None


class Feed:
    """See the text of this module. `wanted` are the types a relay may ask for, in the order they are sent."""

    def __init__(
        self, snapshot: Snapshot | View, gateway: str, wanted: Sequence[str], pieces: Mapping[str, int] | None = None
    ) -> None:
        self._snapshot, self._gateway = snapshot, gateway
        self._pieces_told: Mapping[str, int] = pieces if pieces is not None else {}
        self._types = tuple(wanted)
        self._asked: dict[str, dict[str, str]] = {}  # type -> what the relay held when it connected
        self._pending: dict[str, dict[str, None]] = {type_: {} for type_ in self._types}
        self._taken: dict[str, dict[str, _Taken]] = {type_: {} for type_ in self._types}
        self._cursor = 0
        self._sent = -1
        self._nonces = 0
        self._settled = 0
        self.opened = False

    # What the relay says

    def receive(self, request: Request) -> None:
        """Take a first request of a type; the one for `REVISION` comes last and opens the feed. Answers say nothing."""
        if request.type == REVISION and not self.opened:
            self._open()
        elif request.type in self._pending and not self.opened and request.type not in self._asked:
            self._asked[request.type] = dict(request.initial_versions)

    def _open(self) -> None:
        self.opened = True
        self._cursor = self._snapshot.revision
        for type_ in self._types:
            held = self._asked.get(type_)
            if held is not None:
                self._pending[type_] = dict.fromkeys([*self._snapshot.names(type_), *held])

    def told(self, settled: int) -> None:
        """The Envoy behind the relay has everything up to this revision."""
        self._settled = settled

    # What the snapshot says

    def catch_up(self) -> None:
        """Note what changed since the last look; after this no tombstone is needed for this feed."""
        if not self.opened or self._cursor == self._snapshot.revision:
            return
        for type_ in self._asked:
            self._pending[type_].update(dict.fromkeys(reversed(list(self._snapshot.since(type_, self._cursor)))))
        self._cursor = self._snapshot.revision

    def look_again(self, type_: str, name: str) -> None:
        """Another state of this row is served now, though it did not change: it was refused, or taken after all."""
        if self.opened and type_ in self._asked and self._snapshot.peek(type_, name) is not None:
            self._pending[type_][name] = None
            self._sent = -1

    # What goes out

    @property
    def behind(self) -> bool:
        """Whether there is something to gather and to send."""
        return self.opened and (self._sent != self._cursor or any(self._pending.values()))

    def gather(self, most: int) -> bool:
        """Take up to `most` rows; True when nothing is left to take, so that all of it belongs together."""
        self.catch_up()
        for type_, pending in self._pending.items():
            taken = self._taken[type_]
            while pending and most:
                name, _ = pending.popitem()
                most -= 1
                if (row := self._row(type_, name)) is not None:
                    taken[name] = row
            if not pending:
                self._pending[type_] = {}  # an emptied dict would stay as large as it was
        return not any(self._pending.values())

    def _row(self, type_: str, name: str) -> _Taken | None:
        """The row to be served, or None when the relay has it, or when there is nothing better than what it has."""
        held = self._asked[type_].pop(name, None)
        row = self._snapshot.row(type_, name)
        if row is None or row.body is None:
            return _Taken()
        if not isinstance(row.body, bytes) or row.version == held:
            return None
        return _Taken(row.version, row.body)

    def responses(self) -> Iterator[Response]:
        """The gathered revision in pieces, ending with its number. Write them all before gathering on."""
        revision, self._sent = self._cursor, self._cursor
        for type_, taken in self._taken.items():
            self._taken[type_] = {}
            yield from self._pieces(type_, taken)
        body = msgspec.json.encode(Revision(revision, self._gateway, dict(self._pieces_told)))
        yield Response(REVISION, self._nonce(), (Resource(NAME, str(revision), body),))

    def _pieces(self, type_: str, taken: dict[str, _Taken]) -> Iterator[Response]:
        resources: list[Resource] = []
        size = 0
        removed = [name for name, row in taken.items() if row.body is None]
        for start in range(0, len(removed), _PIECE):
            yield Response(type_, self._nonce(), (), tuple(removed[start : start + _PIECE]))
        for name, row in taken.items():
            if row.body is None:
                continue
            if len(resources) == _PIECE or (resources and size + len(row.body) > _PIECE_BYTES):
                yield Response(type_, self._nonce(), tuple(resources))
                resources, size = [], 0
            resources.append(Resource(name, row.version, row.body))
            size += len(row.body)
        if resources:
            yield Response(type_, self._nonce(), tuple(resources))

    def _nonce(self) -> str:
        self._nonces += 1
        return str(self._nonces)

    # What the fleet asks

    def progress(self) -> dict[str, Progress]:
        """As far as the relay says that its Envoy is."""
        return dict.fromkeys(self._asked, Progress(self._settled, 0, 0, self._settled < self._snapshot.revision))

    def subscribed(self, type_: str) -> tuple[str, ...]:  # noqa: ARG002
        """Nothing by name: a relay takes all."""
        return ()

    def settled(self, revision: int) -> bool:
        return self._settled >= revision
