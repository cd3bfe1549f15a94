"""Who owns an object that several files name: the first file in path order. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sealos_gateway.files.objects import Key


class Claims:
    """Nearly every object has one claimant, so sets are kept only for the contested ones."""

    def __init__(self) -> None:
        self._owner: dict[Key, Path] = {}
        self._contested: dict[Key, set[Path]] = {}

    def owner(self, key: Key) -> Path | None:
        return self._owner.get(key)

    def claim(self, key: Key, path: Path) -> None:
        owner = self._owner.setdefault(key, path)
        if owner is not path and owner != path:
            paths = self._contested.setdefault(key, {owner})
            paths.add(path)
            self._owner[key] = min(paths, key=str)

    def release(self, key: Key, path: Path) -> None:
        paths = self._contested.get(key)
        if paths is None:
            del self._owner[key]
            return
        paths.discard(path)
        self._owner[key] = min(paths, key=str)
        if len(paths) == 1:
            del self._contested[key]

    def refused(self) -> Iterator[tuple[Key, Path, Path]]:
        """Every claim that lost: the object, the file that named it in vain, the file that owns it."""
        for key, paths in self._contested.items():
            owner = self._owner[key]
            for path in sorted(paths - {owner}, key=str):
                yield key, path, owner
