"""Histories of objects: what a pipeline has lived through, and what it must be like in the end."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from random import Random
from typing import Any

from sealos_gateway.live import Index
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.meta import Ref, Resource
from sealos_gateway.settings import Settings
from tests import objects

#: An object to put, or one whose name is to be dropped, and whether to settle after it.
Event = tuple[str, Resource, bool]
#: Tables of what settings ask for: they have rows without any object.
OF_SETTINGS = ("wanted_listeners", "listeners")


def lived(history: Iterable[Event], chosen: Settings) -> Pipeline:
    made = Pipeline(chosen)
    for what, resource, settle in history:
        kind = objects.KINDS[type(resource)]
        if what == "put":
            made.put(kind, resource.ref, resource)
        else:
            made.drop(kind, resource.ref)
        if settle:
            made.settle()
    made.settle()
    _forget_last_good(made)
    return made


def _forget_last_good(made: Pipeline) -> None:
    """What Secrets held before they went bad is the one thing that only a history knows."""
    for ref in list(made.world.last_good_pairs.rows):
        made.world.last_good_pairs.drop(ref)
    made.settle()


def what_is_left(history: Iterable[Event]) -> list[Resource]:
    left: dict[tuple[type[Resource], Ref], Resource] = {}
    for what, resource, _ in history:
        if what == "put":
            left[type(resource), resource.ref] = resource
        else:
            left.pop((type(resource), resource.ref), None)
    return list(left.values())


def as_from_scratch(history: Collection[Event], random: Random, chosen: Settings) -> tuple[Pipeline, Pipeline]:
    """Live through a history, and start with what is left of it in any order: every row of every table is the same.

    Returns both pipelines, the one with the history first.
    """
    made, left = lived(history, chosen), what_is_left(history)
    random.shuffle(left)
    fresh = objects.pipeline(*left, settings=chosen)
    assert not made.graph.failures
    for one, other in zip(made.graph.tables, fresh.graph.tables, strict=True):
        assert _rows(one) == _rows(other), one.name
    assert objects.contents(made) == objects.contents(fresh)
    assert made.problems() == fresh.problems()
    return made, fresh


def _rows(table: Any) -> dict[Any, Any]:
    """A group has no order, and is a tuple or a set by its size."""
    return {key: set(row) for key, row in table.rows.items()} if isinstance(table, Index) else table.rows


def nothing_is_left(history: Collection[Event], chosen: Settings) -> None:
    """Live through a history, then drop what is left of it: nothing remains."""
    made = lived(history, chosen)
    objects.drop(made, *what_is_left(history))
    assert objects.contents(made) == objects.contents(objects.pipeline(settings=chosen))
    for table in made.graph.tables:
        assert table.name in OF_SETTINGS or not table.rows, table.name
    # Who still waits for rows is only the listener, for server names with a filter chain of their own.
    assert {table.name for table in made.graph.tables if table._readers} <= {"side_by_side", "own_tls"}
