"""What the kernel says of the processes of a data plane, which run in pods: memory, processor time, bytes received."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.lab import cpu_seconds, memory_of


@dataclass(frozen=True)
class Reading:
    """Of one process: bytes resident, as a proportional share, of that what is in no file; seconds of processors."""

    resident: int
    share: int
    anonymous: int
    cpu_seconds: float


@dataclass(frozen=True)
class DataPlane:
    """The relay and its Envoy, in one pod."""

    node: int
    envoy: int

    def received(self) -> int:
        """Bytes that came into the pod."""
        lines = Path(f"/proc/{self.node}/net/dev").read_text().splitlines()[2:]
        fields = {name.strip(): values.split() for name, _, values in (line.partition(":") for line in lines)}
        return sum(int(values[0]) for name, values in fields.items() if name != "lo")

    def metrics(self, port: int = 18_002) -> list[str]:
        """The lines of Envoy's metrics, asked for inside the pod's network."""
        url = f"http://127.0.0.1:{port}/metrics/envoy"
        code = f"import urllib.request as u; print(u.urlopen('{url}').read().decode())"
        command = ["nsenter", "-t", str(self.node), "-n", "python3", "-c", code]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()


def reading(pid: int) -> Reading:
    """A process as it is now."""
    found = memory_of(pid)
    return Reading(found["Rss"], found["Pss"], found["Pss_Anon"], cpu_seconds(pid))


def data_plane(ancestor: int) -> DataPlane:
    """The one below a process. Raises RuntimeError when there is none, or more than one."""
    parents = _parents()
    found = [
        DataPlane(parents[pid], pid)
        for pid in parents
        if _name(pid) == "envoy" and ancestor in _above(pid, parents) and _is_node(parents[pid])
    ]
    if len(found) != 1:
        raise RuntimeError(f"one data plane is expected, there are {len(found)}")
    return found[0]


def below(ancestor: int, *words: str) -> int:
    """The process below another whose command has these words one after the other. Raises RuntimeError without one."""
    parents = _parents()
    for pid in parents:
        command = _command(pid)
        pairs = zip(*(command[start:] for start in range(len(words))), strict=False)
        if words in pairs and ancestor in _above(pid, parents):
            return pid
    raise RuntimeError(f"no process has {' '.join(words)}")


def _parents() -> dict[int, int]:
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            found[int(entry)] = int(fields[1])
    return found


def _above(pid: int, parents: dict[int, int]) -> list[int]:
    found = []
    while pid in parents:
        pid = parents[pid]
        found.append(pid)
    return found


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _name(pid: int) -> str:
    command = _command(pid)
    return Path(command[0]).name if command else ""


def _is_node(pid: int) -> bool:
    return "node" in _command(pid)
