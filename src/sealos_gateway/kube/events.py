"""Problems as Kubernetes Events on the objects that caused them, so that `kubectl describe` shows them. Leader only.

The name of an Event is made from the problem, so the same problem is one Event, whoever announces it and however often.
A problem that lasts is announced again before the API server forgets the Event (an hour); one that is solved is left to
be forgotten, as Events are history. Bounded to a slow rate: tenants cause them at will.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from sealos_gateway.clock import Backoff, Clock
from sealos_gateway.kube import client, wire
from sealos_gateway.kube.client import Client
from sealos_gateway.kube.errors import ApiError, ForbiddenError, NotFoundError
from sealos_gateway.kube.writes import MANAGER, Write, Writer
from sealos_gateway.model.problem import Problem
from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import Kind

REPEAT_SECONDS: Final = 1800.0
_PER_SECOND: Final = 20.0
_MESSAGE_BYTES: Final = 1000
_ONLY_METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_KINDS: Final = {kind.name: kind for kind in kinds.ALL}


@dataclass
class _Known:
    since: datetime
    times: int = 0


class Events:
    """All problems of objects, as they are now (`report`), and their Events."""

    def __init__(self, api: Client, clock: Clock, writer: Writer, leading: Callable[[], bool], identity: str) -> None:
        self._api = api
        self._clock = clock
        self._writer = writer
        self._leading = leading
        self._identity = identity
        self._known: dict[Problem, _Known] = {}
        self._due: dict[Problem, None] = {}
        self._moved = asyncio.Event()
        self._backoff = Backoff(clock)

    def report(self, problems: Collection[Problem]) -> None:
        """The problems there are. Those that are new become Events; those that are gone are forgotten."""
        now = {problem for problem in problems if problem.origin.kind in _KINDS}
        for problem in self._known.keys() - now:
            del self._known[problem]
            self._due.pop(problem, None)
        for problem in sorted(now - self._known.keys()):
            self._known[problem] = _Known(self._clock.now())
            self._due[problem] = None
        self._moved.set()

    def leadership_changed(self) -> None:
        """A new leader announces everything: it cannot know what the one before it did."""
        self._due = dict.fromkeys(self._known)
        self._moved.set()

    async def run(self) -> None:
        """Announce for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(), name="repeat events")
            while True:
                if not self._due or not self._leading():
                    self._moved.clear()
                    await self._moved.wait()
                    continue
                problem = next(iter(self._due))
                del self._due[problem]
                await self._announce(problem)
                await self._clock.sleep(1 / _PER_SECOND)

    async def _repeat(self) -> None:
        while True:
            await self._clock.sleep(REPEAT_SECONDS)
            self.leadership_changed()

    async def _announce(self, problem: Problem) -> None:
        known, kind = self._known[problem], _KINDS[problem.origin.kind]
        try:
            uid = await self._uid(problem, kind)
        except (NotFoundError, ForbiddenError):
            return  # gone, or not ours to see
        except ApiError as error:
            if problem in self._known:
                self._due[problem] = None
            await self._clock.sleep(self._backoff.delay(error.retry_after))
            return
        self._backoff.reset()
        known.times += 1
        name, namespace = _name(problem, uid), problem.origin.ref.namespace or "default"
        write = Write(client.path("v1", "events", namespace, name), self._body(problem, kind, uid, name, known), True)
        self._writer.want(("event", namespace, name), write)

    async def _uid(self, problem: Problem, kind: Kind) -> str:
        """Asked for now: most kinds do not carry it, and without it `kubectl describe` does not find the Event."""
        ref = problem.origin.ref
        place = client.path(kind.api_version, kind.plural, ref.namespace, ref.name)
        data = await self._api.request("GET", place, accept=_ONLY_METADATA)
        uid: str = wire.decode(_OBJECTS, data).metadata.uid
        return uid

    def _body(self, problem: Problem, kind: Kind, uid: str, name: str, known: _Known) -> bytes:
        ref = problem.origin.ref
        text = f"{problem.field}: {problem.message}" if problem.field else problem.message
        return msgspec.json.encode(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": name, "namespace": ref.namespace or "default"},
                "involvedObject": {
                    "apiVersion": kind.api_version,
                    "kind": kind.name,
                    "namespace": ref.namespace,
                    "name": ref.name,
                    "uid": uid,
                },
                "type": "Warning",
                "reason": problem.reason,
                "message": text.encode()[:_MESSAGE_BYTES].decode(errors="ignore"),
                "source": {"component": MANAGER},
                "reportingComponent": MANAGER,
                "reportingInstance": self._identity,
                "firstTimestamp": _seconds(known.since),
                "lastTimestamp": _seconds(self._clock.now()),
                "count": known.times,
            }
        )


class _Metadata(msgspec.Struct):
    uid: str = ""


class _Object(msgspec.Struct):
    metadata: _Metadata


_OBJECTS = msgspec.json.Decoder(_Object)


def _name(problem: Problem, uid: str) -> str:
    digest = hashlib.sha256("\0".join((uid, problem.field, problem.reason, problem.message)).encode()).hexdigest()
    return f"{problem.origin.ref.name[:200].rstrip('.-')}.{digest[:16]}"


def _seconds(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
