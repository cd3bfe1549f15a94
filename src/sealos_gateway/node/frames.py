"""A file of frames: a mark, then pieces of bytes, each with its length and a checksum over it and all before it.

So a cut, a flipped bit, a missing or a repeated frame is noticed at the first frame it concerns, and everything before
that is as it was written. Knows nothing of what is inside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO, Final

MARK: Final = b"SGWSNAP\n"
_LENGTH: Final = 4
_DIGEST: Final = 16


class DamagedError(Exception):
    """The file is not what was written; `at` is where that begins, in bytes."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(f"{what} at byte {at}")
        self.at = at


class Writer:
    """Appends frames to a file that is empty, or of which `chain` frames were written by the same process."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._chain = b""
        self.size = file.write(MARK)

    def write(self, payload: bytes) -> None:
        self._chain = _digest(self._chain, payload)
        frame = len(payload).to_bytes(_LENGTH, "big") + payload + self._chain
        self._file.write(frame)
        self.size += len(frame)


def read(file: BinaryIO) -> Iterator[bytes]:
    """The frames, each when it was found to be whole. Raises DamagedError."""
    if file.read(len(MARK)) != MARK:
        raise DamagedError("the file does not begin as a snapshot does", 0)
    chain, at = b"", len(MARK)
    while head := file.read(_LENGTH):
        length = int.from_bytes(head, "big")
        payload = file.read(length) if len(head) == _LENGTH else b""
        found = file.read(_DIGEST) if len(payload) == length else b""
        if len(head) < _LENGTH or len(payload) < length or len(found) < _DIGEST:
            raise DamagedError("it ends in the middle of a frame", at)
        chain = _digest(chain, payload)
        if found != chain:
            raise DamagedError("the checksum does not fit", at)
        yield payload
        at += _LENGTH + length + _DIGEST


def _digest(before: bytes, payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=_DIGEST, key=before).digest()
