"""Every resource there is, as bytes, in order of change.

Sinks `put`, `touch` and `drop` rows; nothing is visible before `commit`, which gives all of them one revision. A type's
rows are an ordered dict with the newest last, so "what changed after revision r" is a walk from the end: no log, and
nothing is ever compared as a whole. A touched row is rendered when somebody first needs it, so 100,000 hosts that no
client asks for cost neither serialisation nor bytes. Pure: no clock, no I/O; who is connected is not known here.
"""

import enum
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple

import msgspec

from sealos_gateway.xds.placement import Placement

Renderer = Callable[[str], bytes | None]


class Mark(enum.Enum):
    """Why a row has no bytes, other than being removed."""

    PENDING = "not rendered yet"
    FAILED = "the renderer raised"
    WITHHELD = "rejected or failed, and there is no earlier state to serve"


PENDING: Literal[Mark.PENDING] = Mark.PENDING


class Good(NamedTuple):
    """An earlier state of a row, to be served again if the newer one proves bad."""

    version: str
    body: bytes
    accepted: bool


class Row(msgspec.Struct, frozen=True, gc=False):
    """One resource; a body of None is a tombstone."""

    revision: int
    version: str = ""
    body: bytes | Mark | None = None
    lazy: bool = False
    fallback: Good | None = None
    accepted: bool = False
    rejected: str = ""

    @property
    def alive(self) -> bool:
        """Whether the name exists, as far as is known without rendering it."""
        return self.body is not None


class Snapshot:
    """The committed rows of every type, and the changes waiting for the next commit."""

    def __init__(self, types: tuple[str, ...], renderers: Mapping[str, Renderer] | None = None) -> None:
        self.types = types
        self.revision = 0
        self.errors: dict[tuple[str, str], str] = {}
        self.on_error: Callable[[str, str, str | None], None] | None = None
        self._renderers = dict(renderers or {})
        self._rows: dict[str, dict[str, Row]] = {type_: {} for type_ in types}
        self._staged: dict[str, dict[str, Row]] = {type_: {} for type_ in types}
        self._graves: dict[str, dict[str, int]] = {type_: {} for type_ in types}
        self.placement = Placement(types)

    def put(self, type_: str, name: str, body: bytes, lazy: bool = False) -> None:
        """Set the bytes of a row; equal bytes change nothing."""
        self._stage(type_, name, Row(self.revision + 1, content_version(body), body, lazy))

    def touch(self, type_: str, name: str, lazy: bool = True) -> None:
        """Say that a row changed; its renderer is asked when somebody needs it."""
        if type_ not in self._renderers:
            raise LookupError(f"{type_} has no renderer, so {name!r} cannot be rendered later")
        self._stage(type_, name, Row(self.revision + 1, "", PENDING, lazy))

    def drop(self, type_: str, name: str) -> None:
        """Remove a row; a tombstone stays until it is swept."""
        self.placement.stay(type_, name)
        self._stage(type_, name, Row(self.revision + 1))

    def place(self, type_: str, name: str, planes: frozenset[str]) -> None:
        """Say which data planes see a row; one that is never placed is for the gateway's own nodes (`planes`)."""
        self.placement.place(type_, name, planes)

    def commit(self) -> bool:
        """Publish all changes under the next revision; False when there is nothing new."""
        moved = self.placement.commit(self.revision + 1, self.peek)
        if not moved and not any(self._staged.values()):
            return False
        self.revision += 1
        for type_, name in moved:  # news to whoever sees it now, or no more
            row = self._rows[type_].get(name)
            if row is not None and row.alive and name not in self._staged[type_]:
                self._rows[type_][name] = _changed(self._rows[type_].pop(name), revision=self.revision)
        for type_, staged in self._staged.items():
            for name, row in staged.items():
                self._publish(type_, name, row)
            staged.clear()
        return True

    def since(self, type_: str, cursor: int) -> Iterator[str]:
        """Names changed after `cursor`, newest first. Read it to the end before changing the snapshot."""
        for name, row in reversed(self._rows.get(type_, {}).items()):
            if row.revision <= cursor:
                return
            yield name

    def names(self, type_: str) -> list[str]:
        """Every living name of a type, oldest change first."""
        return [name for name, row in self._rows[type_].items() if row.alive]

    def count(self, type_: str) -> int:
        """How many living names a type has."""
        return len(self._rows[type_]) - len(self._graves[type_])

    def peek(self, type_: str, name: str) -> Row | None:
        """The row as it lies here, unrendered."""
        return self._rows.get(type_, {}).get(name)

    def row(self, type_: str, name: str) -> Row | None:
        """The row to be served: rendered, and the last good state where the newest is bad."""
        row = self.peek(type_, name)
        if row is not None and row.body is PENDING:
            row = self._render(type_, name, row)
        if row is not None and (row.body is Mark.FAILED or (row.rejected and row.rejected == row.version)):
            return _last_good(row)
        return row

    def sweep(self, revision: int) -> None:
        """Forget tombstones that every reader has seen."""
        self.placement.sweep(revision)
        for type_, graves in self._graves.items():
            seen = []
            for name, buried in graves.items():
                if buried > revision:
                    break
                seen.append(name)
            for name in seen:
                del graves[name], self._rows[type_][name]
                self.placement.forget(type_, name)
            self._graves[type_] = graves or {}  # an emptied dict would stay slow to walk

    def accept(self, type_: str, name: str, version: str) -> None:
        """Some client took this version: it is good, and nothing older is needed any more."""
        row = self.peek(type_, name)
        if row is None or row.accepted:
            return
        if row.version == version:
            self._rows[type_][name] = _changed(row, accepted=True, fallback=None, rejected="")
        elif row.fallback is not None and row.fallback.version == version:
            self._rows[type_][name] = _changed(row, fallback=row.fallback._replace(accepted=True))

    def reject(self, type_: str, name: str, version: str) -> None:
        """Some client refused this version: serve the last good one instead.

        A version that any client accepted is not withdrawn: then the refusing client is the odd one, not the row.
        """
        row = self.peek(type_, name)
        if row is None or row.accepted:
            return
        if row.version == version:
            self._rows[type_][name] = _changed(row, rejected=version)
        elif row.fallback is not None and row.fallback.version == version and not row.fallback.accepted:
            # The row was touched meanwhile and may well render to the same bytes again.
            self._rows[type_][name] = _changed(row, fallback=None, rejected=version)

    def _stage(self, type_: str, name: str, row: Row) -> None:
        staged = self._staged[type_]
        if row.body is not PENDING and _same(self._rows[type_].get(name), row):
            staged.pop(name, None)
        else:
            staged[name] = row

    def _publish(self, type_: str, name: str, row: Row) -> None:
        rows, graves = self._rows[type_], self._graves[type_]
        rows[name] = _successor(rows.pop(name, None), row)
        graves.pop(name, None)
        if row.body is None:
            graves[name] = row.revision
        self._report(type_, name, None)

    def _render(self, type_: str, name: str, row: Row) -> Row:
        try:
            body = self._renderers[type_](name)
        except Exception as error:
            # One bad object may not stop the others; the row waits in this state until it is touched again.
            rendered = _changed(row, body=Mark.FAILED)
            self._report(type_, name, f"{type(error).__name__}: {error}")
        else:
            self._report(type_, name, None)
            if body is None:
                rendered = Row(row.revision)
                self._graves[type_][name] = row.revision
            else:
                rendered = _weighed(_changed(row, version=content_version(body), body=body))
        self._rows[type_][name] = rendered
        return rendered

    def _report(self, type_: str, name: str, error: str | None) -> None:
        if error is not None:
            self.errors[type_, name] = error
        elif self.errors.pop((type_, name), None) is None:
            return
        if self.on_error is not None:
            self.on_error(type_, name, error)


