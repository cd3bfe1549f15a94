"""Live tables: recompute only what a change can reach.

Nothing of ours is imported here, no I/O, no clock, no `async`. Five classes, one rule:

* `Table` holds what the outside world says, one row per key.
* `Index` groups the rows of tables under other keys.
* `Count` says only how many rows are in each group.
* `Derived` holds the result of a pure function, one row per key of another table or index.
* `Graph` settles them all in one pass.

A derived row learns about other rows only through `read(table, key)`, and each read is remembered, so a changed row
knows exactly whom to wake; nobody writes back-links by hand. A result equal to the old one wakes nobody. A table may
read only tables made before it (checked), so the order of creation is a topological order and one forward pass
settles everything. One thread, no locks.

One member more costs an `Index` and a `Count` the same in a group of two and in one of thousands. Where O(1) ends: who
reads the members of a group looks at all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
G = TypeVar("G", bound=Hashable)
K1 = TypeVar("K1", bound=Hashable)
V1 = TypeVar("V1")
K_contra = TypeVar("K_contra", bound=Hashable, contravariant=True)
V_co = TypeVar("V_co", covariant=True)

Reader = tuple["Derived[Any, Any]", Hashable]
OnChange = Callable[[Any, Any], None]


class Readable(Protocol[K_contra, V_co]):
    """A table as seen by who reads it; a protocol, so that a table of some type is also one of a wider type."""

    def get(self, key: K_contra, /) -> V_co | None: ...


class Read(Protocol):
    """How a pure function sees other rows: `read(table, key)` gives the row or None, and is remembered."""

    def __call__(self, table: Readable[K1, V1], key: K1, /) -> V1 | None: ...


class DerivationError(Exception):
    """A derivation broke the law of the tables: it read one that was made after its own."""


class Rows(Generic[K, V]):
    """What tables, indexes and derivations have in common: rows, and who depends on them."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.name = name
        self.graph = graph
        self.rows: dict[K, V] = {}
        self.on_change: list[OnChange] = []
        self.place = len(graph.tables)
        #: See `beside`.
        self.main: Rows[K, Any] | None = None
        self._followers: list[_Follower] = []
        # One reader is by far the commonest case: it is stored bare, which saves a dict per row.
        self._readers: dict[K, Reader | dict[Reader, None]] = {}
        graph.tables.append(self)

    def get(self, key: K, /) -> V | None:
        """The row, without remembering who asked (for sinks and for people, never inside a derivation)."""
        return self.rows.get(key)

    def __len__(self) -> int:
        return len(self.rows)

    def beside(self, main: Rows[K, Any]) -> None:
        """Rows about the same objects as those of `main`, few where that has many: who reads one here counts as a
        reader of that one, and is woken by both. So nobody pays for looking where most find nothing."""
        self.main = main

    def _store(self, key: K, value: V | None) -> bool:
        old = self.rows.get(key)
        if old is value or old == value:
            return False
        if value is None:
            del self.rows[key]
        else:
            self.rows[key] = value
        self._changed(key, old, value)
        return True

    def _changed(self, key: K, old: V | None, value: V | None) -> None:
        """Tell everybody who depends on a row that it is different."""
        for follower in self._followers:
            follower.source_changed(key, old, value)
        self._wake(key)
        if self.main is not None:
            self.main._wake_later(key, self.place)
        for call in self.on_change:
            call(key, value)

    def _wake(self, key: K) -> None:
        readers = self._readers.get(key)
        if readers is None:
            return
        for table, their_key in (readers,) if isinstance(readers, tuple) else readers:
            table.dirty[their_key] = None

    def _wake_later(self, key: K, place: int) -> None:
        """Wake who was made after `place`: nobody else can have read what stands there."""
        readers = self._readers.get(key, {})
        for table, their_key in (readers,) if isinstance(readers, tuple) else readers:
            if table.place > place:
                table.dirty[their_key] = None
        for follower in self._followers:
            if isinstance(follower, Derived) and follower.place > place:
                follower.dirty[key] = None

    def _add_reader(self, key: K, reader: Reader) -> None:
        present = self._readers.setdefault(key, reader)
        if present is reader:
            return
        if isinstance(present, tuple):
            self._readers[key] = {present: None, reader: None}
        else:
            present[reader] = None

    def _drop_reader(self, key: K, reader: Reader) -> None:
        present = self._readers[key]
        if isinstance(present, tuple):
            del self._readers[key]
            return
        del present[reader]
        if len(present) == 1:
            self._readers[key] = next(iter(present))

    def settle(self) -> Iterator[None]:
        """Bring the rows up to date; yields once per row so that the caller can breathe between them."""
        yield from ()


