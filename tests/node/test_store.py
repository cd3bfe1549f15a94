"""Keeping on disk beside serving: merged while slow, told and tried again while full, never in the way."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sealos_gateway.clock import SystemClock
from sealos_gateway.node.disk import Change, Disk
from sealos_gateway.node.store import Store
from tests.e2e.processes import eventually


class Quick(SystemClock):
    """Waits for a disk are short here."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))


class Kept:
    def __init__(self, folder: Path) -> None:
        self.folder, self.served = folder, {("t", "a"): b"1"}
        self.store = Store(self._disk(), Quick(), self.rows)

    def _disk(self) -> Disk:
        return Disk(self.folder, "g", ("t",), lambda *_: False, None)

    def rows(self) -> list[tuple[str, str, bytes]]:
        return [(*key, body) for key, body in self.served.items()]

    def change(self, **rows: bytes | None) -> None:
        changes: list[Change] = []
        for name, body in rows.items():
            changes.append(("t", name, body))
            if body is None:
                self.served.pop(("t", name), None)
            else:
                self.served["t", name] = body
        self.store.add(changes)

    def on_disk(self) -> dict[tuple[str, str], bytes] | None:
        return self._disk().read().rows

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.store.run())
            yield
            task.cancel()


async def test_what_is_served_is_on_disk(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    async with kept.running():
        kept.change(b=b"2")
        await kept.store.idle()
        assert kept.on_disk() == kept.served
        kept.change(a=None, c=b"3")
        await kept.store.idle()
        assert kept.on_disk() == kept.served
        assert kept.store.bases == 1
        assert kept.store.bytes == sum(os.stat(tmp_path / name).st_size for name in ("base", "journal"))


async def test_a_journal_that_grew_large_becomes_a_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sealos_gateway.node.store._LEAST_JOURNAL", 1000)
    kept = Kept(tmp_path)
    async with kept.running():
        for number in range(30):
            kept.change(b=bytes([number]) * 100)
            await kept.store.idle()
            assert kept.on_disk() == kept.served
        assert 3 <= kept.store.bases <= 6


async def test_a_full_disk_is_told_once_and_written_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Kept(tmp_path)
    async with kept.running():
        kept.change(b=b"2")
        await kept.store.idle()
        monkeypatch.setattr(os, "fsync", _full)
        kept.change(b=b"3")
        await eventually(lambda: "No space left" in kept.store.problem)
        kept.change(c=b"4")
        await asyncio.sleep(0.1)
        assert caplog.text.count("cannot be kept on disk") == 1
        monkeypatch.undo()
        await kept.store.idle()
        assert kept.store.problem == ""
        assert kept.on_disk() == kept.served


async def test_what_is_being_written_is_written_to_its_end(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    async with kept.running():
        kept.change(b=b"2")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    found = Disk(tmp_path, "g", ("t",), lambda *_: False, None).read()
    assert found.problems == []
    assert found.rows in (None, kept.served)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


async def test_a_file_system_that_is_really_full_keeps_the_last_good_revision(
    small: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Kept(small)
    ballast = small / "ballast"
    async with kept.running():
        kept.change(b=b"2")
        await eventually(lambda: kept.on_disk() == kept.served)
        before = dict(kept.served)
        ballast.write_bytes(b"x" * (200 << 10))
        kept.change(large=os.urandom(100 << 10))
        await eventually(lambda: "No space left" in caplog.text)
        assert kept.on_disk() == before
        ballast.unlink()
        await eventually(lambda: kept.on_disk() == kept.served)


def _full(_descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
