"""The control plane itself: objects in, snapshot out. The same in `sgw run` and in `sgw control`.

The only async part between a changed object and the streams is `_follow`: read, settle, commit, wake. Whoever serves
the snapshot, to Envoys or to nodes, hands in what is to be woken. Nothing is sent before everything was read once.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
import time
from collections.abc import Callable

from sealos_gateway import observe, report
from sealos_gateway.envoy import names
from sealos_gateway.node import limits
from sealos_gateway.objects import Objects
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.update import Update
from sealos_gateway.settings import Settings
from sealos_gateway.xds.fleet import Fleet

log = logging.getLogger(__name__)

_STEPS_AT_ONCE = 1000


class Controller:
    """Pipeline, fleet and report over one source of objects."""

    def __init__(self, settings: Settings, objects: Objects) -> None:
        self.pipeline = Pipeline(settings)
        self.objects = objects
        self.fleet = Fleet()
        self.report = report.Report(objects, self.pipeline, self.fleet)
        self.metrics = observe.Metrics(self.pipeline, self.fleet, self.report.problems)
        self.ready = asyncio.Event()
        #: Called after every commit; set by whoever serves the snapshot.
        self.wake: Callable[[], None] = lambda: None
        self._unreported = asyncio.Event()
        self._refusals = asyncio.Event()
        self._held_back = asyncio.Event()
        self._settling = asyncio.Lock()
        objects.attach(self.pipeline, self._refusals.set)

    def start(
        self, group: asyncio.TaskGroup, stop: asyncio.Event, started: Callable[[], None]
    ) -> list[asyncio.Task[None]]:
        """Everything that runs while the control plane does; `started` is called when all is loaded."""
        return [
            group.create_task(self._follow(stop, started), name="objects"),
            group.create_task(self.objects.run(), name="sources"),
            group.create_task(self._report(), name="report"),
            group.create_task(self._keep_last_good(), name="last good"),
            group.create_task(self._let_go(), name="held back"),
        ]

    async def _follow(self, stop: asyncio.Event, started: Callable[[], None]) -> None:
        """Take every update. Streams are let in when the first ones have made everything complete.

        Until then the garbage collector would only look for garbage in what stays for ever.
        """
        began = time.monotonic()
        gc.disable()
        async with contextlib.aclosing(self.objects.updates(stop)) as updates:
            async for update in updates:
                await self._settle(functools.partial(self._apply, update))
                if self.objects.loaded and not self.ready.is_set():
                    self.ready.set()
                    log.info("%d hosts ready after %.1f s", len(self.pipeline.host_keys()), time.monotonic() - began)
                    started()
                    del update
                    gc.collect()
                    gc.freeze()
                    gc.enable()
                    limits.return_memory()

    def _apply(self, update: Update) -> None:
        for kind, ref in update.drops:
            self.pipeline.drop(kind, ref)
        for kind, ref, resource in update.puts:
            self.pipeline.put(kind, ref, resource)
        self._unreported.set()

    async def _settle(self, change: Callable[[], None]) -> None:
        """Change tables, settle in slices so that streams and probes are answered meanwhile, publish once at the end.

        One at a time: a change in the middle of another's settling would be published half.
        """
        async with self._settling:
            began = time.perf_counter()
            change()
            for number, _ in enumerate(self.pipeline.steps(), start=1):
                if number % _STEPS_AT_ONCE == 0:
                    await asyncio.sleep(0)
            if self.pipeline.publish(time.monotonic() if self.ready.is_set() else None):
                self.wake()
            if self.pipeline.pace.due is not None:
                self._held_back.set()
            self.metrics.settled(time.perf_counter() - began)

    async def _keep_last_good(self) -> None:
        """When an Envoy or the cluster refuses something or takes it after all, say so to the pipeline."""
        self.fleet.on_change(self._refusals.set)
        while True:
            await self._refusals.wait()
            self._refusals.clear()
            refused = {it.name for it in self.fleet.rejections() if it.type == names.ROUTES and it.node}
            listeners = report.refused_listeners(self.fleet)

            def tell(refused: set[str] = refused, listeners: dict[str, str] = listeners) -> None:
                self.pipeline.keep_last_good(refused)
                self.pipeline.refuse_listeners(listeners)
                self.pipeline.provision.refuse(self.objects.refused)

            await self._settle(tell)
            self._unreported.set()

    async def _let_go(self) -> None:
        """Publish endpoints that were held back when their time has come."""
        while True:
            due = self.pipeline.pace.due
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._held_back.wait(), None if due is None else due - time.monotonic())
            self._held_back.clear()
            if due is not None and due <= time.monotonic():
                await self._settle(lambda: None)

    async def _report(self) -> None:
        """Log problems as they come and go, at most once a second: never in the way of a change."""
        self.fleet.on_change(self._unreported.set)
        while True:
            await self._unreported.wait()
            self._unreported.clear()
            self.objects.tell(self.report.log_changes())
            await asyncio.sleep(1)
