"""Private keys on disk are for those who have the operator's key."""

from __future__ import annotations

from pathlib import Path

import pytest

from sealos_gateway.node.seal import Seal, SealError

KEY, OTHER = b"k" * 32, b"o" * 32
SALT = b"s" * 32


def test_what_is_sealed_can_be_opened_with_the_same_key_only() -> None:
    sealed = Seal(KEY).sealer(SALT).seal("a.com", b"private")
    assert b"private" not in sealed
    assert Seal(KEY).sealer(SALT).open("a.com", sealed) == b"private"
    for wrong in (Seal(OTHER).sealer(SALT), Seal(KEY).sealer(b"t" * 32)):
        with pytest.raises(SealError, match="another key"):
            wrong.open("a.com", sealed)


def test_a_sealed_row_cannot_be_given_to_another_name() -> None:
    sealer = Seal(KEY).sealer(SALT)
    with pytest.raises(SealError):
        sealer.open("b.com", sealer.seal("a.com", b"private"))


def test_the_same_row_is_never_sealed_the_same() -> None:
    sealer = Seal(KEY).sealer(SALT)
    assert sealer.seal("a.com", b"private") != sealer.seal("a.com", b"private")


def test_marks_tell_keys_apart_and_nothing_prints_the_key() -> None:
    assert Seal(KEY).mark != Seal(OTHER).mark
    assert "kkk" not in repr(Seal(KEY))


def test_a_key_too_short_or_missing_is_told(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short\n")
    with pytest.raises(SealError, match="5 bytes"):
        Seal.from_file(tmp_path / "key")
    with pytest.raises(SealError, match="cannot be read"):
        Seal.from_file(tmp_path / "none")
