"""Limits read from files as the kernel writes them."""

import resource
from pathlib import Path

from sealos_gateway.node import limits

MEMINFO = "MemTotal:       4194304 kB\nMemFree:        1 kB\n"


def files(folder: Path, cgroup: str | None, meminfo: str | None) -> tuple[Path, Path]:
    paths = folder / "memory.max", folder / "meminfo"
    for path, text in zip(paths, (cgroup, meminfo), strict=True):
        if text is not None:
            path.write_text(text)
    return paths


def test_half_of_the_machine_without_a_container_limit(tmp_path: Path) -> None:
    assert limits.heap_mb(*files(tmp_path, "max\n", MEMINFO)) == 2048


def test_half_of_the_container_where_it_is_smaller(tmp_path: Path) -> None:
    assert limits.heap_mb(*files(tmp_path, f"{1 << 30}\n", MEMINFO)) == 512


def test_the_machine_where_the_container_claims_more(tmp_path: Path) -> None:
    assert limits.heap_mb(*files(tmp_path, f"{1 << 40}\n", MEMINFO)) == 2048


def test_no_limit_when_nothing_can_be_read(tmp_path: Path) -> None:
    assert limits.heap_mb(*files(tmp_path, None, None)) == 0


def test_connections_leave_room_for_other_files() -> None:
    assert 0 < limits.connections() < limits.open_files()


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, before[1]), before[1]))
        limits.raise_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
