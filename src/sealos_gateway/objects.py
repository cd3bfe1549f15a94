"""Where objects come from, in one shape for `main`: a folder of manifests, or a Kubernetes API server.

The first updates are everything there is; `loaded` turns true with the one that completes it.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Protocol

from sealos_gateway import clock
from sealos_gateway.files.source import Source as Files
from sealos_gateway.kube import (
    class_finalizer,
    config,
    events,
    gateway_status,
    infrastructure,
    leader,
    status,
    sync,
    writes,
)
from sealos_gateway.kube.client import Client
from sealos_gateway.model.problem import Problem
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.provision import versions
from sealos_gateway.provision.tables import ObjectKey, Pending
from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref
from sealos_gateway.resources.update import Update
from sealos_gateway.settings import KubernetesSettings
from sealos_gateway.translate.ingress import Attachment

_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class Objects(Protocol):
    """A source of objects that lives as long as the gateway."""

    @property
    def loaded(self) -> bool:
        """Whether everything that there is was handed out."""

    @property
    def problems(self) -> Sequence[Problem]:
        """What is wrong with objects before they are understood."""

    @property
    def refused(self) -> Mapping[ObjectKey, str]:
        """What the data planes of Gateways are made of and the cluster does not take, each with why."""

    def attach(self, pipeline: Pipeline, refusals: Callable[[], None]) -> None:
        """Listen to what the pipeline needs and makes of the objects; before the first update. `refusals` is called
        when `refused` has changed."""

    async def run(self) -> None:
        """Whatever must run beside `updates`; may end."""

    def updates(self, stop: asyncio.Event) -> AsyncGenerator[Update, None]:
        """Everything, then every change, until `stop`."""

    def tell(self, problems: Sequence[Problem]) -> None:
        """All problems there are now, for whoever reads about them where the objects are kept."""


class Folder:
    """Files and folders of manifests."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = Files(paths)
        self.loaded = False

    @property
    def problems(self) -> Sequence[Problem]:
        return self._files.problems

    @property
    def refused(self) -> Mapping[ObjectKey, str]:
        return {}

    def attach(self, pipeline: Pipeline, refusals: Callable[[], None]) -> None:
        """Nothing: all Secrets are in the folder, and nothing is written back."""

    async def run(self) -> None:
        """Nothing beside the watch."""

    async def updates(self, stop: asyncio.Event) -> AsyncGenerator[Update, None]:
        # In a thread, so that probes are answered while 100,000 hosts are read.
        first = await asyncio.to_thread(self._files.load)
        self.loaded = True
        yield first
        del first  # the tables have it now
        async with aclosing(self._files.watch(stop)) as batches:
            async for changed in batches:
                yield self._files.reload(changed)

    def tell(self, problems: Sequence[Problem]) -> None:
        """Nobody reads in a folder."""


