"""What runs together: `sgw run` is control plane and Envoy in one process, `sgw control` has its nodes elsewhere.

One TaskGroup holds every task; if one fails for good, all end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from sealos_gateway import pages, statusport, wiring
from sealos_gateway.control.server import PortError
from sealos_gateway.controller import Controller
from sealos_gateway.controlplane import Control
from sealos_gateway.dataplane import DataPlane
from sealos_gateway.lifecycle import state_folder, until_told
from sealos_gateway.node import supervisor
from sealos_gateway.objects import Objects
from sealos_gateway.settings import Settings

NODE = "sgw-run"


class Gateway:
    """Everything `sgw run` consists of; `run` returns after a clean stop."""

    def __init__(self, settings: Settings, objects: Objects, state: Path) -> None:
        # One process with one Envoy serves all Gateways: there is no door for nodes of others.
        alone = msgspec.structs.replace(settings.gateway_api, control="")
        self._settings = settings = msgspec.structs.replace(settings, gateway_api=alone)
        self.controller = Controller(settings, objects)
        made = self.controller
        self.plane = DataPlane(
            settings, state, NODE, made.pipeline.snapshot, made.fleet, made.ready, pieces=made.pipeline.pieces
        )
        made.wake = self.plane.server.wake
        shown = {**pages.controller_pages(made), **statusport.envoy_pages(self.plane.admin)}
        self.status = statusport.StatusPort(
            settings.status_address, settings.status_port, self.plane.unready, made.metrics.text, shown
        )

    async def run(self, stop: asyncio.Event, started: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`. Raises SupervisorError when a port is taken or Envoy cannot be started."""
        for listener in wiring.listeners_wanted(self._settings):
            supervisor.check_port(listener.address, listener.port)
        await self.status.start()
        await self.plane.start()
        try:
            async with asyncio.TaskGroup() as group:
                envoy = group.create_task(self.plane.run(stop), name="envoy")
                background = self.controller.start(group, stop, started)
                await envoy
                for task in background:
                    task.cancel()
        finally:
            await self.plane.close()
            await self.status.stop()


async def serve(settings: Settings, objects: Objects, started: Callable[[Gateway], None] = lambda _: None) -> None:
    """`Gateway.run` until SIGINT or SIGTERM. Raises SupervisorError, SettingsError."""
    with state_folder(settings.state_dir) as state:
        gateway = Gateway(settings, objects, state)
        await until_told(lambda stop: gateway.run(stop, lambda: started(gateway)), supervisor.SupervisorError)


async def serve_nodes(settings: Settings, objects: Objects) -> None:
    """`sgw control` until SIGINT or SIGTERM. Raises PortError, PortTakenError, SettingsError."""
    with state_folder(settings.state_dir) as state:
        await until_told(Control(settings, objects, state).run, PortError, supervisor.SupervisorError)
