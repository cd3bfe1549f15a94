"""The door of this folder: manifests on disk as puts and drops of objects, always keeping the last good state.

Not safe for two threads at once: `load` and `reload` are to be called from one place, in turn.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sealos_gateway.files import disk, manifest, watcher
from sealos_gateway.files.claims import Claims
from sealos_gateway.files.mistakes import Mistake, UnreadableError
from sealos_gateway.files.objects import Contents, Key
from sealos_gateway.model.problem import Problem
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Origin, Ref, Resource
from sealos_gateway.resources.update import Update

SIZE_LIMIT: Final = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _File:
    """`signature` is None when a look at the file cannot tell whether it is the one that was read."""

    objects: dict[Key, Resource]
    mistakes: tuple[Mistake, ...] = ()
    signature: disk.Signature | None = None


_NOTHING: Final = _File({})


class Source:
    """Files and folders of manifests. Folders are taken with all below them."""

    def __init__(self, paths: Sequence[Path], size_limit: int = SIZE_LIMIT) -> None:
        self._roots = tuple(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))
        self._size_limit = size_limit
        self._files: dict[Path, _File] = {}
        self._lost: dict[Path, Mistake] = {}
        self._claims = Claims()

    def load(self) -> Update:
        """Read everything."""
        return self.reload(self._roots)

    def reload(self, changed: Iterable[Path]) -> Update:
        """Read these files, and what is below these folders, again; nothing else is touched."""
        before: dict[Key, Resource | None] = {}
        for path in sorted(self._affected(changed), key=str):
            self._refresh(path, before)
        return self._update(before)

    async def watch(self, stop: asyncio.Event) -> AsyncGenerator[frozenset[Path], None]:
        """What to `reload`, as it changes, until `stop` is set; begins with what changed since it was read."""
        async with aclosing(watcher.changes(self._roots, self._outdated, stop)) as batches:
            async for batch in batches:
                yield batch

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong at the moment, in order of the paths."""
        found = [_problem(path, mistake) for path, mistake in self._lost.items()]
        found += [_problem(path, mistake) for path, file in self._files.items() for mistake in file.mistakes]
        for (kind, ref), path, owner in self._claims.refused():
            message = f"{owner} names the same object and comes first; remove one of them"
            found.append(_problem(path, Mistake(f"{kind.name} {ref}", "DuplicateObject", message)))
        return tuple(sorted(found, key=lambda problem: problem.origin.ref.name))

    def _affected(self, changed: Iterable[Path]) -> set[Path]:
        """The files to read again, or to forget."""
        files: set[Path] = set()
        folders: set[Path] = set()
        for path in {Path(os.path.abspath(path)) for path in changed}:
            if not disk.is_below(path, self._roots):
                continue
            found = disk.scan(path, self._roots)
            self._relook(path, found)
            if not found.files and self._has_lost_folder(path):
                continue
            files |= found.files.keys()
            if path in self._files:
                files.add(path)
            elif path not in found.files:
                folders.add(path)
        return files | self._below(folders)

    def _has_lost_folder(self, path: Path) -> bool:
        """A file is not deleted when the whole folder we were given is away, as when a disk is not mounted."""
        away = [root for root in self._roots if root in path.parents and not root.exists()]
        for root in away:
            self._lost |= disk.scan(root, self._roots).lost
        return bool(away)

    def _relook(self, path: Path, found: disk.Scan) -> None:
        if self._lost:
            self._lost = {lost: why for lost, why in self._lost.items() if lost != path and path not in lost.parents}
        self._lost |= found.lost

    def _below(self, folders: set[Path]) -> set[Path]:
        """Known files in these folders, except where the folder cannot be looked into."""
        if not folders:
            return set()
        return {path for path in self._files if not folders.isdisjoint(path.parents) and not _is_in(path, self._lost)}

    def _refresh(self, path: Path, before: dict[Key, Resource | None]) -> None:
        known = self._files.get(path, _NOTHING)
        signature = None
        try:
            data, signature = disk.read(path, self._size_limit)
            file = _good(known, data, path)
        except FileNotFoundError:
            file = None
        except UnreadableError as error:
            file = replace(known, mistakes=(error.mistake,))
        if file is not None and signature is not None:
            file = replace(file, signature=None if signature.is_racy else signature)
        self._replace(path, known, file, before)

    def _replace(self, path: Path, known: _File, file: _File | None, before: dict[Key, Resource | None]) -> None:
        old, new = known.objects, file.objects if file else {}
        changed = [key for key, resource in new.items() if old.get(key) != resource] if old else list(new)
        gone = [key for key in old if key not in new]
        for key in (*changed, *gone):
            if key not in before:
                before[key] = self._current(key)
        for key in gone:
            self._claims.release(key, path)
        for key in changed:
            self._claims.claim(key, path)
        if file:
            self._files[path] = file
        else:
            self._files.pop(path, None)

    def _current(self, key: Key) -> Resource | None:
        owner = self._claims.owner(key)
        return self._files[owner].objects[key] if owner else None

    def _update(self, before: dict[Key, Resource | None]) -> Update:
        puts: list[tuple[Kind, Ref, Resource]] = []
        drops: list[tuple[Kind, Ref]] = []
        for key, was in before.items():
            now = self._current(key)
            if now is None:
                if was is not None:
                    drops.append(key)
            elif now != was:
                puts.append((*key, now))
        return Update(tuple(puts), tuple(drops))

    def _outdated(self, scan: disk.Scan) -> frozenset[Path]:
        """Paths that are not as they were when they were read."""
        files = {path for path, signature in scan.files.items() if self._signature(path) != signature}
        gone = {path for path in self._files.keys() - scan.files.keys() if not _is_in(path, scan.lost)}
        return frozenset(files | gone | (scan.lost.keys() ^ self._lost.keys()))

    def _signature(self, path: Path) -> disk.Signature | None:
        file = self._files.get(path)
        return file.signature if file else None


def _is_in(path: Path, lost: dict[Path, Mistake]) -> bool:
    return bool(lost) and not lost.keys().isdisjoint(path.parents)


def _good(known: _File, data: bytes, path: Path) -> _File:
    """The new state of a file whose syntax is sound. Raises UnreadableError."""
    if known.objects and (not data or data.isspace()):
        message = "empty, as when it is just being written: its last good objects stay; delete the file to remove them"
        raise UnreadableError("", "EmptyFile", message)
    contents = manifest.contents(data, path.suffix == ".json")
    return _File(contents.objects | _kept(known.objects, contents), tuple(contents.mistakes))


def _kept(old: dict[Key, Resource], contents: Contents) -> dict[Key, Resource]:
    """Last good versions of what is broken now."""
    if contents.holds:
        return {key: resource for key, resource in old.items() if key not in contents.objects}
    broken = (key for key in contents.broken if key not in contents.objects)
    return {key: old[key] for key in broken if key in old}


def _problem(path: Path, mistake: Mistake) -> Problem:
    return Problem(Origin("File", Ref("", str(path))), *mistake)
