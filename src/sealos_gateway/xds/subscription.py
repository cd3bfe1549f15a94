"""One type on one stream: what the client holds, what it is owed, and what it makes of the answers.

`held` is the truth about the client: a row is a change for it when the version differs from the one held. Names are
owed under a *gate*, the revision of the oldest change the client has not got; `made` and `done` (how far the client is)
follow from the gates, so nothing else has to be counted. Pure. Order between types is not decided here but in `stream`.
"""

import enum
import sys
from collections import deque
from collections.abc import Callable, Container
from typing import NamedTuple

from sealos_gateway.xds.interest import Interest
from sealos_gateway.xds.messages import Acked, Event, Presentation, Rejected, Request, Resource
from sealos_gateway.xds.snapshot import Mark, Row, Snapshot

UNGATED = sys.maxsize  # asked for, not changed: nobody has to wait for it
AT_ONCE = 0  # the revision of a removal that answers a question


class Pick(enum.Enum):
    """Why no row answers a name now."""

    WAIT = "its turn has not come"
    GONE = "no such row"
    UNUSABLE = "there is a row, but none that this client could be given"


class Sent(NamedTuple):
    """One resource of the response in flight; `previous` is the version the client held before."""

    version: str
    row_name: str
    row_version: str
    gate: int
    previous: str | None


class Flight(NamedTuple):
    """The one response that waits for its answer."""

    nonce: str
    sent: dict[str, Sent]
    removed: dict[str, int]

    @property
    def made(self) -> int:
        return min((sent.gate for sent in self.sent.values()), default=UNGATED) - 1

    @property
    def done(self) -> int:
        return min(self.made, _oldest(self.removed) - 1)


