"""Which paths changed: from the kernel's notices about folders to the files that `source` should read again.

Each folder is watched for itself, not recursively, so that symbolic links, hidden folders and new folders are in our
hands: after every change of the set of folders the watch is made anew *first* and everything is looked at *then*, so no
write can fall between. A file that is written is always told; all else (a swapped `..data`, a link, a folder) is found
by comparing signatures.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Final

from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from sealos_gateway.files import disk

QUIET_MILLISECONDS: Final = 2  # a batch ends when nothing came for so long; it is also how often an idle watch wakes
BATCH_MILLISECONDS: Final = 50  # or after so long
_ATTEMPTS: Final = 5

Compare = Callable[[disk.Scan], frozenset[Path]]


class WatchError(Exception):
    """The operating system does not let us watch; the usual cause is its limit on watches."""


class _Stop:
    """Asked by the watching thread at every step, also after its task was cancelled."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self.abandoned = False

    def is_set(self) -> bool:
        return self.abandoned or self._stop.is_set()


async def changes(
    roots: tuple[Path, ...], outdated: Compare, stop: asyncio.Event
) -> AsyncGenerator[frozenset[Path], None]:
    """Paths to reload, until `stop` is set. `outdated` compares what is there with what was read. Raises WatchError."""
    signal = _Stop(stop)
    try:
        while not stop.is_set():
            armed = await asyncio.to_thread(_Armed.at, roots)
            if changed := outdated(armed.scan):
                yield changed
            rearm = False
            while not rearm and (events := await armed.events(signal)):
                direct, rearm = armed.meaning(events)
                if direct and not stop.is_set():
                    yield direct
    finally:
        signal.abandoned = True


class _Armed:
    """A watch that is live, and what lay there after it went live."""

    def __init__(self, roots: tuple[Path, ...], notify: RustNotify, scan: disk.Scan) -> None:
        self.scan = scan
        self._roots = frozenset(roots)
        self._notify = notify
        self._names = _names(roots, scan)
        self._spine = {ancestor for root in roots for ancestor in (root, *root.parents)}
        self._links: dict[str, list[Path]] = {}
        for path, signature in scan.files.items():
            if signature.target:
                self._links.setdefault(signature.target, []).append(path)
        self._linked = {path for paths in self._links.values() for path in paths}

    @classmethod
    def at(cls, roots: tuple[Path, ...]) -> _Armed:
        """Watch, look, and begin again when folders came or went meanwhile."""
        scan = _scan(roots)
        for _ in range(_ATTEMPTS):
            folders = _watched(roots, scan)
            try:
                notify = RustNotify(sorted(folders), False, False, 0, False, False)
            except FileNotFoundError:
                scan = _scan(roots)
                continue
            except (OSError, WatchfilesRustInternalError) as error:
                raise WatchError(f"{len(folders)} folders cannot be watched: {error}") from error
            scan = _scan(roots)
            if _watched(roots, scan) <= folders:
                return cls(roots, notify, scan)
        raise WatchError("the folders change faster than they can be watched")

    async def events(self, stop: _Stop) -> set[str]:
        """The next batch of paths; empty when it is time to stop."""
        batch = await asyncio.to_thread(self._notify.watch, BATCH_MILLISECONDS, QUIET_MILLISECONDS, 0, stop)
        return set() if isinstance(batch, str) else {path for _, path in batch}

    def meaning(self, events: set[str]) -> tuple[frozenset[Path], bool]:
        """The files that were written for certain, and whether all must be looked at again."""
        direct: set[Path] = set()
        rearm = False
        for event in events:
            direct.update(self._links.get(event, ()))
            folder, name = os.path.split(event)
            rearm = rearm or event in self._names
            for named in self._names.get(folder, ()):
                path = named / name
                direct |= self._written(path)
                rearm = rearm or self._reshapes(path)
        return frozenset(direct), rearm

    def _written(self, path: Path) -> set[Path]:
        if not disk.is_below(path, self._roots) or path.is_dir():
            return set()
        return {path} if path in self.scan.files or disk.is_manifest(path.name) else set()

    def _reshapes(self, path: Path) -> bool:
        """Whether this may change which folders are to be watched, or files that had no notice of their own."""
        if path in self._spine:
            return path not in self.scan.files or path.is_symlink() or path in self._linked
        if path.parent not in self.scan.folders:
            return False
        if path.name.startswith(".."):  # the links of a mounted ConfigMap lead through it
            return True
        if disk.is_hidden(path.name):
            return False
        return path in self.scan.folders or path in self._linked or path.is_symlink() or path.is_dir()


def _scan(roots: tuple[Path, ...]) -> disk.Scan:
    every = disk.Scan()
    for root in roots:
        found = disk.scan(root, roots)
        every.files |= found.files
        every.folders |= found.folders
        every.lost |= found.lost
    return every


def _names(roots: tuple[Path, ...], scan: disk.Scan) -> dict[str, list[Path]]:
    """Every folder to watch by its real path, and the paths under which it is known to us."""
    names: dict[str, list[Path]] = {}
    for folder, real in scan.folders.items():
        names.setdefault(real, []).append(folder)
    for root in roots:
        above = next((parent for parent in root.parents if parent.is_dir()), root)
        known = names.setdefault(os.path.realpath(above), [])
        if above not in known:
            known.append(above)
    return names


def _watched(roots: tuple[Path, ...], scan: disk.Scan) -> set[str]:
    targets = {os.path.dirname(signature.target) for signature in scan.files.values() if signature.target}
    return targets | set(_names(roots, scan))
