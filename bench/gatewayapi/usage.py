"""What control plane and data plane take while something happens: most memory, processor time, bytes, time series.

Memory is what the kernel has of a process in its tables. gateway-api-bench reads `container_memory_working_set_bytes`,
which leaves out pages of files that nobody has read a second time; of Envoy those are most of the 50 MB that its own
file takes. So bars are held by the larger figure, and what is in no file is told beside it: it is the least that a
working set can be, and all that is left where memory is short. The working set lies between the two.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from bench.gatewayapi import processes
from bench.gatewayapi.place import Place

LOOK_SECONDS: Final = 2.0


@dataclass
class Usage:
    """Bytes are the most that was seen, seconds of processors and bytes pushed those of the whole time."""

    seconds: float = 0.0
    control_plane: int = 0
    node: int = 0
    envoy: int = 0
    #: Relay and Envoy together, with what both share counted once.
    data_plane: int = 0
    #: Of that, what is in no file.
    anonymous: int = 0
    control_plane_cpu: float = 0.0
    data_plane_cpu: float = 0.0
    pushed: int = 0
    series: int = 0
    samples: list[tuple[float, int, int]] = field(default_factory=list)

    def look(self, at: float, pids: tuple[int, int, int]) -> None:
        """Take one look at the memory of control plane, relay and Envoy."""
        control, node, envoy = (processes.reading(pid) for pid in pids)
        both = node.share + envoy.share
        self.control_plane, self.node = max(self.control_plane, control.resident), max(self.node, node.resident)
        self.envoy, self.data_plane = max(self.envoy, envoy.resident), max(self.data_plane, both)
        self.anonymous = max(self.anonymous, node.anonymous + envoy.anonymous)
        self.samples.append((round(at, 1), control.resident, both))


@contextmanager
def measured(where: Place) -> Iterator[Usage]:
    """Of the time of a block."""
    plane, found, stop = where.data_plane(), Usage(), threading.Event()
    pids = (where.control_plane, plane.node, plane.envoy)
    began, before, received = time.monotonic(), [processes.reading(pid).cpu_seconds for pid in pids], plane.received()

    def watch() -> None:
        while True:
            found.look(time.monotonic() - began, pids)
            if stop.wait(LOOK_SECONDS):
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()
        spent = [processes.reading(pid).cpu_seconds - then for pid, then in zip(pids, before, strict=True)]
        found.seconds = time.monotonic() - began
        found.control_plane_cpu, found.data_plane_cpu = spent[0], spent[1] + spent[2]
        found.pushed = plane.received() - received
        found.series = sum(1 for line in plane.metrics() if line and not line.startswith("#"))
