"""Changes that nobody has taken yet, the newest per object; and who keeps track of one watch. No I/O.

`Inbox` is where all watches meet: whoever settles takes everything that is there, so a storm of changes costs one
settle, and an object that changed ten times counts once. `Feed` turns the stream of one watch into puts and drops: it
knows which objects it has announced, drops those that a new listing no longer has, and keeps the last good version of
one that became unreadable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Final, Protocol

from sealos_gateway.kube.errors import ApiError, NotFoundError
from sealos_gateway.kube.watch import Failed, Item, Mark, Outdated
from sealos_gateway.kube.wire import Bad, Change, Gone, Put
from sealos_gateway.model.problem import Problem
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Origin, Ref, Resource
from sealos_gateway.resources.update import Update

#: Failures in a row before they are a problem: every connection is cut now and then.
PATIENCE: Final = 3
#: Failures in a row (about 20 s) before others no longer wait for this. Not sooner: an API server that just started
#: refuses for a while what it will allow later, and going on without takes hosts or certificates away.
GIVE_UP: Final = 8


class Sink(Protocol):
    """Where a feed puts what it learns."""

    def put(self, kind: Kind, ref: Ref, resource: Resource) -> None: ...

    def drop(self, kind: Kind, ref: Ref) -> None: ...


class Inbox:
    """A sink for everything, and what still has to be heard before anything may be taken."""

    def __init__(self) -> None:
        self._pending: dict[tuple[Kind, Ref], Resource | None] = {}
        self._awaited: set[Hashable] = set()
        self._moved = asyncio.Event()

    def put(self, kind: Kind, ref: Ref, resource: Resource) -> None:
        self._pending[(kind, ref)] = resource
        self._moved.set()

    def drop(self, kind: Kind, ref: Ref) -> None:
        self._pending[(kind, ref)] = None
        self._moved.set()

    def expect(self, name: Hashable) -> None:
        """From now on this has to be heard before the inbox is complete."""
        self._awaited.add(name)

    def heard(self, name: Hashable) -> None:
        """This was heard completely, or is no longer wanted."""
        if name in self._awaited:
            self._awaited.discard(name)
            self._moved.set()

    async def complete(self) -> None:
        """Wait until everything expected was heard."""
        while self._awaited:
            self._moved.clear()
            await self._moved.wait()

    async def changed(self) -> None:
        """Wait until there is something to take."""
        while not self._pending:
            self._moved.clear()
            await self._moved.wait()

    def take(self) -> Update:
        """Everything that is there."""
        pending, self._pending = self._pending, {}
        puts = tuple((kind, ref, row) for (kind, ref), row in pending.items() if row is not None)
        return Update(puts, tuple(key for key, row in pending.items() if row is None))


class Feed:
    """One watch of one kind. `name` is what the inbox waits for; after `gives_up` errors it waits no longer."""

    def __init__(
        self, name: Hashable, kind: Kind, sink: Sink, inbox: Inbox, gives_up: tuple[type[ApiError], ...] = ()
    ) -> None:
        self.name = name
        self.kind = kind
        self.listed = False
        self.failures = 0
        self.error: ApiError | None = None
        self._outdated = ""
        self._sink = sink
        self._inbox = inbox
        self._gives_up = gives_up
        self._versions: dict[Ref, str] = {}
        self._unseen: set[Ref] | None = None  # during a listing: announced earlier, and not listed so far
        self._bad: dict[Ref, Problem] = {}
        inbox.expect(name)

    def take(self, item: Item) -> None:
        """One item of the stream."""
        match item:
            case Failed(error):
                self._failed(error)
            case Mark.LISTING:
                self._unseen = self._versions.keys() | self._bad.keys()
            case Mark.LISTED:
                self._listed()
            case Mark.ABSENT:
                self._absent()
            case Outdated(version):
                self._outdated = version
            case changes:
                self._answered()
                for change in changes:
                    self._change(change)

    def forget(self) -> None:
        """This watch is no longer wanted, and its objects neither."""
        for ref in self._versions.keys() | self._bad.keys():
            self._gone(ref)
        self._inbox.heard(self.name)

    @property
    def problems(self) -> list[Problem]:
        found = list(self._bad.values())
        if self._outdated:
            message = (
                f"the server has {self.kind.plural} only in version {self._outdated}, which is not read: they have "
            )
            message += f"no effect; install definitions of the Gateway API that have version {self.kind.version}"
            found.append(Problem(_origin(self.name, self.kind), "", "OutdatedDefinition", message))
        if self.error and self.failures >= PATIENCE:
            kept = "the last known state stays" if self.listed else "it is waited for"
            found.append(Problem(_origin(self.name, self.kind), "", self.error.reason, f"{self.error}; {kept}"))
        return found

    def _listed(self) -> None:
        """What was not in the listing is gone."""
        for ref in self._unseen or ():
            self._gone(ref)
        self._unseen = None
        self._answered()
        self.listed = True
        self._inbox.heard(self.name)

    def _absent(self) -> None:
        """The kind is not installed, which is the same as no objects.

        Where some were known, that is not believed at once: a proxy on the way says "not found" too, and what is
        dropped takes hosts away.
        """
        if self._unseen and self.failures + 1 < GIVE_UP:
            self._failed(NotFoundError(f"the server has no {self.kind.plural} any more"))
        else:
            self._listed()

    def _change(self, change: Change) -> None:
        ref = change.ref
        if self._unseen is not None:
            self._unseen.discard(ref)
        match change:
            case Put(_, resource):
                self._bad.pop(ref, None)
                version = resource.metadata.resource_version
                # A second listing repeats what is known already: that wakes nobody.
                if not version or self._versions.get(ref) != version:
                    self._versions[ref] = version
                    self._sink.put(self.kind, ref, resource)
            case Gone():
                self._gone(ref)
            case Bad(_, field, reason):
                message = f"{reason}; the last good version stays" if ref in self._versions else reason
                self._bad[ref] = Problem(Origin(self.kind.name, ref), field, "InvalidObject", message)

    def _gone(self, ref: Ref) -> None:
        self._bad.pop(ref, None)
        if self._versions.pop(ref, None) is not None:
            self._sink.drop(self.kind, ref)

    def _answered(self) -> None:
        self.failures, self.error, self._outdated = 0, None, ""

    def _failed(self, error: ApiError) -> None:
        self.failures += 1
        self.error = error
        if isinstance(error, self._gives_up) and self.failures >= GIVE_UP:
            self._inbox.heard(self.name)


def _origin(name: Hashable, kind: Kind) -> Origin:
    """What a watch is about: one object when it is named, else a whole list."""
    match name:
        case (_, str(namespace), str(single)):
            return Origin(kind.name, Ref(namespace, single))
        case (_, str(namespace)):
            return Origin("Watch", Ref(namespace, kind.plural))
    return Origin("Watch", Ref("", kind.plural))
