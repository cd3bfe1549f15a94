"""The door for reading: all watches together as a stream of updates, the first of which is everything that exists.

`Source.run` keeps the watches alive; `Source.updates` gives what changed, in as few updates as the consumer is slow.
Nothing comes before every kind was listed completely: half a list would take hosts away from an Envoy that has them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from sealos_gateway.clock import Clock, SystemClock
from sealos_gateway.kube.client import Client
from sealos_gateway.kube.errors import ApiError, ForbiddenError
from sealos_gateway.kube.inbox import Feed, Inbox, Sink
from sealos_gateway.kube.secrets import Limits, Secrets
from sealos_gateway.kube.selection import Namespaces, Selection
from sealos_gateway.kube.watch import Options, Target, Watch
from sealos_gateway.model.problem import Problem
from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref
from sealos_gateway.resources.update import Update

#: What Ingress needs, and what Gateway API and our own kinds need where the server has them. Secrets and ConfigMaps
#: are not among them: those are watched one by one (`secrets`).
KINDS: Final = (
    kinds.INGRESS, kinds.INGRESS_CLASS, kinds.SERVICE, kinds.ENDPOINT_SLICE, kinds.NAMESPACE,
    kinds.CLUSTER_TRUST_BUNDLE, *kinds.GATEWAY_API, kinds.GATEWAY_PROFILE, *kinds.POLICIES, *kinds.OWNED,
)  # fmt: skip

#: ConfigMaps hold certificates of authorities: there are few of them.
_FEW: Final = Limits(watches=16, readers=2)
#: Definitions of kinds are large, and change with a release.
_SELDOM: Final = Limits(watches=0, readers=1, reads_per_second=1.0, least_seconds=300.0)


@dataclass(frozen=True)
class Scope:
    """Which namespaces: all, those named, or those whose labels match. Cluster-wide kinds are always read.

    Named namespaces are watched one by one: this needs no permission outside them, and a connection per kind and
    namespace. A selector needs permission to watch everywhere; see `selection`.
    """

    names: tuple[str, ...] = ()
    selector: str = ""

    def __post_init__(self) -> None:
        if self.names and self.selector:
            raise ValueError("either name namespaces or select them by label")


class Source:
    """Everything that is read from one API server."""

    def __init__(
        self,
        api: Client,
        watched: Sequence[Kind] = KINDS,
        scope: Scope | None = None,
        clock: Clock | None = None,
        options: Options | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._api = api
        self._clock = clock or SystemClock()
        self._options = options or Options()
        self._inbox = Inbox()
        self._feeds: list[tuple[Feed, Target]] = []
        self._plan(watched, scope or Scope())
        self._by_name = {
            kind: Secrets(api, self._inbox, self._clock, limits or few, self._options, kind)
            for kind, few in ((kinds.SECRET, Limits()), (kinds.CONFIG_MAP, _FEW), (kinds.DEFINITION, _SELDOM))
        }
        self.loaded = False

    async def run(self) -> None:
        """Keep all watches alive, for ever."""
        async with asyncio.TaskGroup() as group:
            for feed, target in self._feeds:
                group.create_task(self._follow(feed, target), name=f"watch {target.kind.plural} {target.namespace}")
            for kind, needed in self._by_name.items():
                group.create_task(needed.run(), name=kind.plural)

    async def updates(self) -> AsyncGenerator[Update, None]:
        """First everything, then (with `loaded` set) what it needs by name, then whatever changed meanwhile.

        The consumer calls `need` while it settles an update; the second one waits until those Secrets were answered.
        """
        await self._inbox.complete()
        yield self._inbox.take()
        await self._inbox.complete()
        self.loaded = True
        yield self._inbox.take()
        while True:
            await self._inbox.changed()
            await asyncio.sleep(0)  # other watches whose data is here as well go along
            yield self._inbox.take()

    def need(self, ref: Ref, wanted: bool, kind: Kind = kinds.SECRET) -> None:
        """A Secret or ConfigMap is referenced now, or no longer. Fit for the `on_change` of a table of those in use."""
        if wanted:
            self._by_name[kind].need(ref)
        else:
            self._by_name[kind].release(ref)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Objects that cannot be read, and lists that the server refuses."""
        found = [problem for feed, _ in self._feeds for problem in feed.problems]
        # Definitions need not be allowed: then nothing is said of their release.
        by_name = [needed for kind, needed in self._by_name.items() if kind != kinds.DEFINITION]
        return tuple(sorted([*found, *(problem for needed in by_name for problem in needed.problems)]))

    async def _follow(self, feed: Feed, target: Target) -> None:
        watch = Watch(self._api, target, self._clock, self._options)
        async with aclosing(watch.follow()) as items:
            async for item in items:
                feed.take(item)

    def _plan(self, watched: Sequence[Kind], scope: Scope) -> None:
        selection = Selection(self._inbox) if scope.selector else None
        for kind in watched:
            if kind == kinds.NAMESPACE and selection:
                continue
            # Whoever may see only some namespaces may perhaps not see cluster-wide kinds, and whoever was made for
            # Ingress nothing of the Gateway API; hosts are served without.
            where = _where(kind)
            gives_up = (ForbiddenError,) if where or (scope.names and not kind.namespaced) else ()
            sink: Sink = selection if selection and kind.namespaced else self._inbox
            for namespace in scope.names if kind.namespaced and scope.names else ("",):
                self._add(Target(kind, namespace, kind.selector, where=where), sink, gives_up)
        if selection:
            namespaces = Namespaces(selection, self._inbox, wanted=kinds.NAMESPACE in watched)
            self._add(Target(kinds.NAMESPACE, label_selector=scope.selector), namespaces)

    def _add(self, target: Target, sink: Sink, gives_up: tuple[type[ApiError], ...] = ()) -> None:
        labelled = " of gateways" if target.kind.selector else ""
        name = (target.kind.plural + labelled, target.namespace)
        self._feeds.append((Feed(name, target.kind, sink, self._inbox, gives_up), target))


def _where(kind: Kind) -> Kind | None:
    """The kind that the server must have for this one to be of interest.

    Only Gateways ask for labels of namespaces, and only for them something is made.
    """
    if kind == kinds.NAMESPACE or kind in kinds.OWNED:
        return kinds.GATEWAY
    return kind if kind.custom else None
