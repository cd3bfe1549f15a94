"""Whatever happens to the tables, in any order and however often they settle: the rows are as if made from scratch.

The graph has every connection that the pipeline has: a derivation over a table, over an index, over an index of a
derivation, reads of rows that may not exist, an index of two sources, and a row that raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from sealos_gateway import live
from sealos_gateway.live import Count, Derived, Graph, Index, Read, Table

KEYS = "abcd"
BAD = 9


@pytest.fixture(autouse=True, scope="module", params=[64, 4], ids=["groups are made anew", "groups change in place"])
def large(request: pytest.FixtureRequest) -> Iterator[None]:
    """From how many members on a group is changed in place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "_LARGE", request.param)
        yield


class Row(NamedTuple):
    links: tuple[str, ...]
    number: int


class World:
    def __init__(self, may_fail: bool = True) -> None:
        self.may_fail = may_fail
        self.graph = Graph()
        self.rows: Table[str, Row] = Table(self.graph, "rows")
        self.weights: Table[str, int] = Table(self.graph, "weights")
        self.linked: Index[str, str] = Index(self.graph, "linked", lambda row: row.links, self.rows)
        self.counted: Count[str] = Count(self.graph, "counted", lambda row: row.links, self.rows)
        self.members: Derived[str, int] = Derived(
            self.graph, "members", lambda key, read: read(self.counted, key), self.linked
        )
        self.sums: Derived[str, int] = Derived(self.graph, "sums", self.sum, self.rows)
        self.totals: Derived[str, int] = Derived(self.graph, "totals", self.total, self.linked)
        self.by_size: Index[int, str] = Index(
            self.graph, "by_size", lambda value: (value % 3,), self.sums, self.totals_as_other_keys()
        )
        self.sizes: Derived[int, tuple[str, ...]] = Derived(self.graph, "sizes", self.size, self.by_size)

    def totals_as_other_keys(self) -> Derived[str, int]:
        """A copy under keys that do not collide with those of `sums`."""
        upper: Index[str, str] = Index(self.graph, "upper", lambda row: (row.links or ("z",))[0].upper(), self.rows)
        return Derived(self.graph, "loud", lambda key, read: read(self.totals, key.lower()), upper)

    def sum(self, key: str, read: Read) -> int | None:
        row = read(self.rows, key)
        assert row is not None
        if row.number == BAD and self.may_fail:
            raise ValueError("bad row")
        # What is read depends on what was read before: the reads change from one computation to the next.
        weights = [read(self.weights, link) or 0 for link in row.links[: row.number]]
        return sum(weights) or None

    def total(self, key: str, read: Read) -> int:
        members = read(self.linked, key) or frozenset()
        return sum(read(self.sums, member) or 0 for member in members)

    def size(self, key: int, read: Read) -> tuple[str, ...]:
        return tuple(sorted(read(self.by_size, key) or ()))

    def state(self) -> dict[str, dict[Any, Any]]:
        return {table.name: dict(table.rows) for table in self.graph.tables}


rows = st.builds(Row, st.lists(st.sampled_from(KEYS), max_size=3).map(tuple), st.integers(0, 3))
bad_rows = st.builds(Row, st.just(("a",)), st.just(BAD))
Event = tuple[str, Any, Any]
events = st.lists(
    st.one_of(
        st.tuples(st.just("rows"), st.sampled_from(KEYS), st.none() | rows),
        st.tuples(st.just("weights"), st.sampled_from(KEYS), st.none() | st.integers(0, 4)),
        st.tuples(st.just("settle"), st.none(), st.none()),
    ),
    max_size=40,
)
events_with_failures = st.lists(
    st.one_of(
        st.tuples(st.just("rows"), st.sampled_from(KEYS), st.none() | rows | bad_rows),
        st.tuples(st.just("weights"), st.sampled_from(KEYS), st.none() | st.integers(0, 4)),
        st.tuples(st.just("settle"), st.none(), st.none()),
    ),
    max_size=40,
)


def apply(world: World, history: Iterable[Event]) -> None:
    for what, key, value in history:
        if what == "settle":
            world.graph.settle()
        else:
            table: Table[Any, Any] = world.rows if what == "rows" else world.weights
            table.drop(key) if value is None else table.put(key, value)
    world.graph.settle()


def last_values(history: Iterable[Event]) -> list[Event]:
    last = {(what, key): value for what, key, value in history if what != "settle"}
    return [(what, key, value) for (what, key), value in last.items() if value is not None]


@settings(max_examples=150)
@given(events, st.randoms(use_true_random=False))
def test_incremental_is_the_same_as_from_scratch_in_any_order(history: list[Event], random: Any) -> None:
    lived, fresh = World(), World()
    apply(lived, history)
    shuffled = last_values(history)
    random.shuffle(shuffled)
    apply(fresh, shuffled)
    assert lived.state() == fresh.state()


@settings(max_examples=150)
@given(events_with_failures)
def test_reverse_links_are_exactly_the_reads_and_readers_exist(history: list[Event]) -> None:
    world = World()
    apply(world, history)
    back = {
        (table.name, key, reader[0].name, reader[1])
        for table in world.graph.tables
        for key, found in table._readers.items()
        for reader in ((found,) if isinstance(found, tuple) else found)
    }
    derived = [table for table in world.graph.tables if isinstance(table, Derived)]
    forth = {
        (place.name, key, table.name, reader)
        for table in derived
        for reader, reads in table._reads.items()
        for place, key in zip(reads[::2], reads[1::2], strict=True)
    }
    assert back == forth
    for table in derived:
        assert set(table._reads) <= set(table.over.rows)
        assert not table.dirty


@settings(max_examples=150)
@given(events)
def test_a_count_is_the_size_of_the_group(history: list[Event]) -> None:
    world = World()
    apply(world, history)
    assert world.counted.rows == {group: len(members) for group, members in world.linked.rows.items()}
    assert world.members.rows == world.counted.rows


@settings(max_examples=100)
@given(events)
def test_settling_again_or_saying_the_same_again_computes_nothing(history: list[Event]) -> None:
    world = World()
    apply(world, history)
    derived = [table for table in world.graph.tables if isinstance(table, Derived)]
    before = [table.computed for table in derived]
    apply(world, last_values(history))
    assert [table.computed for table in derived] == before


@settings(max_examples=150)
@given(events_with_failures, events)
def test_failing_rows_keep_their_last_good_value_and_all_recover(bad: list[Event], good: list[Event]) -> None:
    world = World()
    apply(world, bad)
    failing = {key for (table, key) in world.graph.failures if table == "sums"}
    assert failing == {key for key, row in world.rows.rows.items() if row.number == BAD}
    repaired = [("rows", key, Row((), 0)) for key in sorted(failing)]
    apply(world, [*repaired, *good])
    assert not world.graph.failures
    fresh = World()
    apply(fresh, last_values([*bad, *repaired, *good]))
    assert world.state() == fresh.state()