class Subscription:
    """See the text of this module."""

    def __init__(
        self,
        snapshot: Snapshot,
        type_: str,
        hooks: Presentation | None = None,
        hot: frozenset[str] = frozenset(),
        most: int = UNGATED,
    ) -> None:
        self.type = type_
        self._most = most
        self.interest = Interest(snapshot, type_, hooks, hot)
        self.held: dict[str, str] = {}
        self.owed: dict[str, int] = {}  # upserts: name -> gate, oldest first
        self.doomed: dict[str, int] = {}  # removals: name -> revision it went away at
        self.cursor = snapshot.revision
        self.flight: Flight | None = None
        self._snapshot = snapshot
        self._first_answer_due = False
        self._forced: set[str] = set()  # to be answered even if nothing changed
        self._halves: deque[list[str]] = deque()  # of refused responses, to be tried on their own
        self._rejected: dict[str, tuple[str, str]] = {}  # name -> (row name, row version) this client refused
        self._doubt: dict[str, tuple[str | None, str]] = {}  # refused with others: what it held, what was refused

    @property
    def made(self) -> int:
        """All upserts up to this revision are with the client."""
        flight = self.flight.made if self.flight else UNGATED
        return min(self.cursor, min(self.owed.values(), default=UNGATED) - 1, flight)

    @property
    def done(self) -> int:
        """All changes up to this revision, removals too, are with the client."""
        flight = self.flight.done if self.flight else UNGATED
        return min(self.made, _oldest(self.doomed) - 1, flight)

    @property
    def busy(self) -> bool:
        return bool(self.flight or self.owed or self.doomed or self._first_answer_due)

    # What the client says

    def open(self, request: Request) -> None:
        """Take the first request of this type: it alone may say what the client holds from an earlier stream."""
        self.held.update(request.initial_versions)
        if not request.subscribe:
            self._subscribe_all()  # the legacy way to say "*"
        self.update(request, floor=0, keep=frozenset(self.held))
        evicted = [name for name in request.subscribe if name != "*" and name not in self.interest.names]
        if not self.interest.wildcard:
            self._forget_unless(self.interest.names)
        for name in self.held:
            if not self.interest.newest(name):
                self.doomed.setdefault(name, self._snapshot.revision)
        self.doomed.update(dict.fromkeys(evicted, AT_ONCE))

    def update(self, request: Request, *, floor: int, keep: Container[str] = ()) -> None:
        """Subscribe and unsubscribe. Rows newer than `floor` hold later types back; names in `keep` need no repeat."""
        for name in request.subscribe:
            if name == "*":
                self._subscribe_all()
            else:
                self.interest.subscribe(name)
                self.ask(name, floor, force=name not in keep)
        if "*" in request.unsubscribe:
            self.interest.wildcard = self._first_answer_due = False
            self._forget_unless(self.interest.names)
        for name in request.unsubscribe:
            if name != "*":
                self._unsubscribe(name, floor)
        self._bound()
        self.catch_up()

    def ask(self, name: str, floor: int, *, force: bool = True) -> None:
        """Owe the client an answer about a name: the resource, or that there is none."""
        if force:
            self._forced.add(name)
        if newest := self.interest.newest(name):
            self._owe(name, newest if newest > floor else UNGATED)
        else:
            self.owed.pop(name, None)
            self.doomed.setdefault(name, self._snapshot.revision if name in self.held else AT_ONCE)

    def pin(self, name: str) -> None:
        """Give the client a lazy row that it needs without knowing it, and keep it up to date from now on."""
        if self.interest.wildcard and name not in self.interest.pinned:
            self.interest.pinned.add(name)
            if name not in self.held and self.interest.newest(name):
                self._owe(name, UNGATED)

    def under_way(self, name: str) -> bool:
        """Whether the client is still to get this name, or to answer for it."""
        return name in self.owed or (self.flight is not None and name in self.flight.sent)

    def answer(self, error: str | None) -> list[Event]:
        """The client answered the response in flight."""
        if (flight := self.flight) is None:
            return []
        self.flight = None
        if error is None:
            for name in flight.sent:
                self._doubt.pop(name, None)
            rows = tuple((sent.row_name, sent.row_version) for sent in flight.sent.values())
            return [Acked(self.type, rows)] if rows else []
        if len(flight.sent) > 1:
            self._bisect(flight.sent)
            return []
        for name, sent in flight.sent.items():
            self._refused(name, sent)
            return [Rejected(self.type, sent.row_name, sent.row_version, error)]
        return [Rejected(self.type, "", "", error)]

    def _subscribe_all(self) -> None:
        if not self.interest.wildcard:
            self.interest.wildcard, self.cursor, self._first_answer_due = True, 0, not self.held

    def _bound(self) -> None:
        """Take the oldest names away from a client that asked for too many that were made up; it will ask again for
        what it needs. Names that its configuration says are asked for once, so they are never taken away."""
        while len(self.interest.invented) > self._most:
            name = self.interest.oldest()
            self.interest.unsubscribe(name)
            self._forget(name)
            self.doomed[name] = AT_ONCE

    def _unsubscribe(self, name: str, floor: int) -> None:
        """Unsubscribed under a wildcard: the client must hear whether the name is still there for it."""
        known = self.interest.unsubscribe(name) or name in self.held
        row = self._snapshot.peek(self.type, name)
        if not self.interest.wildcard:
            self._forget(name)
        elif known and (row is None or self.interest.covers(name, row)):
            self.ask(name, floor)
        elif known:
            self.owed.pop(name, None)
            self.doomed[name] = AT_ONCE

    # What the snapshot says

    def catch_up(self) -> None:
        """Note what changed since the last look. Costs the number of changes, whatever the client does."""
        if self.cursor < self._snapshot.revision:
            for row_name in reversed(list(self._snapshot.since(self.type, self.cursor))):
                row = self._snapshot.peek(self.type, row_name)
                if row is not None:
                    self._note(row_name, row)
            self.cursor = self._snapshot.revision

    def _note(self, row_name: str, row: Row) -> None:
        for name in (row_name, *self.interest.aliases(row_name)):
            if self.interest.newest(name):
                known = name in self.interest.names or name in self.held
                if known or self.interest.covers(name, row):
                    # Several commits may have passed since the last look: the oldest unseen one counts.
                    self._owe(name, self.cursor + 1)
                continue
            self.owed.pop(name, None)
            self._rejected.pop(name, None)
            if name in self.held:
                self.doomed[name] = row.revision
            elif name in self._forced:
                self.doomed[name] = AT_ONCE

    # What goes out

    def collect(
        self, nonce: str, piece: int, limit: int, last: int, waits: Callable[[str, bytes | None], bool]
    ) -> tuple[tuple[Resource, ...], tuple[str, ...]] | None:
        """The next piece: upserts up to revision `limit` of names that need not wait, removals up to `last`.

        `waits` is asked twice: by name alone, and again with the bytes, which say what else the client needs first.
        """
        sent: dict[str, Sent] = {}
        resources: list[Resource] = []
        while self._halves and not sent:
            self._gather(self._halves.popleft(), piece, limit, waits, sent, resources)
        removed: dict[str, int] = {}
        if not sent:
            self._gather(list(self.owed), piece, limit, waits, sent, resources)
            removed = self._removals(piece - len(sent), last, sent, resources)
        # A dict that was once large stays slow to walk, however few it holds now.
        self.owed, self.doomed = self.owed or {}, self.doomed or {}
        if not sent and not removed and not (self._first_answer_due and not self.owed):
            return None
        self._first_answer_due = False
        self.flight = Flight(nonce, sent, removed)
        return tuple(resources), tuple(removed)

    def _gather(
        self,
        names: list[str],
        piece: int,
        limit: int,
        waits: Callable[[str, bytes | None], bool],
        sent: dict[str, Sent],
        resources: list[Resource],
    ) -> None:
        for name in names:
            if len(sent) == piece:
                break
            if name not in self.owed or waits(name, None):
                continue
            picked = self._pick(name, limit)
            if not isinstance(picked, Pick):
                body = picked[1].body
                if not (isinstance(body, bytes) and waits(name, body)):
                    self._send(name, *picked, sent, resources)
            elif picked is not Pick.WAIT:
                self._give_up(name, picked)

    def _pick(self, name: str, limit: int) -> tuple[str, Row] | Pick:
        """The row that answers a name now; it is rendered here and not earlier."""
        nothing = Pick.GONE
        for row_name in self.interest.candidates(name):
            lying = self._snapshot.peek(self.type, row_name)
            if lying is None or not lying.alive:
                continue
            if lying.revision > limit:
                return Pick.WAIT
            row = self._snapshot.row(self.type, row_name)
            if row is None or not row.alive:
                continue
            if row.body is not Mark.WITHHELD and self._rejected.get(name) != (row_name, row.version):
                return row_name, row
            nothing = Pick.UNUSABLE
            if name in self.held:
                break  # what the client has is better than the next best
        return nothing

    def _send(self, name: str, row_name: str, row: Row, sent: dict[str, Sent], resources: list[Resource]) -> None:
        gate, forced, previous = self.owed.pop(name), name in self._forced, self.held.get(name)
        self._forced.discard(name)
        self._pardon(name, row_name, row)
        version = self.interest.version(name, row_name, row)
        if version != previous or forced:
            resources.append(self.interest.resource(name, row_name, row))
            sent[name] = Sent(version, row_name, row.version, gate, previous)
            self.held[name] = version

    def _give_up(self, name: str, why: Pick) -> None:
        del self.owed[name]
        if why is Pick.GONE and name in self.held:
            self.doomed[name] = self.cursor
        elif name in self._forced and name not in self.held:
            self.doomed[name] = AT_ONCE
        self._forced.discard(name)

    def _removals(self, room: int, last: int, sent: dict[str, Sent], resources: list[Resource]) -> dict[str, int]:
        """Names to be listed as removed; those that have a stand-in for 'there is none' become resources instead."""
        removed: dict[str, int] = {}
        for name in [name for name, revision in self.doomed.items() if revision <= last][:room]:
            revision, forced, previous = self.doomed.pop(name), name in self._forced, self.held.pop(name, None)
            self._forced.discard(name)
            self._doubt.pop(name, None)
            absent = self.interest.absent(name)
            if absent is None:
                removed[name] = revision
                continue
            self.held[name] = absent.version
            if absent.version != previous or forced:
                resources.append(absent)
                sent[name] = Sent(absent.version, name, absent.version, revision or UNGATED, previous)
        return removed

    # What the client made of it

    def _bisect(self, sent: dict[str, Sent]) -> None:
        """Try both halves on their own. The client may have applied any part of it, so all of it is sent again."""
        again = []
        for name, one in sent.items():
            if name in self.held:
                self._doubt.setdefault(name, (one.previous, one.version))
                self.held[name] = ""
                if name not in self.doomed:
                    self._owe(name, one.gate)
                    again.append(name)
        middle = (len(again) + 1) // 2
        self._halves.extendleft(half for half in (again[middle:], again[:middle]) if half)

    def _refused(self, name: str, sent: Sent) -> None:
        """The client refused this one resource, so it still has what it had."""
        if name not in self.held:
            return
        self._rejected[name] = (sent.row_name, sent.row_version)
        previous, refused = self._doubt.pop(name, (sent.previous, sent.version))
        if previous is None and refused == sent.version:
            del self.held[name]
        else:
            self.held[name] = previous if previous is not None and refused == sent.version else ""
        if name not in self.doomed:
            self.ask(name, floor=UNGATED, force=name in self.interest.names and name not in self.held)
        elif name not in self.held and name not in self.interest.names:
            del self.doomed[name]

    def _pardon(self, name: str, row_name: str, row: Row) -> None:
        """Forget a refusal once the row itself (not its fallback) has become something else."""
        if name in self._rejected and self._rejected[name][0] == row_name:
            lying = self._snapshot.peek(self.type, row_name)
            if lying is not None and lying.version == row.version:
                del self._rejected[name]

    # Small verbs

    def _owe(self, name: str, gate: int) -> None:
        """A name keeps its place and its oldest gate when it changes again before it was sent."""
        self.doomed.pop(name, None)
        self.owed[name] = min(self.owed.get(name, UNGATED), gate)

    def _forget_unless(self, wanted: Container[str]) -> None:
        for name in {*self.held, *self.owed, *self.doomed, *self._rejected}:
            if name not in wanted:
                self._forget(name)

    def _forget(self, name: str) -> None:
        for names in (self.held, self.owed, self.doomed, self._rejected, self._doubt):
            names.pop(name, None)
        self._forced.discard(name)


def _oldest(removals: dict[str, int]) -> int:
    return min((revision for revision in removals.values() if revision != AT_ONCE), default=UNGATED)
