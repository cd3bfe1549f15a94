"""Only the Secrets that are referenced, each read by its name: no permission to list all Secrets is needed.

ConfigMaps (certificates of authorities) and definitions of kinds are had in the same way; `kind` says which it is.

HTTP/1.1 carries one watch per connection, so watches are for the few where seconds count and the rest is asked for in
turn. `Limits.watches` Secrets are watched: those that are needed newest, and before all those that do not exist yet,
because somebody waits for them (a certificate is usually issued after its Ingress). The others are read with single
requests over `Limits.readers` connections, at first at once and then in turn at a bounded rate: a renewed certificate
arrives within `needed / Limits.reads_per_second` seconds, weeks before the old one expires.

`get` alone is enough: where watching is forbidden the Secret is read in turn, and watching is tried again later.

Rejected: a watch on each namespace or on all Secrets of a type (needs the permission to read what is not ours);
one watch for every Secret (20,000 TLS connections on both sides); only asking in turn (slow for the new ones).
"""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from sealos_gateway.clock import Backoff, Clock
from sealos_gateway.kube import client
from sealos_gateway.kube.client import Client
from sealos_gateway.kube.errors import (
    ApiError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ServerError,
    UnreachableError,
)
from sealos_gateway.kube.inbox import GIVE_UP, Feed, Inbox
from sealos_gateway.kube.watch import Failed, Item, Mark, Options, Target, Watch
from sealos_gateway.kube.wire import present
from sealos_gateway.model.problem import Problem
from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref, Resource

#: Names come from tenants. What is no name of an object is not asked for: it could change the meaning of a selector.
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)

#: What may be wrong with one Secret alone: one that is forbidden or cannot be decrypted must not hold up all hosts.
_OF_ONE: Final = (ForbiddenError, InvalidError, ServerError)
#: How long a refused watch is not asked for again: roles change seldom.
_REFUSED_SECONDS: Final = 600.0


@dataclass(frozen=True)
class Limits:
    """How much of the API server Secrets may take."""

    watches: int = 64
    readers: int = 8
    reads_per_second: float = 20.0
    #: The shortest time between two reads of the same Secret.
    least_seconds: float = 30.0


class _Needed:
    """One Secret that is needed. A sink, to know whether it exists."""

    def __init__(self, kind: Kind, ref: Ref, inbox: Inbox, clock: Clock) -> None:
        self.ref = ref
        self.exists = False
        self.watcher: asyncio.Task[None] | None = None
        self.not_watched_before = 0.0
        self.queued = False
        self.backoff = Backoff(clock)
        self._inbox = inbox
        name = (kind.plural, ref.namespace, ref.name)
        self.feed = Feed(name, kind, self, inbox, gives_up=_OF_ONE)

    def put(self, kind: Kind, ref: Ref, resource: Resource) -> None:
        self.exists = True
        self._inbox.put(kind, ref, resource)

    def drop(self, kind: Kind, ref: Ref) -> None:
        self.exists = False
        self._inbox.drop(kind, ref)


