"""Processes and ports of the end-to-end tests: free ports, waiting on conditions, children, the end of everything."""

from __future__ import annotations

import asyncio
import inspect
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeVar, overload

T = TypeVar("T")
PAUSE = 0.01


@overload
async def eventually(check: Callable[[], Coroutine[Any, Any, T]], deadline: float = ...) -> T: ...
@overload
async def eventually(check: Callable[[], T], deadline: float = ...) -> T: ...
async def eventually(check: Callable[[], Any], deadline: float = 10.0) -> Any:
    """Try until `check` neither raises AssertionError nor returns something false; fails with its last words."""
    end = time.monotonic() + deadline
    while True:
        last: AssertionError | None = None
        try:
            found = check()
            value = await found if inspect.isawaitable(found) else found
            if value is None or value:
                return value
        except AssertionError as error:
            last = error
        if time.monotonic() > end:
            raise last or AssertionError(f"not within {deadline} s: {inspect.getsource(check).strip()[:300]}")
        await asyncio.sleep(PAUSE)


def wait_for(check: Callable[[], bool], deadline: float, what: str) -> None:
    """The same without an event loop, for fixtures."""
    end = time.monotonic() + deadline
    while not check():
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline} s: {what}")
        time.sleep(PAUSE)


#: Below those that the kernel gives to connections (`net.ipv4.ip_local_port_range`): a port that is free now is not
#: taken a moment later by somebody's way out.
_PORTS = range(10_000, 32_000)


def free_ports(number: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[int]:
    """Ports that nobody listens on now, all different; of TCP unless `kind` says otherwise."""
    found: set[int] = set()
    while len(found) < number:
        port = random.choice(_PORTS)
        with socket.socket(socket.AF_INET, kind) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.add(port)
    return list(found)


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


def start(
    command: Sequence[str], stdout: IO[bytes], stderr: IO[bytes], environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A child in a process group of its own, so that a Ctrl-C of the tests does not reach it."""
    return subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        process_group=0,
        close_fds=True,
        env=environment,
    )


def end(child: subprocess.Popen[bytes], deadline: float) -> int:
    """SIGTERM, and SIGKILL for it and its children if that does not help. The exit status (negative: the signal)."""
    below = children(child.pid)
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
    try:
        return child.wait(deadline)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()
    finally:
        for pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """Process ids of the direct children, whichever thread started them."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(word) for word in task.read_text().split()]
    return found
