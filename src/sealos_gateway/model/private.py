"""What must not be seen by anybody: private keys, passwords."""

from __future__ import annotations


class Private(bytes):
    """Bytes that must never be seen: they print as [redacted]."""

    def __repr__(self) -> str:
        return "[redacted]"

    __str__ = __repr__
