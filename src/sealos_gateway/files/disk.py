"""Which files count as manifests, what they look like from outside, and their bytes. No meaning of any content here."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from sealos_gateway.files.mistakes import Mistake, UnreadableError

EXTENSIONS: Final = (".yaml", ".yml", ".json")
RACY_NANOSECONDS: Final = 50_000_000  # file systems stamp times in steps of a few milliseconds


class Signature(NamedTuple):
    """Changes whenever the content may have changed. `target` is where a symbolic link leads, else empty."""

    target: str
    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @property
    def is_racy(self) -> bool:
        """Written so lately that another write could leave the same signature."""
        return time.time_ns() - max(self.modified, self.changed) < RACY_NANOSECONDS


_UNKNOWN: Final = Signature("", 0, 0, 0, 0, 0)  # there is a file, and reading it will tell what is wrong


@dataclass(slots=True)
class Scan:
    """What lies at and below some paths. `folders` have their real path, `lost` could not be looked into."""

    files: dict[Path, Signature] = field(default_factory=dict)
    folders: dict[Path, str] = field(default_factory=dict)
    lost: dict[Path, Mistake] = field(default_factory=dict)


def is_hidden(name: str) -> bool:
    """Hidden names are for tools: editors' temporary files, and `..data` of a mounted ConfigMap."""
    return name.startswith(".")


def is_manifest(name: str) -> bool:
    """Editors' leftovers (`web.yaml~`, `web.yaml.swp`, `4913`) have other endings, so the ending decides."""
    return name.endswith(EXTENSIONS) and not is_hidden(name)


def is_below(path: Path, roots: Collection[Path]) -> bool:
    """Whether a path is one of the roots, or lies in one and is not hidden there."""
    if path in roots:
        return True
    for parent in path.parents:
        if is_hidden(path.name):
            return False
        if parent in roots:
            return True
        path = parent
    return False


def scan(path: Path, roots: Collection[Path]) -> Scan:
    """Look at one path that may be a file, a folder or gone. Only a missing root is a mistake."""
    found = Scan()
    try:
        status = path.stat()
    except FileNotFoundError:
        if path in roots:
            found.lost[path] = Mistake("", "NotFound", "no such file or folder; create it or correct the path")
        return found
    except OSError as error:
        if is_manifest(path.name):
            found.files[path] = _UNKNOWN
        else:
            found.lost[path] = unreadable(error)
        return found
    if stat.S_ISDIR(status.st_mode):
        _walk(path, found, frozenset())
    elif path in roots or is_manifest(path.name):
        found.files[path] = _signature(path, status, path.is_symlink())
    return found


def _walk(folder: Path, found: Scan, above: frozenset[str]) -> None:
    real = os.path.realpath(folder)
    if real in above:  # a symbolic link to a folder it lies in
        return
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as error:
        found.lost[folder] = unreadable(error)
        return
    found.folders[folder] = real
    for entry in entries:
        if is_hidden(entry.name):
            continue
        path = folder / entry.name
        if _is_folder(entry):
            _walk(path, found, above | {real})
        elif is_manifest(entry.name):
            _note(path, entry, found)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads nowhere one may look: reading it tells
        return False


def _note(path: Path, entry: os.DirEntry[str], found: Scan) -> None:
    try:
        found.files[path] = _signature(path, entry.stat(), entry.is_symlink())
    except FileNotFoundError:
        return  # gone meanwhile, or a link to nothing
    except OSError:
        found.files[path] = _UNKNOWN


def read(path: Path, size_limit: int) -> tuple[bytes, Signature]:
    """The bytes of a file and its signature from before they were read. Raises FileNotFoundError, UnreadableError."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its writer
            raise UnreadableError("", "Unreadable", "not a regular file; name a file or a folder")
        if status.st_size > size_limit:
            message = f"{status.st_size} bytes, the limit is {size_limit}; split the file"
            raise UnreadableError("", "FileTooLarge", message)
        signature = _signature(path, status, path.is_symlink())
        return path.read_bytes(), signature
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableError(*unreadable(error)) from error


def unreadable(error: OSError) -> Mistake:
    message = f"cannot be read ({error.strerror}); check the permissions; its last good objects stay"
    return Mistake("", "Unreadable", message)


def _signature(path: Path, status: os.stat_result, is_link: bool) -> Signature:
    target = os.path.realpath(path) if is_link else ""
    return Signature(target, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
