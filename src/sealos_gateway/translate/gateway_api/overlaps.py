"""Which listeners with TLS may answer for a server name that is another's, too, in other objects of the same Gateway.

A wildcard overlaps with every name below it on its port. Listeners of one object see each other; those of the Gateway
and of its ListenerSets are counted by pattern here, so one more wakes only who begins, or ceases, to overlap with it.

Source: Gateway API, `ListenerConditionOverlappingTLSConfig`, whose hostnames a controller must look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from sealos_gateway.live import Count, Derived, Graph, Read, Rows
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate.gateway_api import hostnames
from sealos_gateway.translate.gateway_api.listeners import ListenerRow

Judged = tuple[ListenerRow, ...]


class _Key(NamedTuple):
    """A wildcard on a port of a Gateway: who has just that as hostname, or (`below`) a name that it takes."""

    gateway: Ref
    port: int
    pattern: str
    below: bool


class Overlaps:
    """Over the listeners of Gateways and of ListenerSets."""

    def __init__(self, graph: Graph, *judged: Rows[Ref, Judged]) -> None:
        count: Count[_Key] = Count(graph, "overlaps_counted", _keys, *judged)
        self._present: Derived[_Key, bool] = Derived(graph, "overlaps_present", lambda _key, _read: True, count)
        self._several: Derived[_Key, bool] = Derived(
            graph, "overlaps_several", lambda key, read: (read(count, key) or 0) > 1 or None, count
        )

    def elsewhere(self, rows: Judged, read: Read) -> Callable[[ListenerRow], bool]:
        """Whether a listener of this object overlaps with one of another."""
        own = _keys(rows)

        def others(key: _Key) -> bool:
            return bool(read(self._several, key) or (key not in own and read(self._present, key)))

        return lambda row: any(others(key) for key in _rivals(row))


def _keys(rows: Judged) -> set[_Key]:
    """Each object counts once, however many of its listeners stand there."""
    return {key for row in rows if row.mode and row.accepted for key in _claims(row)}


def _claims(row: ListenerRow) -> Iterator[_Key]:
    name = row.hostname or hostnames.ANY
    if name.startswith("*"):
        yield _Key(row.gateway, row.port, name, below=False)
    for pattern in hostnames.above(name):
        if pattern.startswith("*"):
            yield _Key(row.gateway, row.port, pattern, below=True)


def _rivals(row: ListenerRow) -> Iterator[_Key]:
    """Where those stand that overlap with it: below it, or with a wildcard above it."""
    name = row.hostname or hostnames.ANY
    if name.startswith("*"):
        yield _Key(row.gateway, row.port, name, below=True)
    for pattern in hostnames.above(name):
        if pattern.startswith("*") and pattern != name:
            yield _Key(row.gateway, row.port, pattern, below=False)
