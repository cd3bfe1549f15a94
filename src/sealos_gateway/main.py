"""What runs together: `sgw run` is control plane and Envoy in one process; also how every command starts and stops.

One TaskGroup holds every task; if one fails for good, all end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec

from sealos_gateway import statusport, wiring
from sealos_gateway.agent import Node
from sealos_gateway.control.server import PortError
from sealos_gateway.controller import Controller
from sealos_gateway.controlplane import Control
from sealos_gateway.dataplane import DataPlane
from sealos_gateway.node import supervisor
from sealos_gateway.objects import Objects
from sealos_gateway.settings import Settings, SettingsError

log = logging.getLogger(__name__)

NODE = "sgw-run"
_SOCKET_PATH_BYTES = 107  # sun_path of unix(7), without its closing zero


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
        pages = {**statusport.controller_pages(made), **statusport.envoy_pages(self.plane)}
        self.status = statusport.StatusPort(
            settings.status_address, settings.status_port, self.plane.unready, made.metrics.text, pages
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
    with state_folder(settings.state_dir) as state:
        gateway = Gateway(settings, objects, state)
        await _until_told(lambda stop: gateway.run(stop, lambda: started(gateway)))


async def serve_nodes(settings: Settings, objects: Objects) -> None:
    """`sgw control` until SIGINT or SIGTERM."""
    with state_folder(settings.state_dir) as state:
        await _until_told(Control(settings, objects, state).run)


async def serve_node(settings: Settings) -> None:
    """`sgw node` until SIGINT or SIGTERM."""
    with state_folder(settings.state_dir) as state:
        await _until_told(Node(settings, state).run)


async def _until_told(run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Hand in what SIGINT and SIGTERM set; an error that a person can act on comes out alone."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await run(stop)
    except* (supervisor.SupervisorError, PortError) as group:
        raise _first(group) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a group; groups may be in groups, one for each part that waited for its own."""
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