class _Follower(Protocol):
    def source_changed(self, key: Any, old: Any, new: Any, /) -> None: ...


class Table(Rows[K, V]):
    """Rows set from outside: Kubernetes objects, files, settings."""

    def put(self, key: K, value: V) -> bool:
        """Store a row; an equal one changes nothing. Returns whether anything changed."""
        return self._store(key, value)

    def drop(self, key: K) -> bool:
        """Remove a row; returns whether there was one."""
        return self._store(key, None)


#: From so many members on, a group is changed in place.
_LARGE = 64


class Index(Rows[G, Collection[K]]):
    """Row keys of the sources, grouped: {group: the row keys}. Keys must be unique over all sources.

    A group of one is a tuple, a larger one a frozenset: most groups have one member, and an empty-ish set is large. A
    very large one is a set that changes in place, so a group is to be looked at, never kept, and no index is over one.
    """

    def __init__(self, graph: Graph, name: str, groups: Callable[[V], Iterable[G]], *sources: Rows[K, V]) -> None:
        super().__init__(graph, name)
        self._groups = groups
        #: Who came into a group (True) and who left it (False) since the rows were settled.
        self._moved: dict[G, dict[K, bool]] = {}
        for source in sources:
            source._followers.append(self)

    def also(self, source: Rows[Any, Any]) -> None:
        """Group the rows of one more table, whose keys may be keys of the others too: as members they are
        `(name of the table, key)`. Before anything is put into it."""
        source._followers.append(_Tagged(self, source.name))

    def source_changed(self, key: Any, old: Any, new: Any, /) -> None:
        before = set(self._groups(old)) if old is not None else set()
        after = set(self._groups(new)) if new is not None else set()
        for group in before - after:
            self._moved.setdefault(group, {})[key] = False
        for group in after - before:
            self._moved.setdefault(group, {})[key] = True

    def settle(self) -> Iterator[None]:
        moved, self._moved = self._moved, {}
        for group, changes in moved.items():
            present = self.rows.get(group, ())
            real = {key: stays for key, stays in changes.items() if stays is not (key in present)}
            if isinstance(present, set):
                self._change(group, present, real)
            elif real:
                members = {*present, *real}.difference(key for key, stays in real.items() if not stays)
                self._store(group, _collection(members))
            yield

    def _change(self, group: G, members: set[K], changes: dict[K, bool]) -> None:
        """A large group, in place."""
        for key, stays in changes.items():
            if stays:
                members.add(key)
            else:
                members.discard(key)
        if changes:
            if len(members) < _LARGE // 2:
                self._shrink(group, members)
            self._changed(group, members, self.rows.get(group))

    def _shrink(self, group: G, members: set[K]) -> None:
        if (small := _collection(members)) is None:
            del self.rows[group]
        else:
            self.rows[group] = small


def _collection(members: set[K]) -> Collection[K] | None:
    """As small as it can be; nobody is no row."""
    if len(members) >= _LARGE:
        return members
    return (tuple(members) if len(members) == 1 else frozenset(members)) or None


