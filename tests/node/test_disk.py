"""What lies on disk is one complete revision, whatever happened to the files."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sealos_gateway.node.disk import Change, Disk
from sealos_gateway.node.seal import Seal

TYPES = ("plain", "private")
BASE = [("plain", "a", b"1"), ("plain", "b", b"2"), ("private", "k", b"key")]
SEAL = Seal(b"k" * 32)


def disk(folder: Path, seal: Seal | None = SEAL, gateway: str = "g") -> Disk:
    return Disk(folder, gateway, TYPES, lambda type_, _name: type_ == "private", seal)


def write(folder: Path, *revisions: list[Change], seal: Seal | None = SEAL) -> None:
    made = disk(folder, seal)
    made.write_base(BASE)
    for revision in revisions:
        made.append(revision)
    made.close()


def rows(folder: Path, seal: Seal | None = SEAL) -> dict[str, bytes] | None:
    found = disk(folder, seal).read()
    return {name: body for (_, name), body in found.rows.items()} if found.rows is not None else None


def spoil(path: Path, how: Callable[[bytearray], bytes | bytearray]) -> None:
    path.write_bytes(how(bytearray(path.read_bytes())))


def flipped(at: int) -> Callable[[bytearray], bytearray]:
    def flip(data: bytearray) -> bytearray:
        data[at] ^= 1
        return data

    return flip


def test_nothing_is_there_before_something_was_written(tmp_path: Path) -> None:
    assert disk(tmp_path / "none").read() == (None, [])


def test_base_and_journal_make_the_last_revision(tmp_path: Path) -> None:
    write(tmp_path, [("plain", "a", b"3"), ("plain", "c", b"4")], [("plain", "b", None), ("plain", "c", b"5")])
    assert rows(tmp_path) == {"a": b"3", "c": b"5", "k": b"key"}


def test_one_change_does_not_write_everything_again(tmp_path: Path) -> None:
    made = disk(tmp_path)
    made.write_base(("plain", f"host-{number}", b"x" * 100) for number in range(2000))
    base, before = made.base_bytes, made.journal_bytes
    made.append([("plain", "host-7", b"y" * 100)])
    assert base > 200_000
    assert made.journal_bytes - before < 200
    assert (tmp_path / "base").stat().st_size == base
    made.close()


def test_a_row_that_came_back_and_went_again_is_gone(tmp_path: Path) -> None:
    write(tmp_path, [("plain", "a", None)], [("plain", "a", b"9")], [("plain", "a", None)])
    assert rows(tmp_path) == {"b": b"2", "k": b"key"}


def test_a_journal_of_another_base_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, [("plain", "a", b"old")])
    old = (tmp_path / "journal").read_bytes()
    write(tmp_path)
    (tmp_path / "journal").write_bytes(old)
    assert disk(tmp_path).read().problems == []
    assert rows(tmp_path) == {"a": b"1", "b": b"2", "k": b"key"}


def test_a_missing_journal_is_none(tmp_path: Path) -> None:
    write(tmp_path, [("plain", "a", b"3")])
    (tmp_path / "journal").unlink()
    assert rows(tmp_path) == {"a": b"1", "b": b"2", "k": b"key"}


@pytest.mark.parametrize(
    "how", [lambda d: d[:-1], lambda d: d[: len(d) // 2], lambda d: b"", flipped(60), flipped(-20)]
)
def test_a_damaged_base_is_set_aside_and_nothing_of_it_is_used(
    tmp_path: Path, how: Callable[[bytearray], bytes | bytearray]
) -> None:
    write(tmp_path, [("plain", "a", b"3")])
    spoil(tmp_path / "base", how)
    found = disk(tmp_path).read()
    assert found.rows is None
    (problem,) = found.problems
    assert "is damaged" in problem
    assert "nothing of it is used" in problem
    assert (tmp_path / "base.damaged").exists()
    assert not (tmp_path / "base").exists()


def test_a_base_that_ends_after_a_whole_frame_is_not_taken_for_complete(tmp_path: Path) -> None:
    write(tmp_path)
    end = 4 + 1 + 16  # the last frame: its length, a small number, its checksum
    spoil(tmp_path / "base", lambda data: data[:-end])
    found = disk(tmp_path).read()
    assert found.rows is None
    assert "no end" in found.problems[0]


def test_a_damaged_journal_counts_up_to_where_it_is_whole(tmp_path: Path) -> None:
    write(tmp_path, [("plain", "a", b"3")], [("plain", "b", b"4")])
    spoil(tmp_path / "journal", flipped(-20))
    found = disk(tmp_path).read()
    assert found.rows == {("plain", "a"): b"3", ("plain", "b"): b"2", ("private", "k"): b"key"}
    assert "what was whole before that is used" in found.problems[0]
    assert (tmp_path / "journal.damaged").exists()


def test_damaged_files_are_kept_up_to_three(tmp_path: Path) -> None:
    for _ in range(5):
        write(tmp_path)
        spoil(tmp_path / "base", lambda data: data[:-1])
        disk(tmp_path).read()
    assert len(list(tmp_path.glob("base.damaged*"))) == 3


def test_another_format_or_gateway_is_not_read(tmp_path: Path) -> None:
    write(tmp_path)
    found = disk(tmp_path, gateway="other").read()
    assert found.rows is None
    assert "of the gateway g, not other" in found.problems[0]


# ---------------------------------------------------------------- private keys


def test_without_a_key_private_rows_are_not_written(tmp_path: Path) -> None:
    write(tmp_path, [("private", "l", b"more")], seal=None)
    assert rows(tmp_path, seal=None) == {"a": b"1", "b": b"2"}
    written = (tmp_path / "base").read_bytes() + (tmp_path / "journal").read_bytes()
    assert b"more" not in written
    assert b"key" not in written


@pytest.mark.parametrize("seal", [None, Seal(b"x" * 32)])
def test_with_another_key_private_rows_are_left_out_and_told(tmp_path: Path, seal: Seal | None) -> None:
    write(tmp_path, [("private", "k", b"newer"), ("plain", "a", b"3")])
    found = disk(tmp_path, seal).read()
    assert found.rows == {("plain", "a"): b"3", ("plain", "b"): b"2"}
    assert any("1 private keys on disk were sealed with another key" in problem for problem in found.problems)


def test_files_are_for_their_owner(tmp_path: Path) -> None:
    write(tmp_path / "snapshot")
    assert (tmp_path / "snapshot").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "snapshot").iterdir())


# ---------------------------------------------------------------- full disks


def test_a_base_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, [("plain", "a", b"3")])
    made = disk(tmp_path)
    monkeypatch.setattr(os, "fsync", _full)
    with pytest.raises(OSError, match="No space"):
        made.write_base([("plain", "z", b"z")])
    monkeypatch.undo()
    assert not made.open
    assert not (tmp_path / "base.new").exists()
    assert rows(tmp_path) == {"a": b"3", "b": b"2", "k": b"key"}


def test_an_append_that_fails_closes_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = disk(tmp_path)
    made.write_base(BASE)
    monkeypatch.setattr(os, "fsync", _full)
    with pytest.raises(OSError, match="No space"):
        made.append([("plain", "a", b"3")])
    monkeypatch.undo()
    assert not made.open
    made.write_base([("plain", "a", b"4")])
    made.close()
    assert rows(tmp_path) == {"a": b"4"}


def _full(_descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
