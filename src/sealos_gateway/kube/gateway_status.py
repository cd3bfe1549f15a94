"""Status of the kinds of the Gateway API: what is wanted, what is there, and writes for the difference. Leader only.

By server-side apply. Where a list is replaced as a whole (parents of routes, ancestors of policies), the version of the
object that we know goes along: if another controller wrote meanwhile the server refuses, the watch brings what it
wrote, and the difference is made again. Nothing is read here: what is there comes with the objects.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any, Final

import msgspec

from sealos_gateway.clock import Clock
from sealos_gateway.kube import client
from sealos_gateway.kube.errors import ApiError, ConflictError, NotFoundError
from sealos_gateway.kube.writes import Write, Writer
from sealos_gateway.model.problem import Problem
from sealos_gateway.resources import kinds
from sealos_gateway.resources.gateway_api import status
from sealos_gateway.resources.gateway_api.meta import RouteStatus
from sealos_gateway.resources.gateway_api.policies import PolicyStatus
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Origin, Ref, Resource

Key = tuple[Kind, Ref]
_LISTS: Final = (RouteStatus, PolicyStatus)
_COUNTING: Final = (kinds.GATEWAY, kinds.LISTENER_SET)
#: How long what was refused is not tried again: roles change seldom.
RETRY_SECONDS: Final = 30.0
#: A Gateway and a ListenerSet count their routes. With thousands of routes that come one by one, each would be a write.
COUNTS_SECONDS: Final = 0.25


class GatewayStatus:
    """`want` says what a status shall be, `changed` that an object is different now; both are cheap."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._controller = ""
        self._find: Callable[[Kind, Ref], Any] = lambda *_: None
        self._wanted: dict[Key, status.Status] = {}
        #: Of what we have nothing to say any more, with the kind of status that we wrote: what we wrote last may still
        #: be under way.
        self._left: dict[Key, type[status.Status]] = {}
        self._refused: dict[Key, Problem] = {}
        #: Objects whose status has no room for all that there is to say.
        self._crowded: dict[Key, Problem] = {}

    def bind(self, controller: str, find: Callable[[Kind, Ref], Any]) -> None:
        """As whom we speak, and where an object is looked up as it is known now; before anything is wanted."""
        self._controller, self._find = controller, find

    @property
    def problems(self) -> list[Problem]:
        return [*self._refused.values(), *self._crowded.values()]

    def want(self, kind: Kind, ref: Ref, wanted: status.Status | None) -> None:
        """This is what we have to say about an object; None: nothing (any more)."""
        if wanted is not None:
            self._wanted[kind, ref] = wanted
            self._left.pop((kind, ref), None)
            self._compare(kind, ref)
        elif (before := self._wanted.pop((kind, ref), None)) is not None:
            self._left[kind, ref] = type(before)
            self._take_back(kind, ref)

    def changed(self, kind: Kind, ref: Ref, row: Resource | None) -> None:
        """The object is different, or gone."""
        if row is None:
            self._writer.cancel(_name(kind, ref))
            self._left.pop((kind, ref), None)
            self._forget(kind, ref)
        elif (kind, ref) in self._wanted:
            self._compare(kind, ref)
        elif (kind, ref) in self._left:
            self._take_back(kind, ref)

    def found(self, kind: Kind, ref: Ref, row: Any) -> None:
        """An object as it is when everything was read and settled once. Entries of ours that nothing asks for were left
        by who spoke for this controller before us."""
        if (kind, ref) not in self._wanted and status.speaks(row.status, self._controller):
            self._left[kind, ref] = type(row.status)
            self._take_back(kind, ref)

    async def run(self) -> None:
        """Try again what was refused, for ever."""
        while True:
            await self._clock.sleep(RETRY_SECONDS)
            for kind, ref in self._refused.keys() & self._wanted.keys():
                self._compare(kind, ref)

    def _compare(self, kind: Kind, ref: Ref) -> None:
        wanted, row = self._wanted[kind, ref], self._find(kind, ref)
        if row is None:
            return
        self._count(kind, ref, status.left_out(row.status, wanted, self._controller))
        if (body := self._body(kind, row, wanted)) is None:
            self._writer.cancel(_name(kind, ref))
            self._refused.pop((kind, ref), None)
        else:
            self._write(kind, ref, body)

    def _count(self, kind: Kind, ref: Ref, left_out: int) -> None:
        if left_out:
            text = f"{left_out} of our entries are not told: the API has no room for more; all of it is served"
            self._crowded[kind, ref] = Problem(Origin(kind.name, ref), "status", "StatusFull", text)
        else:
            self._crowded.pop((kind, ref), None)

    def _forget(self, kind: Kind, ref: Ref) -> None:
        self._refused.pop((kind, ref), None)
        self._crowded.pop((kind, ref), None)

    def _take_back(self, kind: Kind, ref: Ref) -> None:
        """Our entries go. What we said of an object that was ours alone stays where another controller has it now,
        which writes over it; where nobody has it, it must not go on saying that it is served."""
        self._writer.cancel(_name(kind, ref))
        self._forget(kind, ref)
        made, row = self._left[kind, ref], self._find(kind, ref)
        if row is None:
            return
        wanted = made() if issubclass(made, _LISTS) else self._orphaned(kind, row)
        if wanted is None:
            del self._left[kind, ref]
        elif body := self._body(kind, row, wanted):
            self._write(kind, ref, body)

    def _orphaned(self, kind: Kind, row: Any) -> status.Status | None:
        """What is to be said of a Gateway or a ListenerSet that nobody has; None where somebody may have it."""
        gateway = row
        if kind == kinds.LISTENER_SET:
            parent = Ref(row.spec.parent_ref.namespace or row.metadata.namespace, row.spec.parent_ref.name)
            gateway = self._find(kinds.GATEWAY, parent)
            if gateway is None:
                return status.orphaned(row, f"Gateway {parent} does not exist")
        elif kind != kinds.GATEWAY:
            return None
        name = gateway.spec.gateway_class_name
        if self._find(kinds.GATEWAY_CLASS, Ref("", name)) is not None:
            return None
        return status.orphaned(row, f"GatewayClass {name} does not exist, so nobody serves this")

    def _body(self, kind: Kind, row: Any, wanted: status.Status) -> bytes | None:
        now = self._clock.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        found = status.merged(row.status, wanted, self._controller, now)
        if found is None:
            return None
        metadata = {"name": row.metadata.name}
        metadata |= {"namespace": row.metadata.namespace} if kind.namespaced else {}
        metadata |= {"resourceVersion": row.metadata.resource_version} if isinstance(found, _LISTS) else {}
        status_ = msgspec.to_builtins(found)
        if isinstance(found, RouteStatus):
            status_.setdefault("parents", ())  # it is required, also when it is empty
        elif isinstance(found, PolicyStatus):
            status_.setdefault("ancestors", ())
        for entry in (*status_.get("parents", ()), *status_.get("ancestors", ())):
            entry.setdefault("conditions", ())
        body = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "status": status_}
        return msgspec.json.encode(body)

    def _write(self, kind: Kind, ref: Ref, body: bytes) -> None:
        path = client.path(kind.api_version, kind.plural, ref.namespace, ref.name, "status")
        rest = COUNTS_SECONDS if kind in _COUNTING else 0.0
        write = Write(path, body, True, lambda error: self._done(kind, ref, error), rest=rest)
        self._writer.want(_name(kind, ref), write)

    def _done(self, kind: Kind, ref: Ref, error: ApiError | None) -> None:
        """A conflict or a missing object is news that the watch brings."""
        if error is None or isinstance(error, ConflictError | NotFoundError):
            self._refused.pop((kind, ref), None)
        else:
            origin = Origin(kind.name, ref)
            self._refused[kind, ref] = Problem(origin, "status", error.reason, f"it cannot be written: {error}")


def _name(kind: Kind, ref: Ref) -> tuple[str, str, Ref]:
    return ("status", kind.plural, ref)