class Cluster:
    """A Kubernetes API server. Only the leader among the replicas writes status and events."""

    def __init__(self, access: config.Access, scope: sync.Scope, settings: KubernetesSettings) -> None:
        self._access = access
        self._settings = settings
        self._clock = clock.SystemClock()
        self._api = Client(access, self._clock)
        self._source = sync.Source(self._api, sync.KINDS, scope)
        identity = os.environ.get("POD_NAME") or socket.gethostname()
        place = leader.Place(own_namespace(settings), settings.lease_name, identity)
        self._leader = leader.Leader(self._api, self._clock, place, self._leadership_changed)
        self._writer = writes.Writer(self._api, self._clock, self._leads)
        self._status = status.IngressStatus(self._api, self._clock, self._writer, self._leads, scope.names)
        self._gateway_status = gateway_status.GatewayStatus(self._writer, self._clock)
        self._infrastructure = infrastructure.Infrastructure(self._writer, self._clock)
        self._finalizer = class_finalizer.ClassFinalizer(self._writer)
        self._events = events.Events(self._api, self._clock, self._writer, self._leads, identity)
        self._pipeline: Pipeline | None = None

    @property
    def loaded(self) -> bool:
        return self._source.loaded

    @property
    def problems(self) -> Sequence[Problem]:
        writers = (self._status, self._gateway_status, self._infrastructure, self._finalizer)
        return [*self._source.problems, *(problem for writer in writers for problem in writer.problems)]

    @property
    def api(self) -> Client:
        """The way to the API server, for what else is kept or asked there."""
        return self._api

    async def check(self) -> None:
        """Read the configuration once, before anything starts. Raises ConfigError."""
        await self._access.load()

    @property
    def refused(self) -> Mapping[ObjectKey, str]:
        return self._infrastructure.refused

    def attach(self, pipeline: Pipeline, refusals: Callable[[], None]) -> None:
        self._pipeline = pipeline
        self._infrastructure.on_change = refusals
        pipeline.secrets_in_use.on_change.append(lambda ref, row: self._source.need(ref, row is not None))
        pipeline.config_maps_in_use.on_change.append(
            lambda ref, row: self._source.need(ref, row is not None, kinds.CONFIG_MAP)
        )
        if not pipeline.planes.options.shared:
            self._source.need(pipeline.planes.options.authority, True, kinds.CONFIG_MAP)
        pipeline.provision.pending.on_change.append(self._pending_changed)
        self._gateway_status.bind(
            pipeline.provision.options.controller, lambda kind, ref: pipeline.by_kind[kind].get(ref)
        )
        for kind, wanted in pipeline.gateway_statuses.items():
            wanted.on_change.append(partial(self._gateway_status.want, kind))
            pipeline.by_kind[kind].on_change.append(partial(self._gateway_status.changed, kind))
        in_use = pipeline.provision.classes_in_use
        self._finalizer.bind(in_use.get, pipeline.gateway_classes.get)
        for rows in (in_use, pipeline.gateway_classes):
            rows.on_change.append(lambda ref, _row: self._finalizer.changed(ref))
        for kind, strays in pipeline.provision.strays.items():
            strays.on_change.append(partial(self._stray_changed, kind))
        if self._settings.publish_addresses:
            pipeline.attachments.on_change.append(self._attachment_changed)

    async def run(self) -> None:
        async with self._api, asyncio.TaskGroup() as group:
            for name, task in (
                ("watches", self._source.run()),
                ("leader", self._leader.run()),
                ("writer", self._writer.run()),
                ("status", self._status.run()),
                ("events", self._events.run()),
                ("gateway status", self._gateway_status.run()),
                ("infrastructure", self._infrastructure.run()),
            ):
                group.create_task(task, name=f"kube {name}")

    async def updates(self, stop: asyncio.Event) -> AsyncGenerator[Update, None]:
        complete = False
        async with aclosing(self._source.updates()) as updates:
            async for update in updates:
                if stop.is_set():
                    return
                yield update  # who takes it has settled it when the next one is asked for
                if self._source.loaded and not complete:
                    complete = True
                    self._look_for_leftovers()
                    self._look_at_definitions()

    def _look_for_leftovers(self) -> None:
        """Once: statuses that were written while nobody of us was there to take them back."""
        assert self._pipeline is not None
        for kind in self._pipeline.gateway_statuses:
            for ref, row in self._pipeline.by_kind[kind].rows.items():
                self._gateway_status.found(kind, ref, row)

    def _look_at_definitions(self) -> None:
        """From now on, as soon as there is a class of ours. Nothing waits for them."""
        assert self._pipeline is not None
        told = self._pipeline.provision.class_statuses
        told.on_change.append(lambda _ref, row: self._need_definitions(row is not None))
        self._need_definitions(bool(told.rows))

    def _need_definitions(self, needed: bool) -> None:
        for name in versions.NAMES if needed else ():
            self._source.need(Ref("", name), True, kinds.DEFINITION)

    def tell(self, problems: Sequence[Problem]) -> None:
        self._events.report(problems)

    def _attachment_changed(self, ref: Ref, row: Attachment | None) -> None:
        assert self._pipeline is not None
        found = self._pipeline.ingresses.get(ref)
        if found is None:
            self._status.forget(ref)
        elif row is None:
            self._status.give_up(ref)
        else:
            self._status.want(ref, found.metadata.uid, self._settings.publish_addresses)

    def _pending_changed(self, key: tuple[Kind, Ref], row: Pending | None) -> None:
        if row is None:
            self._infrastructure.keep(*key)
        else:
            self._infrastructure.apply(*key, row.wanted.body, row.exists)

    def _stray_changed(self, kind: Kind, ref: Ref, uid: str | None) -> None:
        if uid is None:
            self._infrastructure.keep(kind, ref)
        else:
            self._infrastructure.remove(kind, ref, uid)

    def _leads(self) -> bool:
        return self._leader.leading

    def _leadership_changed(self, *_: object) -> None:
        self._writer.wake()
        self._status.leadership_changed()
        self._events.leadership_changed()


def own_namespace(settings: KubernetesSettings) -> str:
    """Where the control plane keeps what is its own: the Lease, and its authority."""
    if settings.lease_namespace:
        return settings.lease_namespace
    try:
        return _POD_NAMESPACE.read_text(encoding="utf-8").strip()
    except OSError:
        return os.environ.get("POD_NAMESPACE", "default")
