"""Where rows are placed: on which data planes, since when no longer. A part of the snapshot. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

_OWN: Final = frozenset({""})


class Placement:
    """By type and name. What was never placed is on the gateway's own plane alone, and costs nothing."""

    def __init__(self, types: Sequence[str]) -> None:
        self._placed: dict[str, dict[str, frozenset[str]]] = {type_: {} for type_ in types}
        self._by_plane: dict[str, dict[str, dict[str, None]]] = {type_: {} for type_ in types}
        self._left: dict[str, dict[str, dict[str, int]]] = {type_: {} for type_ in types}
        self._staged: dict[tuple[str, str], frozenset[str]] = {}

    def place(self, type_: str, name: str, planes: frozenset[str]) -> None:
        """From the next commit on the row is on these planes alone."""
        self._staged[type_, name] = planes

    def stay(self, type_: str, name: str) -> None:
        """The row goes: whoever sees it now is to hear of that, and nobody else."""
        self._staged.pop((type_, name), None)

    def commit(self, revision: int, known: Callable[[str, str], object]) -> list[tuple[str, str]]:
        """Make it so; the rows whose planes are different now. A row that is not `known` was seen by nobody before."""
        moved = []
        for (type_, name), planes in self._staged.items():
            before = self.planes(type_, name)
            if planes != before:
                self._move(type_, name, before, planes, revision if known(type_, name) else 0)
                moved.append((type_, name))
        self._staged.clear()
        return moved

    def _move(self, type_: str, name: str, before: frozenset[str], after: frozenset[str], revision: int) -> None:
        if after == _OWN:
            self._placed[type_].pop(name, None)
        else:
            self._placed[type_][name] = after
        left = self._left[type_].setdefault(name, {})
        for plane in before - after:
            if revision:
                left[plane] = revision
            self._by_plane[type_].get(plane, {}).pop(name, None)
        for plane in after - before:
            left.pop(plane, None)
            self._by_plane[type_].setdefault(plane, {})[name] = None
        if not left:
            del self._left[type_][name]

    def planes(self, type_: str, name: str) -> frozenset[str]:
        """The planes that see a row."""
        return self._placed.get(type_, {}).get(name, _OWN)

    def left(self, type_: str, name: str, plane: str) -> int:
        """The revision with which a plane lost sight of a row; 0 when it never did, or sees it."""
        return self._left.get(type_, {}).get(name, {}).get(plane, 0)

    def names(self, type_: str, plane: str) -> list[str]:
        """The rows that were placed on a plane."""
        return list(self._by_plane.get(type_, {}).get(plane, ()))

    def sweep(self, revision: int) -> None:
        """Everybody has heard of what was lost up to this revision."""
        for names in self._left.values():
            for name in [name for name, left in names.items() if max(left.values()) <= revision]:
                del names[name]

    def forget(self, type_: str, name: str) -> None:
        """The row is no more, and everybody knows."""
        for plane in self._placed[type_].pop(name, ()):
            self._by_plane[type_].get(plane, {}).pop(name, None)
        self._left[type_].pop(name, None)
