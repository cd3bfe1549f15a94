"""One Envoy and what serves it: its xDS socket, its supervisor, the memory of hot hosts. The same in `run` and `node`.

Where the snapshot comes from is not known here: from a pipeline in this process, or from a relay.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Mapping
from pathlib import Path

from sealos_gateway import hot
from sealos_gateway.envoy import bootstrap, types
from sealos_gateway.node import limits, supervisor
from sealos_gateway.node.admin import Admin, AdminError
from sealos_gateway.node.passwords import PasswordHasher
from sealos_gateway.presentation import EnvoyPresentation
from sealos_gateway.settings import Settings, Statistics
from sealos_gateway.xds import planes
from sealos_gateway.xds.fleet import Fleet
from sealos_gateway.xds.server import AdsServer, Heard
from sealos_gateway.xds.snapshot import Snapshot
from sealos_gateway.xds.stream import Stream

_HOT_SECONDS = 10.0
log = logging.getLogger(__name__)


class DataPlane:
    """Serves `snapshot` to an Envoy of its own, from the moment `ready` is set."""

    def __init__(
        self,
        settings: Settings,
        state: Path,
        node: str,
        snapshot: Snapshot,
        fleet: Fleet,
        ready: asyncio.Event,
        heard: Heard | None = None,
        pieces: Mapping[str, int] | None = None,
    ) -> None:
        self._settings, self._state, self._node = settings, state, node
        self._snapshot, self._fleet, self._ready = snapshot, fleet, ready
        self.hot = hot.HotHosts(state / "hot.json", settings.lazy.hot_hosts, snapshot)
        self._was_ready = False
        stream = functools.partial(
            Stream,
            hooks=EnvoyPresentation(planes.plane_of(settings.node.gateway)),
            follows={types.CLUSTER: types.ENDPOINTS},
            break_last=types.BREAK_LAST,
            most={types.SECRET: settings.tls.max_secrets},
            pieces=pieces,
        )
        self.server = AdsServer(
            snapshot, fleet, state / "xds.sock", ready=ready, stream=stream, hot_for=self._hot_for, heard=heard
        )
        self.admin = Admin(state / "admin.sock")
        self._passwords = PasswordHasher(state / "crypt.sock")
        self.supervisor = supervisor.Supervisor(self._process(), self.admin)

    def _process(self) -> supervisor.Process:
        envoy = self._settings.envoy
        return supervisor.Process(
            binary=Path(envoy.binary) if envoy.binary else supervisor.packaged_binary(),
            bootstrap=self._state / "bootstrap.json",
            concurrency=envoy.concurrency,
            drain_seconds=envoy.drain_seconds,
            log_level=envoy.log_level,
        )

    def _hot_for(self, _node: str) -> Mapping[str, frozenset[str]]:
        """What a starting Envoy gets without asking: everything while there is little, else what had traffic lately."""
        few = self._snapshot.count(types.SCOPE) <= self._settings.lazy.threshold
        return self.hot.everything() if few else self.hot.by_type()

    async def start(self) -> None:
        """Listen for Envoy, which may then be started."""
        self.hot.load()
        self._write_bootstrap()
        await self._passwords.start()
        await self.server.start()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep an Envoy running until `stop`, then drain it. Raises SupervisorError when it cannot be started."""
        async with asyncio.TaskGroup() as group:
            remembering = group.create_task(self._remember_hot(stop), name="hot hosts")
            await self.supervisor.run(stop)
            remembering.cancel()

    async def close(self) -> None:
        await self.server.close(0)
        await self._passwords.close()

    async def unready(self) -> str:
        """Why no traffic should come here yet; empty after the first complete acknowledged configuration, as long as
        Envoy is live."""
        if refused := self._refused_listeners():
            return refused
        if not self._was_ready:
            revision = self._snapshot.revision
            self._was_ready = self._ready.is_set() and self._fleet.all_acked(revision)
        if not self._was_ready:
            return "Envoy has not acknowledged a complete configuration yet"
        try:
            return "" if await self.admin.is_live() else "Envoy is not live"
        except AdminError as error:
            return f"Envoy does not answer: {error}"

    def _refused_listeners(self) -> str:
        """Why Envoy listens nowhere, though it has answered to everything: it never took one of its listeners."""
        if self._was_ready:
            return ""
        refused = [it for it in self._fleet.rejections() if it.type == types.LISTENER]
        if not refused or len(refused) < self._snapshot.count(types.LISTENER):
            return ""
        return f"Envoy refuses every listener, {refused[0].name} because: {refused[0].message}"

    def _write_bootstrap(self) -> None:
        envoy = self._settings.envoy
        options = bootstrap.Options(
            self._node,
            str(self._state / "xds.sock"),
            str(self.admin.socket),
            envoy.max_heap_mb or limits.heap_mb(),
            envoy.max_connections or limits.connections(),
            self._settings.ingress.cluster_domain,
            envoy.istio_labels,
            envoy.statistics is Statistics.FULL,
            _authorities(envoy.system_authorities),
            str(self._passwords.socket),
        )
        (self._state / "bootstrap.json").write_text(bootstrap.bootstrap(options), encoding="utf-8")

    async def _remember_hot(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _HOT_SECONDS)
            with contextlib.suppress(AdminError):
                loaded = self._fleet.subscribed(self._node, types.ROUTES)
                self.hot.update(loaded, await self.admin.used_clusters())
                self.hot.save()


def _authorities(path: str) -> str:
    """The file with the machine's authorities, where there is one: Envoy does not start with one that is missing."""
    if not path or Path(path).is_file():
        return path
    message = "no certificate authorities of the machine in %s (setting envoy.system_authorities): backends whose "
    message += "BackendTLSPolicy says `wellKnownCACertificates: System` answer 503"
    log.warning(message, path)
    return ""
