"""`sgw node`: a relay, what keeps it on disk, and an Envoy that is served from it.

The Envoy gets nothing before one complete revision is here: from the control plane, or from disk when the control plane
cannot be reached soon enough.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from pathlib import Path

from sealos_gateway import statusport
from sealos_gateway.clock import SystemClock
from sealos_gateway.dataplane import DataPlane
from sealos_gateway.envoy import reading, types
from sealos_gateway.lifecycle import state_folder, until_told
from sealos_gateway.node import supervisor
from sealos_gateway.node.disk import Disk
from sealos_gateway.node.link import Place
from sealos_gateway.node.membership import Membership
from sealos_gateway.node.metrics import NodeMetrics
from sealos_gateway.node.relay import Relay
from sealos_gateway.node.seal import Seal, SealError
from sealos_gateway.node.store import Store
from sealos_gateway.node.upstream import Upstream
from sealos_gateway.settings import NodeSettings, Settings, SettingsError
from sealos_gateway.trust.identity import TrustError, node_name
from sealos_gateway.xds.fleet import Fleet
from sealos_gateway.xds.snapshot import Snapshot

log = logging.getLogger(__name__)

_LAST_WORDS = 3.0  # for what is still to be written when the node stops


class Node:
    """Everything `sgw node` consists of; `run` returns after a clean stop."""

    def __init__(self, settings: Settings, state: Path) -> None:
        """Raises SettingsError."""
        self._settings, self._clock = settings, SystemClock()
        name = _name(settings.node)
        self.snapshot, self.fleet = Snapshot(types.ORDER), Fleet()
        self.relay = Relay(self.snapshot, self.fleet)
        place = _place(settings)
        self.membership = Membership(self._clock, place, name, settings.node.gateway)
        self.upstream = Upstream(self._clock, place, self.membership, self.relay, name, types.ORDER)
        disk = Disk(state / "snapshot", settings.node.gateway, types.ORDER, _private, _seal(settings.node))
        self.store = Store(disk, self._clock, self.relay.rows)
        self.ready = asyncio.Event()
        self.plane = DataPlane(
            settings, state, name, self.snapshot, self.fleet, self.ready, self.relay.heard, self.relay.pieces
        )
        self.relay.wake, self.relay.keep = self.plane.server.wake, self.store.add
        metrics = NodeMetrics(
            self._clock, self.snapshot, self.fleet, self.relay, self.upstream, self.membership, self.store,
            self.plane.supervisor,
        )  # fmt: skip
        self.status = statusport.StatusPort(
            settings.status_address, settings.status_port, self._unready, metrics.text,
            statusport.envoy_pages(self.plane.admin),
        )  # fmt: skip

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`. Raises SupervisorError when a port is taken or Envoy cannot be started."""
        await self.status.start()
        kept = await self.store.read()
        if kept.rows is not None:
            self.relay.load(kept.rows)
            log.info("%d hosts are on disk", self.snapshot.count(types.SCOPE))
            if kept.problems:
                self.store.add([])  # what was whole is written anew, before it is lost with the damaged files
        del kept
        await self.plane.start()
        try:
            async with asyncio.TaskGroup() as group:
                envoy = group.create_task(self.plane.run(stop), name="envoy")
                background = [
                    group.create_task(self.upstream.run(), name="upstream"),
                    group.create_task(self.store.run(), name="store"),
                    group.create_task(self._open(), name="opening"),
                ]
                await envoy
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.store.idle(), _LAST_WORDS)
                for task in background:
                    task.cancel()
        finally:
            await self.plane.close()
            await self.status.stop()

    async def _open(self) -> None:
        """Let the Envoy in, as soon as it would get one complete revision, and the newest that can be had soon."""
        await self.relay.complete.wait()
        with contextlib.suppress(TimeoutError):
            async with self._clock.timeout(self._settings.node.patience_seconds):
                await self.upstream.tried.wait()
        for name in self.snapshot.names(types.LISTENER):
            row = self.snapshot.row(types.LISTENER, name)
            if row is not None and isinstance(row.body, bytes):
                supervisor.check_port(*reading.place(row.body))
        self.ready.set()
        log.info("%d hosts ready", self.snapshot.count(types.SCOPE))

    async def _unready(self) -> str:
        if not self.relay.complete.is_set():
            reason = f"; {self.upstream.problem}" if self.upstream.problem else ""
            return f"there is no complete configuration yet, neither on disk nor from the control plane{reason}"
        return await self.plane.unready()


async def serve_node(settings: Settings) -> None:
    """`sgw node` until SIGINT or SIGTERM. Raises SupervisorError, SettingsError."""
    with state_folder(settings.state_dir) as state:
        await until_told(Node(settings, state).run, supervisor.SupervisorError)


def _private(type_url: str, name: str) -> bool:
    """Bundles of authorities travel as secrets and are none."""
    return type_url == types.SECRET and not types.bundle(name)


def _name(settings: NodeSettings) -> str:
    name = (settings.name or os.environ.get("POD_NAME") or socket.gethostname()).lower()
    try:
        return node_name(name)
    except TrustError as error:
        raise SettingsError(f"node.name: {error}") from error


def _place(settings: Settings) -> Place:
    node, control = settings.node, settings.control
    if not node.control:
        raise SettingsError("node.control: say where the control plane is (--control HOST)")
    return Place(node.control, control.xds_port, control.enrol_port, Path(node.ca_file), Path(node.token_file))


def _seal(settings: NodeSettings) -> Seal | None:
    if not settings.seal_key_file:
        return None
    try:
        return Seal.from_file(Path(settings.seal_key_file))
    except SealError as error:
        raise SettingsError(f"node.seal_key_file: {error}") from error
