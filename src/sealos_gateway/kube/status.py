"""`status.loadBalancer` of Ingresses: what is wanted, what is there, and writes for the difference. Leader only.

Only this one field is applied, under a name of our own, and never by force: where another controller has set other
addresses the API server refuses, and that is a problem of the Ingress, not the beginning of a fight. What is there is
read when leadership begins, and again now and then, so that a new leader writes only what differs.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from sealos_gateway.clock import Backoff, Clock
from sealos_gateway.kube import client, wire
from sealos_gateway.kube.client import Client
from sealos_gateway.kube.errors import ApiError, ConflictError, NotFoundError
from sealos_gateway.kube.writes import Write, Writer
from sealos_gateway.model.problem import Problem
from sealos_gateway.resources import kinds
from sealos_gateway.resources.meta import Origin, Ref

_PAGE: Final = 500
#: What others changed in our field meanwhile is found at the next look.
LOOK_SECONDS: Final = 600.0


class Wanted(NamedTuple):
    """The `uid` tells an Ingress from one of the same name that came after it."""

    uid: str
    addresses: tuple[str, ...]


class IngressStatus:
    """Addresses under which Ingresses are reachable. `want` is cheap and may be called on every change."""

    def __init__(
        self,
        api: Client,
        clock: Clock,
        writer: Writer,
        leading: Callable[[], bool],
        namespaces: tuple[str, ...] = (),
        take_over: bool = False,
    ) -> None:
        self._namespaces = namespaces or ("",)
        self._api = api
        self._clock = clock
        self._writer = writer
        self._leading = leading
        self._take_over = take_over
        self._wanted: dict[Ref, Wanted] = {}
        self._there: dict[Ref, Wanted] = {}
        self._known = False  # whether `_there` says how it is
        self._changed = asyncio.Event()
        self._conflicts: dict[Ref, Problem] = {}
        self._refused: ApiError | None = None

    def want(self, ref: Ref, uid: str, addresses: tuple[str, ...]) -> None:
        """This Ingress is ours and reachable there."""
        self._wanted[ref] = Wanted(uid, addresses)
        self._compare(ref)

    def forget(self, ref: Ref) -> None:
        """This Ingress is deleted."""
        self._wanted.pop(ref, None)
        self._there.pop(ref, None)
        self._conflicts.pop(ref, None)
        self._writer.cancel(_key(ref))

    def give_up(self, ref: Ref) -> None:
        """This Ingress exists and is no longer ours: what we said about it is taken back."""
        ours = ref in self._wanted
        self.forget(ref)
        if ours and self._known and self._leading():
            self._writer.want(_key(ref), Write(_path(ref), _body(ref, None)))

    def leadership_changed(self) -> None:
        self._known = False
        self._changed.set()

    @property
    def problems(self) -> list[Problem]:
        found = list(self._conflicts.values())
        if self._refused:
            origin = Origin("Setting", Ref("", "status"))
            found.append(Problem(origin, "", self._refused.reason, f"status cannot be written: {self._refused}"))
        return found

    async def run(self) -> None:
        """Look what is there while we lead, for ever."""
        backoff = Backoff(self._clock)
        while True:
            self._changed.clear()
            pause = LOOK_SECONDS
            if self._leading():
                try:
                    await self._look()
                    backoff.reset()
                except ApiError as error:
                    pause = backoff.delay(error.retry_after)
            with suppress(TimeoutError):
                async with self._clock.timeout(pause):
                    await self._changed.wait()

    async def _look(self) -> None:
        found: dict[Ref, Wanted] = {}
        for namespace in self._namespaces:
            async for page in self._pages(namespace):
                found |= {Ref(it.metadata.namespace, it.metadata.name): it.as_wanted() for it in page.items or ()}
        self._there, self._known = found, True
        for ref in list(self._wanted):
            self._compare(ref)

    async def _pages(self, namespace: str) -> AsyncIterator[_Page]:
        place = client.path(kinds.INGRESS.api_version, kinds.INGRESS.plural, namespace)
        params = {"limit": str(_PAGE)}
        while True:
            page: _Page = wire.decode(_PAGES, await self._api.request("GET", place, params))
            yield page
            if not page.metadata.continue_:
                return
            params["continue"] = page.metadata.continue_

    def _compare(self, ref: Ref) -> None:
        wanted = self._wanted[ref]
        if not self._known or not self._leading():
            return
        if self._there.get(ref) == wanted:
            self._conflicts.pop(ref, None)
            self._writer.cancel(_key(ref))
            return
        write = Write(
            _path(ref), _body(ref, wanted.addresses), self._take_over, lambda error: self._done(ref, wanted, error)
        )
        self._writer.want(_key(ref), write)

    def _done(self, ref: Ref, wanted: Wanted, error: ApiError | None) -> None:
        if ref not in self._wanted:
            return  # deleted while it was written
        if error is None:
            self._refused = None
            self._there[ref] = wanted
            self._compare(ref)  # it may have been wanted otherwise meanwhile
        elif isinstance(error, ConflictError):
            message = f"another controller has written other addresses, they stay: {error}"
            self._conflicts[ref] = Problem(Origin(kinds.INGRESS.name, ref), "status.loadBalancer", "Conflict", message)
        elif not isinstance(error, NotFoundError):
            self._refused = error


class _Address(msgspec.Struct):
    ip: str = ""
    hostname: str = ""


class _LoadBalancer(msgspec.Struct):
    ingress: list[_Address] | None = None


class _Status(msgspec.Struct, rename="camel"):
    load_balancer: _LoadBalancer = msgspec.field(default_factory=_LoadBalancer)


class _Metadata(msgspec.Struct):
    name: str
    namespace: str
    uid: str = ""


class _Ingress(msgspec.Struct):
    metadata: _Metadata
    status: _Status = msgspec.field(default_factory=_Status)

    def as_wanted(self) -> Wanted:
        there = self.status.load_balancer.ingress or ()
        return Wanted(self.metadata.uid, tuple(address.ip or address.hostname for address in there))


class _Page(msgspec.Struct):
    metadata: wire.PageMetadata
    items: list[_Ingress] | None = None


_PAGES = msgspec.json.Decoder(_Page)


def _key(ref: Ref) -> tuple[str, Ref]:
    return ("ingress status", ref)


def _path(ref: Ref) -> str:
    return client.path(kinds.INGRESS.api_version, kinds.INGRESS.plural, ref.namespace, ref.name, "status")


def _body(ref: Ref, addresses: tuple[str, ...] | None) -> bytes:
    """Without addresses nothing is applied, by which we give up what was ours."""
    status = {} if addresses is None else {"loadBalancer": {"ingress": [_point(address) for address in addresses]}}
    return msgspec.json.encode(
        {
            "apiVersion": kinds.INGRESS.api_version,
            "kind": kinds.INGRESS.name,
            "metadata": {"name": ref.name, "namespace": ref.namespace},
            "status": status,
        }
    )


def _point(address: str) -> dict[str, str]:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return {"hostname": address}
    return {"ip": address}
