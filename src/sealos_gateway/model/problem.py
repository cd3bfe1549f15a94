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
        return f"{self.origin}{place}: {self.reason}: {self.message}"
