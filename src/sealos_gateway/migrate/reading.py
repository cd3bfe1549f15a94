"""Reading what is there now, once: manifests or an API server. Nothing is written, no lease is taken.

Whose Ingresses count is what the other controller says: its usual class, and every IngressClass that names it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import NamedTuple

import msgspec

from sealos_gateway.clock import SystemClock
from sealos_gateway.files.source import Source as Files
from sealos_gateway.kube import sync
from sealos_gateway.kube.client import Client
from sealos_gateway.kube.config import Access
from sealos_gateway.migrate import configmaps
from sealos_gateway.model.problem import Problem
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import core, ingress, kinds
from sealos_gateway.resources.meta import Ref, Resource
from sealos_gateway.settings import Settings

Put = tuple[kinds.Kind, Ref, Resource]


class UnansweredError(Exception):
    """The API server cannot be read."""


CONTROLLERS = {"ingress-nginx": "k8s.io/ingress-nginx", "higress": "higress.io/higress-controller"}
_CLASSES = {"ingress-nginx": ("nginx",), "higress": ("higress", "nginx")}


class Read(NamedTuple):
    """A settled pipeline, what was wrong before it, and the controller's ConfigMaps by `namespace/name`."""

    pipeline: Pipeline
    problems: Sequence[Problem]
    maps: Mapping[str, Mapping[str, str]]


def settings_for(source: str, base: Settings, puts: Iterable[Put], classes: Sequence[str] = ()) -> Settings:
    """The settings under which we would serve what `source` serves now. Higress has none of ingress-nginx' defaults."""
    own = [
        ref.name
        for kind, ref, row in puts
        if kind is kinds.INGRESS_CLASS
        and isinstance(row, ingress.IngressClass)
        and row.spec.controller == CONTROLLERS[source]
    ]
    every = tuple(dict.fromkeys((*_CLASSES[source], *classes, *own)))
    changed = msgspec.structs.replace(
        base.ingress,
        classes=tuple(dict.fromkeys((*base.ingress.classes, *every))),
        nginx_classes=every if source == "ingress-nginx" else (),
    )
    return msgspec.structs.replace(base, ingress=changed)


def places(source: str, named: Sequence[str]) -> tuple[Ref, ...]:
    """The controller's ConfigMaps: those named as `namespace/name`, or where its chart puts them."""
    if not named:
        return tuple(Ref(*place) for place in configmaps.PLACES[source])
    return tuple(Ref(*one.split("/", 1)) if "/" in one else Ref("default", one) for one in named)


def from_files(
    source: str, paths: Sequence[Path], base: Settings, wanted: Sequence[Ref], classes: Sequence[str]
) -> Read:
    """Everything that the manifests hold."""
    files = Files(paths)
    puts = list(files.load().puts)
    pipeline = Pipeline(settings_for(source, base, puts, classes))
    _fill(pipeline, puts)
    return Read(pipeline, files.problems, _maps(pipeline, wanted))


async def from_cluster(
    source: str,
    access: Access,
    scope: sync.Scope,
    base: Settings,
    wanted: Sequence[Ref],
    classes: Sequence[str],
    seconds: float = 60.0,
) -> Read:
    """Everything that an API server has, and what it refers to. Raises ConfigError, and UnansweredError when it has not
    told everything within `seconds`."""
    await access.load()
    async with Client(access, SystemClock()) as api:
        door = sync.Source(api, sync.KINDS, scope)
        try:
            async with asyncio.timeout(seconds):
                return await _everything(door, source, base, wanted, classes)
        except TimeoutError:
            said = "; ".join(str(problem) for problem in door.problems[:3]) or "it does not answer"
            raise UnansweredError(f"the API server has not told everything within {seconds:g} s: {said}") from None


async def _everything(
    door: sync.Source, source: str, base: Settings, wanted: Sequence[Ref], classes: Sequence[str]
) -> Read:
    async with asyncio.TaskGroup() as group:
        for ref in wanted:
            door.need(ref, True, kinds.CONFIG_MAP)
        watching = group.create_task(door.run(), name="watches")
        pipeline: Pipeline | None = None
        async with aclosing(door.updates()) as updates:
            async for update in updates:
                if pipeline is None:
                    pipeline = Pipeline(settings_for(source, base, update.puts, classes))
                    pipeline.secrets_in_use.on_change.append(_need(door, kinds.SECRET))
                    pipeline.config_maps_in_use.on_change.append(_need(door, kinds.CONFIG_MAP))
                _fill(pipeline, update.puts)
                if door.loaded:
                    break
        watching.cancel()
    assert pipeline is not None
    return Read(pipeline, door.problems, _maps(pipeline, wanted))


def _need(door: sync.Source, kind: kinds.Kind) -> Callable[[Ref, object], None]:
    return lambda ref, row: door.need(ref, row is not None, kind)


def _fill(pipeline: Pipeline, puts: Iterable[Put]) -> None:
    for kind, ref, resource in puts:
        pipeline.put(kind, ref, resource)
    pipeline.settle()


def _maps(pipeline: Pipeline, wanted: Sequence[Ref]) -> dict[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    for ref in wanted:
        row = pipeline.config_maps.get(ref)
        if isinstance(row, core.ConfigMap):
            found[str(ref)] = row.data or {}
    return found
