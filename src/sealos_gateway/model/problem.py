"""A user's mistake as a value: it travels with the row and ends in the status of the object that caused it."""

from __future__ import annotations

from typing import NamedTuple

from sealos_gateway.resources.meta import Origin


class Problem(NamedTuple):
    """`field` is a path inside the object, `reason` a CamelCase word for machines, `message` what to do about it."""

    origin: Origin
    field: str
    reason: str
    message: str

    def __str__(self) -> str:
        place = f" {self.field}" if self.field else ""
        return printable(f"{self.origin}{place}: {self.reason}: {self.message}")


def printable(text: str) -> str:
    """Text that may hold a tenant's words, made safe for a terminal and for one line of a log."""
    return text if text.isprintable() else "".join(ch if ch.isprintable() else ascii(ch)[1:-1] for ch in text)
