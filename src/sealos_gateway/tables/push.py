"""How fast changes may reach Envoy: what classes and Gateways say, and which of them have a say for a backend.

```
classes       over IngressClasses            gateways: over Gateways                                  Derived
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sealos_gateway.live import Derived, Graph, Readable
from sealos_gateway.model.keys import BackendKey, HostKey
from sealos_gateway.resources.meta import Ref
from sealos_gateway.tables.backends import BackendTables
from sealos_gateway.tables.ground import Ground
from sealos_gateway.tables.hosts import HostTables
from sealos_gateway.translate.gateway_api.route_tables import RouteTables
from sealos_gateway.translate.push import Pace, classes, of_class, of_gateway, shortest


@dataclass(frozen=True)
class PushTables:
    """See the text of this module."""

    classes: Derived[Ref, Pace]
    gateways: Derived[Ref, Pace]

    def said(self) -> Iterator[Pace]:
        """What anybody says."""
        yield from self.classes.rows.values()
        yield from self.gateways.rows.values()


def push_tables(graph: Graph, ground: Ground) -> PushTables:
    """What annotations of classes and Gateways say."""
    world, gateways = ground.world, ground.gateway_api.world
    return PushTables(
        Derived(graph, "class_push", lambda ref, read: of_class(ref, read, world), world.ingress_classes),
        Derived(graph, "gateway_push", lambda ref, read: of_gateway(ref, read, gateways), gateways.gateways),
    )


@dataclass(frozen=True)
class EndpointsTtl:
    """How long endpoints that were sent stay as they are, backend by backend."""

    default: float
    push: PushTables
    ground: Ground
    hosts: HostTables
    routes: RouteTables
    backends: BackendTables

    def __call__(self) -> Callable[[BackendKey], float]:
        """Seconds, for a backend. Asked for when a backend is published, so no row has to remember it."""
        if all(row.ttl is None for row in self.push.said()):
            return lambda _key: self.default
        return lambda key: shortest(self._said(key), self.default)

    def _said(self, key: BackendKey) -> Iterator[Pace | None]:
        for holder in self.backends.in_use.get(key) or ():
            if isinstance(holder, HostKey):
                yield from self._of_classes(key, holder)
            elif (place := self.routes.place_of(holder)) is not None:
                yield from (self.push.gateways.get(gateway) for gateway in self.routes.gateways_at(place))

    def _of_classes(self, key: BackendKey, holder: HostKey) -> Iterator[Pace | None]:
        host = self.hosts.ingress.get(holder)
        for route in host.routes if host else ():
            if key in route.backends:
                yield from classes(route.origin, _get, self.ground.world, self.push.classes)


def _get(table: Readable[Any, Any], key: Any, /) -> Any:
    return table.get(key)