class Secrets:
    """The set of needed Secrets and whatever keeps them up to date."""

    def __init__(
        self, api: Client, inbox: Inbox, clock: Clock, limits: Limits, options: Options, kind: Kind = kinds.SECRET
    ) -> None:
        self._api = api
        self._kind = kind
        self._inbox = inbox
        self._clock = clock
        self._limits = limits
        self._options = replace(options, stream=False)  # a list of one is not worth a stream
        self._needed: dict[Ref, _Needed] = {}
        self._watched: dict[Ref, _Needed] = {}  # in the order in which they got their watch
        self._unwatched: dict[Ref, _Needed] = {}  # in the order in which they are read again
        self._due: asyncio.Queue[_Needed] = asyncio.Queue()
        self._group: asyncio.TaskGroup | None = None

    def need(self, ref: Ref) -> None:
        """From now on this Secret is followed."""
        inside = not self._kind.namespaced or _NAME.fullmatch(ref.namespace)
        if ref in self._needed or not _NAME.fullmatch(ref.name) or not inside:
            return
        needed = self._needed[ref] = _Needed(self._kind, ref, self._inbox, self._clock)
        if self._make_room():
            self._watch(needed)
        else:
            self._leave_unwatched(needed)

    def release(self, ref: Ref) -> None:
        """Nobody refers to it any more; it is dropped."""
        needed = self._needed.pop(ref, None)
        if needed is None:
            return
        self._watched.pop(ref, None)
        self._unwatched.pop(ref, None)
        self._stop(needed)
        needed.feed.forget()
        self._fill_room()

    async def run(self) -> None:
        """Keep the needed ones up to date, for ever."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for needed in self._watched.values():
                self._start(needed)
            for number in range(self._limits.readers):
                group.create_task(self._read_due(group), name=f"{self._kind.name} reader {number}")
            group.create_task(self._rotate(), name=f"{self._kind.name} rotation")

    @property
    def problems(self) -> list[Problem]:
        return [problem for needed in self._needed.values() for problem in needed.feed.problems]

    # ---------------------------------------------------------------- watched

    def _make_room(self) -> bool:
        """Whether one more may be watched; the one that was watched longest and exists makes room for it."""
        if len(self._watched) < self._limits.watches:
            return True
        calm = next((needed for needed in self._watched.values() if needed.exists), None)
        if calm is None:
            return False
        del self._watched[calm.ref]
        self._stop(calm)
        self._leave_unwatched(calm)
        return True

    def _fill_room(self) -> None:
        if self._unwatched and len(self._watched) < self._limits.watches:
            allowed = [needed for needed in self._unwatched.values() if self._may_be_watched(needed)]
            if chosen := next((needed for needed in allowed if not needed.exists), None) or next(iter(allowed), None):
                self._watch(chosen)

    def _may_be_watched(self, needed: _Needed) -> bool:
        return self._clock.monotonic() >= needed.not_watched_before

    def _watch(self, needed: _Needed) -> None:
        self._unwatched.pop(needed.ref, None)
        self._watched[needed.ref] = needed
        self._start(needed)

    def _start(self, needed: _Needed) -> None:
        if self._group and needed.watcher is None:
            needed.watcher = self._group.create_task(self._follow(needed), name=f"watch {self._kind.name} {needed.ref}")

    def _stop(self, needed: _Needed) -> None:
        if needed.watcher:
            needed.watcher.cancel()
            needed.watcher = None

    async def _follow(self, needed: _Needed) -> None:
        selector = f"metadata.name={needed.ref.name}"
        target = Target(self._kind, needed.ref.namespace, field_selector=selector)
        watch = Watch(self._api, target, self._clock, self._options)
        async with aclosing(watch.follow()) as items:
            async for item in items:
                if isinstance(item, Failed) and isinstance(item.error, ForbiddenError):
                    break
                needed.feed.take(item)
        needed.watcher = None
        needed.not_watched_before = self._clock.monotonic() + _REFUSED_SECONDS
        self._watched.pop(needed.ref, None)
        self._leave_unwatched(needed)

    # ---------------------------------------------------------------- read in turn

    def _leave_unwatched(self, needed: _Needed) -> None:
        self._unwatched[needed.ref] = needed
        if not needed.feed.listed or not needed.exists:
            self._queue(needed)

    def _queue(self, needed: _Needed) -> None:
        if not needed.queued:
            needed.queued = True
            self._due.put_nowait(needed)

    async def _rotate(self) -> None:
        """Let one Secret after the other be read again, at a bounded rate and not more often than makes sense."""
        while True:
            many = max(1, len(self._unwatched))
            await self._clock.sleep(max(1 / self._limits.reads_per_second, self._limits.least_seconds / many))
            if self._unwatched:
                ref = next(iter(self._unwatched))
                needed = self._unwatched[ref] = self._unwatched.pop(ref)  # to the end of the row
                self._queue(needed)

    async def _read_due(self, group: asyncio.TaskGroup) -> None:
        while True:
            needed = await self._due.get()
            needed.queued = False
            if needed.ref not in self._unwatched:
                continue
            items = await self._read(needed.ref)
            # Released or watched meanwhile: what was read may be older than what is known by now.
            if self._unwatched.get(needed.ref) is needed:
                for item in items:
                    needed.feed.take(item)
                self._after(needed, group)

    async def _read(self, ref: Ref) -> list[Item]:
        """One Secret as a listing of at most one object."""
        place = client.path(self._kind.api_version, self._kind.plural, ref.namespace, ref.name)
        try:
            return [Mark.LISTING, [present(self._kind, await self._api.request("GET", place))], Mark.LISTED]
        except NotFoundError:
            return [Mark.LISTING, Mark.LISTED]
        except ApiError as error:
            return [Failed(error)]

    def _after(self, needed: _Needed, group: asyncio.TaskGroup) -> None:
        """One that could not be read is soon read again, beside the readers; one that does not exist is watched for."""
        feed = needed.feed
        if feed.error is None:
            needed.backoff.reset()
            if not needed.exists and self._may_be_watched(needed) and self._make_room():
                self._watch(needed)
        elif feed.failures < GIVE_UP or isinstance(feed.error, UnreachableError):
            delay = needed.backoff.delay(feed.error.retry_after)
            group.create_task(self._queue_later(needed, delay), name=f"retry {self._kind.name} {needed.ref}")

    async def _queue_later(self, needed: _Needed, delay: float) -> None:
        await self._clock.sleep(delay)
        if self._unwatched.get(needed.ref) is needed:
            self._queue(needed)
