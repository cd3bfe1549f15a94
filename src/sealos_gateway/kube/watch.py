"""One list and watch that never ends, as a stream of values. Bytes in, typed objects out; nothing is kept here.

Three generators, each with one reason to end:

* `Watch.follow` never ends. It lists, says so (`Mark.LISTED`), then follows the history.
* `_history` ends when the history is lost: 410, or a line nobody can read. Then everything is listed again.
* `_connection` ends when one connection does: closed by the server, cut, or silent. Then the next goes on where it was.

A kind that the server need not have (`Target.where`) is looked for before it is listed: `Mark.ABSENT` says that it is
not there, and it is looked for again and again, so that it may be installed later. `Outdated` says that it is there in
a version that is too old.

What vanished during a second listing is not said: `Mark.LISTING` and `Mark.LISTED` frame a listing, and who keeps the
objects (`inbox`) knows which of his were not in it.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from sealos_gateway.clock import Backoff, Clock
from sealos_gateway.kube import client, errors, wire
from sealos_gateway.kube.client import Client
from sealos_gateway.kube.errors import (
    ApiError,
    ForbiddenError,
    GarbledError,
    GoneError,
    InvalidError,
    NotFoundError,
    UnreachableError,
)
from sealos_gateway.kube.wire import Change, Gone, Put
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref

_INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"
_EXPIRED: Final = 410


class Mark(enum.Enum):
    """`LISTING`: all objects that exist follow. `LISTED`: that were all; from here on come changes.

    `ABSENT`: the server does not have this kind, so there are no objects.
    """

    LISTING = enum.auto()
    LISTED = enum.auto()
    ABSENT = enum.auto()


class Failed(NamedTuple):
    """The server cannot be listened to at the moment; it is tried again."""

    error: ApiError


class Outdated(NamedTuple):
    """The server has the kind, but only in this version, which is not read."""

    version: str


#: What came together comes as one list, so that it can be taken together.
Item = Mark | Failed | Outdated | list[Change]


class Target(NamedTuple):
    """Which objects. With `where` they are of interest only while the server has that kind."""

    kind: Kind
    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    where: Kind | None = None

    @property
    def path(self) -> str:
        return client.path(self.kind.api_version, self.kind.plural, self.namespace)

    def path_at(self, version: str) -> str:
        """The same in another version."""
        return client.path(f"{self.kind.group}/{version}", self.kind.plural, self.namespace)

    @property
    def params(self) -> dict[str, str]:
        both = {"labelSelector": self.label_selector, "fieldSelector": self.field_selector}
        return {name: value for name, value in both.items() if value}


@dataclass(frozen=True)
class Options:
    """How to listen."""

    #: Objects in one page of a list.
    page: int = 500
    #: Ask for the list as a stream (WatchList) and fall back to pages where the server has none.
    stream: bool = True
    #: The server ends a watch after this long, or up to twice as long, so that load spreads over its replicas again.
    watch_seconds: int = 300
    #: Bookmarks come about once a minute; a connection silent for longer than this is taken for dead.
    quiet_seconds: float = 150.0
    #: A connection that lived so long was a good one: the next failure starts with the shortest delay.
    good_seconds: float = 10.0


class Watch:
    """A stream of one target."""

    def __init__(self, api: Client, target: Target, clock: Clock, options: Options) -> None:
        self._api = api
        self._target = target
        self._clock = clock
        self._options = options
        self._streams = options.stream
        self._backoff = Backoff(clock)
        self._version = ""  # how far the history is known; empty before everything was listed
        self._path = target.path

    async def follow(self) -> AsyncGenerator[Item, None]:
        """Everything that exists, then every change, for ever."""
        while True:
            yield Mark.LISTING
            self._version = ""
            delay = 0.0
            try:
                await self._look()
                if not self._streams:
                    async with aclosing(self._pages()) as pages:
                        async for page in pages:
                            yield page
                    yield Mark.LISTED
                async with aclosing(self._history()) as history:
                    async for item in history:
                        yield item
            except GoneError:
                pass  # a page that is no longer kept: from the start
            except ApiError as error:
                if self._target.where and isinstance(error, NotFoundError):
                    yield Mark.ABSENT
                    if version := await self._older():
                        yield Outdated(version)
                else:
                    if not isinstance(error, InvalidError) or not self._streams:
                        yield Failed(error)
                    # Pages always work; what a server or a proxy makes of a streamed list is not worth a second try.
                    self._streams = False
                    delay = error.retry_after
            await self._clock.sleep(self._backoff.delay(delay))

    async def _look(self) -> None:
        """Raises NotFoundError when the server does not have the kind that must be there, and what else goes wrong.

        Discovery is asked, because everybody may: an identity without permission for a kind is told "forbidden" whether
        the kind is there or not.
        """
        kind = self._target.where
        if kind is None:
            return
        for version in (kind.version, *kind.also) if kind.any_version else (kind.version,):
            try:
                if not await self._has(kind, version):
                    continue
            except ForbiddenError:
                pass  # then the list itself will tell
            if kind is self._target.kind:
                self._path = self._target.path_at(version)
            return
        raise NotFoundError(f"the server has no {kind.plural}", 404)

    async def _has(self, kind: Kind, version: str) -> bool:
        """Raises what goes wrong, but for a version that the server does not know."""
        try:
            answer = await self._api.request("GET", f"/apis/{kind.group}/{version}")
        except NotFoundError:
            return False
        return any(resource.name == kind.plural for resource in wire.decode(wire.RESOURCES, answer).resources)

    async def _older(self) -> str:
        """The first of the kind's older versions that the server has; empty where it has none, or does not say."""
        kind = self._target.kind
        for version in () if kind.any_version else kind.also:
            with suppress(ApiError):
                if await self._has(kind, version):
                    return version
        return ""

    async def _history(self) -> AsyncGenerator[Item, None]:
        """Every change since `_version`, over as many connections as it takes. Raises only before the listing."""
        while True:
            began, delay = self._clock.monotonic(), 0.0
            try:
                async with aclosing(self._connection()) as connection:
                    async for item in connection:
                        yield item
                if not self._version:
                    raise UnreachableError("the answer ended before everything was listed")
            except ApiError as error:
                if not self._version:
                    raise
                if isinstance(error, GoneError | GarbledError) or (self._target.where and error.status == 404):
                    return
                yield Failed(error)
                delay = error.retry_after
            if self._clock.monotonic() - began >= self._options.good_seconds:
                self._backoff.reset()
            await self._clock.sleep(self._backoff.delay(delay))

    async def _connection(self) -> AsyncGenerator[Item, None]:
        lines = wire.Lines()
        place, params = self._path, self._watch_params()
        async with self._api.stream("GET", place, params, quiet_seconds=self._options.quiet_seconds) as pieces:
            yield []  # connected: an earlier failure is over, though nothing may change for hours
            async for piece in pieces:
                for item in self._items(lines.feed(piece)):
                    yield item

    def _watch_params(self) -> dict[str, str]:
        seconds = int(self._options.watch_seconds * (1 + self._clock.random()))
        params = self._target.params | {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds)}
        if self._version:
            return params | {"resourceVersion": self._version}
        return params | {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}

    async def _pages(self) -> AsyncGenerator[list[Change], None]:
        """The whole list as it is now: asked without a version, the server never answers with an old state."""
        params = self._target.params | {"limit": str(self._options.page)}
        while True:
            page = wire.decode(wire.PAGES, await self._api.request("GET", self._path, params))
            yield [wire.present(self._target.kind, item) for item in page.items or ()]
            if not page.metadata.continue_:
                self._version = page.metadata.resource_version
                break
            params["continue"] = page.metadata.continue_
        if not self._version:
            raise GarbledError("a list without a version")

    def _items(self, lines: Iterable[bytes]) -> Iterable[Item]:
        """The lines of one piece as items. Raises GoneError, GarbledError, or what else the server has to say."""
        changes: list[Change] = []
        for line in lines:
            event = wire.decode(wire.EVENTS, line)
            match event.type:
                case "ADDED" | "MODIFIED" | "DELETED":
                    changes.append(self._change(event))
                case "BOOKMARK":
                    if changes:
                        yield changes
                        changes = []
                    yield from self._bookmark(wire.decode(wire.IDENTITIES, event.object).metadata)
                case "ERROR":
                    status = wire.decode(wire.STATUSES, event.object)
                    if changes:
                        yield changes
                    raise errors.error_for(status.code or _EXPIRED, status.message)
                case _:
                    raise GarbledError(f"an event of type {event.type!a}")
        if changes:
            yield changes

    def _change(self, event: wire.Event) -> Change:
        if event.type == "DELETED":
            metadata = wire.decode(wire.IDENTITIES, event.object).metadata
            self._seen(metadata.resource_version)
            return Gone(Ref(metadata.namespace, metadata.name))
        change = wire.present(self._target.kind, event.object)
        if isinstance(change, Put):
            self._seen(change.resource.metadata.resource_version)
        else:
            self._seen(wire.decode(wire.IDENTITIES, event.object).metadata.resource_version)
        return change

    def _bookmark(self, metadata: wire.Metadata) -> Iterable[Item]:
        if self._version:
            self._seen(metadata.resource_version)
        elif metadata.annotations and _INITIAL_EVENTS_END in metadata.annotations:
            self._version = metadata.resource_version
            yield Mark.LISTED

    def _seen(self, version: str) -> None:
        """Streamed lists are not in the order of versions, so there only the final bookmark counts."""
        if self._version and version:
            self._version = version
