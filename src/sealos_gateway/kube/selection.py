"""Only the namespaces that are selected by label: a sink in front of the inbox. No I/O.

Every object is kept, whether its namespace is selected or not, so that a namespace that gains the label needs no
listing of its own (which would race with the watches), and a change of label costs what is in that namespace. For a
few namespaces in a large cluster, name them instead (`sync.Scope.names`): then the others are not even transferred.
"""

from __future__ import annotations

from sealos_gateway.kube.inbox import Sink
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref, Resource


class Selection:
    """Passes on what lies in selected namespaces, and follows when the set of these changes."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._selected: set[str] = set()
        self._held: dict[str, dict[tuple[Kind, Ref], Resource]] = {}

    def select(self, namespace: str) -> None:
        if namespace not in self._selected:
            self._selected.add(namespace)
            for (kind, ref), resource in self._held.get(namespace, {}).items():
                self._sink.put(kind, ref, resource)

    def deselect(self, namespace: str) -> None:
        if namespace in self._selected:
            self._selected.discard(namespace)
            for kind, ref in self._held.get(namespace, {}):
                self._sink.drop(kind, ref)

    def put(self, kind: Kind, ref: Ref, resource: Resource) -> None:
        self._held.setdefault(ref.namespace, {})[(kind, ref)] = resource
        if ref.namespace in self._selected:
            self._sink.put(kind, ref, resource)

    def drop(self, kind: Kind, ref: Ref) -> None:
        held = self._held.get(ref.namespace, {})
        held.pop((kind, ref), None)
        if not held:
            self._held.pop(ref.namespace, None)
        if ref.namespace in self._selected:
            self._sink.drop(kind, ref)


class Namespaces:
    """The sink of a watch on the selected Namespaces."""

    def __init__(self, selection: Selection, sink: Sink, wanted: bool) -> None:
        self._selection = selection
        self._sink = sink
        self._wanted = wanted  # whether the objects themselves are of interest

    def put(self, kind: Kind, ref: Ref, resource: Resource) -> None:
        self._selection.select(ref.name)
        if self._wanted:
            self._sink.put(kind, ref, resource)

    def drop(self, kind: Kind, ref: Ref) -> None:
        self._selection.deselect(ref.name)
        if self._wanted:
            self._sink.drop(kind, ref)
