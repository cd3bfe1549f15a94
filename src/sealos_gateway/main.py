"""`sgw run`: objects, pipeline, delta stream, Envoy and status port as one process.

The only async part between a changed object and the stream is `_follow`: read, settle, commit, wake. One TaskGroup
holds every task; if one fails for good, all end. Nothing is sent to an Envoy before the source was read completely.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from sealos_gateway import hot, observe, report, wiring
from sealos_gateway.envoy import bootstrap, names
from sealos_gateway.node import limits, supervisor
from sealos_gateway.node.admin import Admin, AdminError
from sealos_gateway.objects import Objects
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.presentation import EnvoyPresentation
from sealos_gateway.resources.update import Update
from sealos_gateway.settings import Settings, SettingsError
from sealos_gateway.statusport import StatusPort
from sealos_gateway.xds.fleet import Fleet
from sealos_gateway.xds.server import AdsServer
from sealos_gateway.xds.stream import Stream

log = logging.getLogger(__name__)

NODE = "sgw-run"
_STEPS_AT_ONCE = 1000
_HOT_SECONDS = 10.0
_SOCKET_PATH_BYTES = 107  # sun_path of unix(7), without its closing zero


class Gateway:
    """Everything `sgw run` consists of; `run` returns after a clean stop."""

    def __init__(self, settings: Settings, objects: Objects, state: Path) -> None:
        self.settings = settings
        self.state = state
        self.pipeline = Pipeline(settings)
        self.objects = objects
        objects.attach(self.pipeline)
        self.fleet = Fleet()
        self.report = report.Report(objects, self.pipeline, self.fleet)
        self.metrics = observe.Metrics(self.pipeline, self.fleet, self.report.problems)
        self.hot = hot.HotHosts(state / "hot.json", settings.lazy.hot_hosts, self.pipeline)
        self.ready = asyncio.Event()
        self._unreported = asyncio.Event()
        self._refusals = asyncio.Event()
        self._held_back = asyncio.Event()
        self._settling = asyncio.Lock()
        stream = functools.partial(
            Stream,
            hooks=EnvoyPresentation(),
            follows={names.CLUSTER: names.ENDPOINTS},
            break_last=names.BREAK_LAST,
            most={names.SECRET: settings.tls.max_secrets},
            pieces=self.pipeline.pieces,
        )
        self.server = AdsServer(
            self.pipeline.snapshot, self.fleet, state / "xds.sock",
            ready=self.ready, stream=stream, hot_for=self._hot_for,
        )  # fmt: skip
        self.admin = Admin(state / "admin.sock")
        self.supervisor = supervisor.Supervisor(self._process(), self.admin)
        self.status = StatusPort(settings, self.pipeline, self.fleet, self.metrics, self.admin, self.report)

    def _process(self) -> supervisor.Process:
        envoy = self.settings.envoy
        return supervisor.Process(
            binary=Path(envoy.binary) if envoy.binary else supervisor.packaged_binary(),
            bootstrap=self.state / "bootstrap.json",
            concurrency=envoy.concurrency,
            drain_seconds=envoy.drain_seconds,
            log_level=envoy.log_level,
        )

    def _hot_for(self, _node: str) -> Mapping[str, frozenset[str]]:
        """What a starting Envoy gets without asking: everything while there is little, else what had traffic lately."""
        few = len(self.pipeline.hosts) <= self.settings.lazy.threshold
        return self.hot.everything() if few else self.hot.by_type()

    async def run(self, stop: asyncio.Event, started: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`. Raises SupervisorError when a port is taken or Envoy cannot be started."""
        for listener in wiring.listeners_wanted(self.settings):
            supervisor.check_port(listener.address, listener.port)
        self._write_bootstrap()
        await self.status.start()
        await self.server.start()
        try:
            async with asyncio.TaskGroup() as group:
                envoy = group.create_task(self.supervisor.run(stop), name="envoy")
                background = [
                    group.create_task(self._follow(stop, started), name="objects"),
                    group.create_task(self.objects.run(), name="sources"),
                    group.create_task(self._remember_hot(stop), name="hot hosts"),
                    group.create_task(self._report(), name="report"),
                    group.create_task(self._keep_last_good(), name="last good"),
                    group.create_task(self._let_go(), name="held back"),
                ]
                await envoy
                for task in background:
                    task.cancel()
        finally:
            await self.server.close(0)
            await self.status.stop()

    def _write_bootstrap(self) -> None:
        envoy = self.settings.envoy
        options = bootstrap.Options(
            NODE,
            str(self.state / "xds.sock"),
            str(self.admin.socket),
            envoy.max_heap_mb or limits.heap_mb(),
            envoy.max_connections or limits.connections(),
        )
        (self.state / "bootstrap.json").write_text(bootstrap.bootstrap(options), encoding="utf-8")

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
                    self.hot.load()
                    self.ready.set()
                    log.info("%d hosts ready after %.1f s", len(self.pipeline.hosts), time.monotonic() - began)
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
                self.server.wake()
            if self.pipeline.pace.due is not None:
                self._held_back.set()
            self.metrics.settled(time.perf_counter() - began)

    async def _keep_last_good(self) -> None:
        """When an Envoy refuses routes or takes them after all, say so to the pipeline."""
        self.fleet.on_change(self._refusals.set)
        while True:
            await self._refusals.wait()
            self._refusals.clear()
            refused = {it.name for it in self.fleet.rejections() if it.type == names.ROUTES and it.node}
            await self._settle(functools.partial(self.pipeline.keep_last_good, refused))

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

    async def _remember_hot(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _HOT_SECONDS)
            with contextlib.suppress(AdminError):
                self.hot.update(self.fleet.subscribed(NODE, names.ROUTES), await self.admin.used_clusters())
                self.hot.save()


@contextlib.contextmanager
def state_folder(wanted: str) -> Iterator[Path]:
    """The state folder, made if needed; a temporary one when there is none or it cannot be written.

    Raises SettingsError when its path is too long for the sockets in it.
    """
    if wanted:
        path = Path(wanted)
        if len(os.fsencode(path.absolute() / "admin.sock")) > _SOCKET_PATH_BYTES:
            raise SettingsError(
                f"state_dir: {path} is too long for a Unix socket of at most {_SOCKET_PATH_BYTES} bytes"
            )
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = path / f".probe-{os.getpid()}"
            probe.write_bytes(b"\0" * 65536)
            probe.unlink()
        except OSError as error:
            log.warning("state folder %s cannot be used (%s); going on with a temporary one", path, error.strerror)
        else:
            yield path
            return
    with tempfile.TemporaryDirectory(prefix="sgw-") as folder:
        yield Path(folder)


async def serve(settings: Settings, objects: Objects, started: Callable[[Gateway], None] = lambda _: None) -> None:
    """`Gateway.run` until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with state_folder(settings.state_dir) as state:
        gateway = Gateway(settings, objects, state)
        try:
            await gateway.run(stop, lambda: started(gateway))
        except* supervisor.SupervisorError as group:
            raise group.exceptions[0] from None