class Count(Rows[G, int]):
    """How many rows of the sources are in each group; a group without any has no row."""

    def __init__(self, graph: Graph, name: str, groups: Callable[[V], Iterable[G]], *sources: Rows[Any, V]) -> None:
        super().__init__(graph, name)
        self._groups = groups
        self._moved: dict[G, int] = {}
        for source in sources:
            source._followers.append(self)

    def source_changed(self, _key: Any, old: Any, new: Any, /) -> None:
        before = set(self._groups(old)) if old is not None else set()
        after = set(self._groups(new)) if new is not None else set()
        for group in before - after:
            self._moved[group] = self._moved.get(group, 0) - 1
        for group in after - before:
            self._moved[group] = self._moved.get(group, 0) + 1

    def settle(self) -> Iterator[None]:
        moved, self._moved = self._moved, {}
        for group, change in moved.items():
            self._store(group, self.rows.get(group, 0) + change or None)
            yield


class _Tagged:
    """Tells an index about a table's changes, with the table's name beside each key."""

    def __init__(self, index: Index[Any, Any], name: str) -> None:
        self._index = index
        self._name = name

    def source_changed(self, key: Any, old: Any, new: Any, /) -> None:
        self._index.source_changed((self._name, key), old, new)


class Derived(Rows[K, V]):
    """One row per key of `over`, each the result of the pure function `compute(key, read)`; None means no row."""

    def __init__(self, graph: Graph, name: str, compute: Callable[[K, Read], V | None], over: Rows[K, Any]) -> None:
        super().__init__(graph, name)
        self.over = over
        self.dirty: dict[K, None] = {}
        self.computed = 0  # how often compute ran: the O(1) tests count this
        self._compute = compute
        self._seen: dict[tuple[Rows[Any, Any], Any], None] = {}
        # Flat (table, key, table, key, …) tuples: half the memory of sets of pairs at 100,000 rows.
        self._reads: dict[K, tuple[Any, ...]] = {}
        over._followers.append(self)

    def source_changed(self, key: K, _old: Any, _new: Any, /) -> None:
        self.dirty[key] = None

    def settle(self) -> Iterator[None]:
        while self.dirty:
            dirty, self.dirty = self.dirty, {}
            for key in dirty:
                self._recompute(key)
                yield

    def _recompute(self, key: K) -> None:
        failures = self.graph.failures
        if key not in self.over.rows:
            self._remember(key, {})
            failures.pop((self.name, key), None)
            self._store(key, None)
            return
        seen: dict[tuple[Rows[Any, Any], Any], None] = {}
        self._seen = seen
        self.computed += 1
        try:
            value = self._compute(key, self._read)
        except Exception as error:  # a bug in one row must not stop the others: keep its last good value
            failures[(self.name, key)] = error
            self._remember(key, seen)
            return
        if failures:
            failures.pop((self.name, key), None)
        self._remember(key, seen)
        self._store(key, value)

    def _read(self, table: Any, their_key: Any, /) -> Any:
        if table.place >= self.place:
            raise DerivationError(f"{self.name} may not read {table.name}: it was made later")
        self._seen[(table if table.main is None else table.main, their_key)] = None
        return table.rows.get(their_key)

    def _remember(self, key: K, seen: dict[tuple[Rows[Any, Any], Any], None]) -> None:
        """Exchange the recorded reads of a row. Its own row in `over` wakes it anyway and is not recorded."""
        seen.pop((self.over, key), None)
        after = tuple(chain.from_iterable(seen))
        before = self._reads.pop(key, ())
        if after:
            self._reads[key] = after
        if before == after:
            return
        reader: Reader = (self, key)
        had = dict.fromkeys(zip(before[::2], before[1::2], strict=True))
        for place in had:
            if place not in seen:
                place[0]._drop_reader(place[1], reader)
        for place in seen:
            if place not in had:
                place[0]._add_reader(place[1], reader)


class Graph:
    """All tables in the order in which they settle."""

    def __init__(self) -> None:
        self.tables: list[Rows[Any, Any]] = []
        self.failures: dict[tuple[str, Any], Exception] = {}

    def settle(self) -> None:
        """Bring every row up to date: one pass in the order of creation."""
        for _ in self.steps():
            pass

    def steps(self) -> Iterator[None]:
        """As `settle`, in steps of one row, for a caller that must let others run in between."""
        for table in self.tables:
            yield from table.settle()
