"""The last complete snapshot as two files: `base`, written whole, and `journal`, to which every revision adds a frame.

What is read back is always one complete revision: the base with those frames of the journal that are whole. A base that
is damaged is worth nothing and is set aside; a journal that is damaged is set aside and counts up to its last whole
frame. Both carry a generation, so that a journal is never read over another base. Blocking: call it from a thread.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

from sealos_gateway.node import frames
from sealos_gateway.node.frames import DamagedError
from sealos_gateway.node.seal import Seal, Sealer, SealError

log = logging.getLogger(__name__)

FORMAT: Final = 1
_ROWS_AT_ONCE: Final = 1000
_SET_ASIDE: Final = 3  # damaged files that are kept for somebody to look at

#: Whether a row, by type and name, holds a private key.
Private = Callable[[str, str], bool]
#: Type, name, bytes; None says that the row is gone.
Change = tuple[str, str, bytes | None]


class _Header(msgspec.Struct):
    format: int
    gateway: str
    generation: str
    salt: bytes
    sealed: str = ""  # the mark of the key, or nothing
    types: list[str] = []


class Read(NamedTuple):
    """What was found: rows of one complete revision, or nothing; and what was wrong with the files."""

    rows: dict[tuple[str, str], bytes] | None
    problems: list[str]


class Disk:
    """The files in one folder. `private` says of a row, by type and name, whether it is only written sealed."""

    def __init__(self, folder: Path, gateway: str, types: Sequence[str], private: Private, seal: Seal | None):
        self._folder, self._gateway = folder, gateway
        self._types, self._private, self._seal = tuple(types), private, seal
        self._sealer: Sealer | None = None
        self._file: BinaryIO | None = None
        self._journal: frames.Writer | None = None
        self.base_bytes = 0

    @property
    def journal_bytes(self) -> int:
        return self._journal.size if self._journal else 0

    # ---------------------------------------------------------------- reading

    def read(self) -> Read:
        """What lies there, whatever state it is in; the next thing to do is `write_base`."""
        problems: list[str] = []
        rows: dict[tuple[str, str], bytes] = {}
        try:
            header = self._read_base(rows, problems)
        except FileNotFoundError:
            return Read(None, problems)
        except (DamagedError, OSError) as error:
            problems.append(self._set_aside("base", error))
            return Read(None, problems)
        with contextlib.suppress(FileNotFoundError):
            try:
                self._read_journal(header, rows, problems)
            except (DamagedError, OSError) as error:
                problems.append(self._set_aside("journal", error))
        return Read(rows, problems)

    def _read_base(self, rows: dict[tuple[str, str], bytes], problems: list[str]) -> _Header:
        path = self._folder / "base"
        with path.open("rb") as file:
            header, found = self._opened(file)
            opener = self._opener(header, problems)
            ended = False
            for payload in found:
                if ended:
                    raise DamagedError("something follows its end", file.tell())
                decoded = _decoded(payload, file)
                if isinstance(decoded, int):
                    ended = True
                    if decoded != len(rows) + opener.lost:
                        raise DamagedError("rows are missing", file.tell())
                else:
                    opener.take(decoded, rows)
            if not ended:
                raise DamagedError("it has no end", file.tell())
            self.base_bytes = file.tell()
        opener.tell()
        return header

    def _read_journal(self, base: _Header, rows: dict[tuple[str, str], bytes], problems: list[str]) -> None:
        with (self._folder / "journal").open("rb") as file:
            header, found = self._opened(file)
            if header.generation != base.generation:
                return  # of the time before this base: all of it is in there
            opener = self._opener(header, problems)
            for payload in found:
                opener.take(_decoded(payload, file), rows)
        opener.tell()

    def _opened(self, file: BinaryIO) -> tuple[_Header, Iterator[bytes]]:
        found = frames.read(file)
        try:
            header = msgspec.msgpack.decode(next(found, b""), type=_Header)
        except msgspec.DecodeError as error:
            raise DamagedError("its head cannot be read", 0) from error
        if header.format != FORMAT:
            raise DamagedError(f"it has format {header.format}, this version reads {FORMAT}; the head", 0)
        if header.gateway != self._gateway:
            raise DamagedError(f"it is of the gateway {header.gateway}, not {self._gateway}; the head", 0)
        return header, found

    def _opener(self, header: _Header, problems: list[str]) -> _Opener:
        sealer = self._seal.sealer(header.salt) if self._seal and header.sealed == self._seal.mark else None
        return _Opener(header.types, self._private, sealer, problems)

    def _set_aside(self, name: str, why: Exception) -> str:
        """Keep the damaged file under another name, so that it is neither read again nor lost."""
        target = self._folder / f"{name}.damaged"
        with contextlib.suppress(OSError):
            for number in range(_SET_ASIDE - 1, 0, -1):
                older = target.with_suffix(f".damaged.{number - 1}") if number > 1 else target
                if older.exists():
                    older.replace(target.with_suffix(f".damaged.{number}"))
            (self._folder / name).replace(target)
        used = "nothing of it is used" if name == "base" else "what was whole before that is used"
        return f"{self._folder / name} is damaged ({why}) and set aside as {target.name}; {used}"

    # ---------------------------------------------------------------- writing

    def write_base(self, rows: Iterable[tuple[str, str, bytes]]) -> None:
        """All rows, in place of what was there; a new journal begins. Raises OSError, and the old files stay."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.close()
        header = self._header()
        fresh = self._folder / "base.new"
        try:
            with _created(fresh) as file:
                writer = frames.Writer(file)
                writer.write(msgspec.msgpack.encode(header))
                number = 0
                for piece in self._pieces(rows):
                    writer.write(msgspec.msgpack.encode(piece))
                    number += len(piece)
                writer.write(msgspec.msgpack.encode(number))
                _flush(file)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        fresh.replace(self._folder / "base")
        self.base_bytes = writer.size
        self._begin_journal(header)
        _flush_folder(self._folder)

    def _begin_journal(self, header: _Header) -> None:
        fresh = self._folder / "journal.new"
        self._file = _created(fresh)
        try:
            self._journal = frames.Writer(self._file)
            self._journal.write(msgspec.msgpack.encode(header))
            _flush(self._file)
            fresh.replace(self._folder / "journal")
        except BaseException:
            self.close()
            raise

    def append(self, changes: Iterable[Change]) -> None:
        """One revision, or several in one. Raises OSError; then the journal has to be begun again by `write_base`."""
        assert self._file is not None
        assert self._journal is not None
        records = [self._record(*change) for change in changes if self._kept(*change[:2])]
        try:
            self._journal.write(msgspec.msgpack.encode(records))
            _flush(self._file)
        except OSError:
            self.close()
            raise

    @property
    def open(self) -> bool:
        """Whether there is a journal that can be appended to."""
        return self._file is not None

    def close(self) -> None:
        """Nothing can be appended any more."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        self._file = self._journal = None

    def _header(self) -> _Header:
        salt = os.urandom(32)
        self._sealer = self._seal.sealer(salt) if self._seal else None
        mark = self._seal.mark if self._seal else ""
        return _Header(FORMAT, self._gateway, os.urandom(8).hex(), salt, mark, list(self._types))

    def _pieces(self, rows: Iterable[tuple[str, str, bytes]]) -> Iterator[list[Any]]:
        piece: list[Any] = []
        for row in rows:
            if self._kept(*row[:2]):
                piece.append(self._record(*row))
            if len(piece) == _ROWS_AT_ONCE:
                yield piece
                piece = []
        if piece:
            yield piece

    def _kept(self, type_: str, name: str) -> bool:
        return self._sealer is not None or not self._private(type_, name)

    def _record(self, type_: str, name: str, body: bytes | None) -> tuple[int, str, bytes | None]:
        if body is not None and self._private(type_, name):
            assert self._sealer is not None
            body = self._sealer.seal(f"{type_} {name}", body)
        return self._types.index(type_), name, body


class _Opener:
    """Records to rows; what is sealed and cannot be opened is left out, counted, and told once."""

    def __init__(self, types: list[str], private: Private, sealer: Sealer | None, problems: list[str]) -> None:
        self._types, self._private, self._sealer, self._problems = types, private, sealer, problems
        self.lost = 0

    def take(self, records: list[tuple[int, str, bytes | None]], rows: dict[tuple[str, str], bytes]) -> None:
        for number, name, body in records:
            type_ = self._types[number]
            if body is None:
                rows.pop((type_, name), None)
                continue
            if self._private(type_, name):
                try:
                    body = self._open(type_, name, body)
                except SealError:
                    self.lost += 1
                    rows.pop((type_, name), None)
                    continue
            rows[type_, name] = body

    def _open(self, type_: str, name: str, body: bytes) -> bytes:
        if self._sealer is None:
            raise SealError("no key, or another one")
        return self._sealer.open(f"{type_} {name}", body)

    def tell(self) -> None:
        if self.lost:
            self._problems.append(
                f"{self.lost} private keys on disk were sealed with another key than that in node.seal_key_file "
                "and are left out until the control plane sends them again"
            )


_RECORDS = msgspec.msgpack.Decoder(int | list[tuple[int, str, bytes | None]])


def _decoded(payload: bytes, file: BinaryIO) -> Any:
    try:
        return _RECORDS.decode(payload)
    except msgspec.DecodeError as error:
        raise DamagedError("a frame cannot be read", file.tell()) from error


def _created(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