def content_version(body: bytes) -> str:
    """A hash of the bytes, so that every replica gives the same version to the same resource."""
    return hashlib.blake2b(body, digest_size=8).hexdigest()


def _changed(row: Row, **fields: object) -> Row:
    return msgspec.structs.replace(row, **fields)


def _same(old: Row | None, new: Row) -> bool:
    if old is None or old.body is None:
        return new.body is None
    return old.body == new.body and old.lazy == new.lazy


def _successor(old: Row | None, new: Row) -> Row:
    """The new row, keeping what the old one proves about it."""
    if old is None or not old.alive or not new.alive:
        return new
    good = old.fallback
    if isinstance(old.body, bytes) and old.rejected != old.version and (old.accepted or good is None):
        good = Good(old.version, old.body, old.accepted)
    rejected = old.rejected if new.body is PENDING else ""
    if good is None and not rejected:
        return new
    return _weighed(_changed(new, fallback=good, rejected=rejected))


def _weighed(row: Row) -> Row:
    """Drop the history that the row's version settles: it is its own fallback, or not the rejected one."""
    if row.body is PENDING:
        return row
    if row.rejected != row.version:
        row = _changed(row, rejected="")
    if row.fallback is not None and row.fallback.version == row.version:
        row = _changed(row, accepted=row.fallback.accepted, fallback=None)
    return row


def _last_good(row: Row) -> Row:
    if row.fallback is None:
        return _changed(row, body=Mark.WITHHELD)
    return _changed(row, version=row.fallback.version, body=row.fallback.body)
