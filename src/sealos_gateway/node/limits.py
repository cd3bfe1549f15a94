"""What the machine allows an Envoy: memory and open files. Read once, when its bootstrap is written."""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup/memory.max")
_MEMINFO = Path("/proc/meminfo")
_HEAP_SHARE = 0.5
_CONNECTION_SHARE = 0.8
_M_ARENA_MAX = -8  # mallopt(3)


def heap_mb(cgroup: Path = _CGROUP, meminfo: Path = _MEMINFO) -> int:
    """Half of the memory that this container or machine has, in MiB; 0 when that cannot be found out."""
    found = [size for size in (_cgroup_bytes(cgroup), _machine_bytes(meminfo)) if size]
    return int(min(found) * _HEAP_SHARE) >> 20 if found else 0


def _cgroup_bytes(path: Path) -> int:
    try:
        text = path.read_text().strip()
    except OSError:
        return 0
    return int(text) if text.isdecimal() else 0


def _machine_bytes(path: Path) -> int:
    try:
        line = next(line for line in path.read_text().splitlines() if line.startswith("MemTotal:"))
    except (OSError, StopIteration):
        return 0
    return int(line.split()[1]) << 10


def open_files() -> int:
    """The most files that a process of ours may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def connections() -> int:
    """How many clients fit into the open files, with room left for backends, logs and sockets of our own."""
    return int(open_files() * _CONNECTION_SHARE)


def raise_open_files() -> None:
    """Take the hard limit: the soft one is often 1,024, which a gateway passes in a second."""
    hard = open_files()
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def bound_arenas(most: int = 1) -> None:
    """Let all threads take memory from so many heaps of the C library; else it makes up to eight per processor, and
    each keeps what a burst once took. To be called before threads are started; nothing happens on other libraries."""
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is not None:
        change(_M_ARENA_MAX, most)


def return_memory() -> None:
    """Give freed memory back to the machine: after a first load the C library keeps what the files took."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
    if trim is not None:
        trim(0)
