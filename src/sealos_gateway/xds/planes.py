"""Which rows which data plane sees, and a snapshot as one of them sees it.

Most rows are for the gateway's own nodes, and nothing is kept of those. A row that was *placed* is for the planes that
it was placed on, several for a cluster that several use, none of them the own one unless it is named. A plane that
loses a row hears that it was removed, and nothing of rows that it does not see, neither bytes nor names. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sealos_gateway.xds.snapshot import Row, Snapshot

#: The plane of the gateway's own nodes, and of all rows that were not placed.
OWN: Final = ""
#: What the own nodes serve, as nodes call it; others serve the plane of a Gateway, under its name.
GATEWAY: Final = "ingress"


def plane_of(gateway: str) -> str:
    """The data plane whose rows nodes of a gateway see: that of the gateway's own nodes has no name."""
    return OWN if gateway == GATEWAY else gateway


class View:
    """A snapshot as one plane sees it; for streams and feeds the same as a snapshot."""

    def __init__(self, snapshot: Snapshot, plane: str) -> None:
        self._snapshot, self._placement, self._plane = snapshot, snapshot.placement, plane

    @property
    def revision(self) -> int:
        return self._snapshot.revision

    def since(self, type_: str, cursor: int) -> Iterator[str]:
        """Names that changed after `cursor` and are, or were then, seen here; newest first."""
        for name in self._snapshot.since(type_, cursor):
            if self._sees(type_, name) or self._placement.left(type_, name, self._plane) > cursor:
                yield name

    def names(self, type_: str) -> list[str]:
        """Every living name of a type, oldest change first."""
        if self._plane == OWN:
            return [name for name in self._snapshot.names(type_) if self._sees(type_, name)]
        return [name for name in self._placement.names(type_, self._plane) if self._alive(type_, name)]

    def peek(self, type_: str, name: str) -> Row | None:
        row = self._snapshot.peek(type_, name)
        return row if row is None or self._sees(type_, name) else self._gone(type_, name, row)

    def row(self, type_: str, name: str) -> Row | None:
        if self._sees(type_, name):
            return self._snapshot.row(type_, name)
        return self.peek(type_, name)

    def _gone(self, type_: str, name: str, row: Row) -> Row | None:
        """A tombstone where the row was seen, nothing where it never was."""
        return Row(row.revision) if self._placement.left(type_, name, self._plane) else None

    def _sees(self, type_: str, name: str) -> bool:
        return self._plane in self._placement.planes(type_, name)

    def _alive(self, type_: str, name: str) -> bool:
        row = self._snapshot.peek(type_, name)
        return row is not None and row.alive
