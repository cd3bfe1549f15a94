"""Objects made for Gateways: applied, or removed when no longer wanted. Leader only, through the one `Writer`.

What is wanted and what is there is compared by the tables of `provision`; here it is only written. An object is never
taken from somebody else: the first write of each looks whether there is one that is not ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import msgspec

from sealos_gateway.clock import Clock
from sealos_gateway.kube import client
from sealos_gateway.kube.errors import ApiError, NotFoundError
from sealos_gateway.kube.writes import Write, Writer
from sealos_gateway.model.problem import Problem
from sealos_gateway.resources import owned
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Origin, Ref

#: How long what was refused is not tried again: roles and quotas change seldom.
RETRY_SECONDS: Final = 30.0
#: How often the server may fail with what we ask for before that is told: a profile may hold what is no quantity.
_TRIES: Final = 3

Key = tuple[Kind, Ref]


class _Labels(msgspec.Struct):
    managed_by: str = msgspec.field(default="", name=owned.MANAGED_BY)


class _Metadata(msgspec.Struct):
    labels: _Labels = msgspec.field(default_factory=_Labels)


class _Labelled(msgspec.Struct):
    metadata: _Metadata


_LABELLED: Final = msgspec.json.Decoder(_Labelled)


class Infrastructure:
    """Writes under way and what was refused. `apply`, `keep` and `remove` are cheap: call them on every change."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        #: Called when `refused` has changed.
        self.on_change: Callable[[], None] = lambda: None
        self._refused: dict[Key, Problem] = {}
        self._latest: dict[Key, Write] = {}  # what each object is to become, until it is
        self._again: asyncio.Queue[tuple[float, Key, Write]] = asyncio.Queue()

    @property
    def problems(self) -> list[Problem]:
        return list(self._refused.values())

    @property
    def refused(self) -> dict[Key, str]:
        """What cannot be applied or removed, with why."""
        return {key: problem.message for key, problem in self._refused.items()}

    def apply(self, kind: Kind, ref: Ref, body: bytes, exists: bool) -> None:
        """This is wanted and is not there, or is there otherwise."""
        self._want((kind, ref), Write(_path(kind, ref), body, force=True, guard=None if exists else _foreign))

    def keep(self, kind: Kind, ref: Ref) -> None:
        """It is as it is wanted, or it is of no interest any more."""
        self._latest.pop((kind, ref), None)
        self._let_go((kind, ref))
        self._writer.cancel(_name((kind, ref)))

    def remove(self, kind: Kind, ref: Ref, uid: str) -> None:
        """Nobody wants it any more. One of the same name that came after it stays."""
        options = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        body = msgspec.json.encode({"kind": "DeleteOptions", "apiVersion": "v1", **options})
        self._want((kind, ref), Write(_path(kind, ref), body, delete=True))

    async def run(self) -> None:
        """Try again what was refused, for ever."""
        while True:
            due, key, write = await self._again.get()
            await self._clock.sleep(max(0.0, due - self._clock.monotonic()))
            if self._latest.get(key) is write:
                self._writer.want(_name(key), write)

    def _want(self, key: Key, write: Write) -> None:
        wanted: Write = replace(write, tries=_TRIES, done=lambda error: self._done(key, wanted, error))
        self._latest[key] = wanted
        self._writer.want(_name(key), wanted)

    def _done(self, key: Key, write: Write, error: ApiError | None) -> None:
        if self._latest.get(key) is not write:
            return  # meanwhile something else is wanted
        if error is None or (write.delete and isinstance(error, NotFoundError)):
            del self._latest[key]
            self._let_go(key)
            return
        kind, ref = key
        what = "removed" if write.delete else "applied"
        self._refused[key] = Problem(Origin(kind.name, ref), "", error.reason, f"it cannot be {what}: {error}")
        self._again.put_nowait((self._clock.monotonic() + RETRY_SECONDS, key, write))
        self.on_change()

    def _let_go(self, key: Key) -> None:
        if self._refused.pop(key, None) is not None:
            self.on_change()


def _foreign(there: bytes) -> str:
    """Why an object that is there must not be overwritten."""
    if _LABELLED.decode(there).metadata.labels.managed_by == owned.OURS:
        return ""
    return "an object of this name exists and is not ours; rename it or the Gateway"


def _path(kind: Kind, ref: Ref) -> str:
    return client.path(kind.api_version, kind.plural, ref.namespace, ref.name)


def _name(key: Key) -> tuple[str, str, Ref]:
    return ("infrastructure", key[0].plural, key[1])
