"""What a change costs, counted: rows computed over all tables, and resources that an Envoy would get to hear of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sealos_gateway.envoy import names
from sealos_gateway.live import Derived
from sealos_gateway.pipeline import Pipeline

#: Its name, what it does, and how many resources of each type are then others.
Change = tuple[str, Callable[[Pipeline], object], dict[str, int]]


class Cost(NamedTuple):
    computed: int
    pushed: dict[str, int]


def cost(made: Pipeline, change: Callable[[Pipeline], object]) -> Cost:
    derived = [table for table in made.graph.tables if isinstance(table, Derived)]
    before, revision = sum(table.computed for table in derived), made.snapshot.revision
    change(made)
    pushed = {names.SHORT[type_]: sum(1 for _ in made.snapshot.since(type_, revision)) for type_ in names.ORDER}
    return Cost(sum(table.computed for table in derived) - before, {name: n for name, n in pushed.items() if n})


def alike(worlds: Iterable[Pipeline], changes: Iterable[Change], most: int) -> None:
    """Each change costs the same in every one of the worlds, however large: `most` rows, and what it says itself."""
    changes = list(changes)
    first, *others = [{name: cost(made, change) for name, change, _ in changes} for made in worlds]
    assert others
    assert all(first == other for other in others), (first, others)
    assert {name: found.pushed for name, found in first.items()} == {name: pushed for name, _, pushed in changes}
    assert all(found.computed <= most for found in first.values()), first
