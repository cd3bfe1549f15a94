"""Backends that somebody routes to, and where they are reached.

```
last_good     the backends of routes that an Envoy goes on serving because it refused newer ones      Table
uses          how often each is used on each data plane that is not our own                           Count
in_use        over hosts, listeners of Gateways, last_good: BackendKey → who routes there             Index
backends      over in_use: the cluster;  endpoints: the same keys                                     Derived
tls           over backends: what each is shown and checked against, on each data plane where it is   Derived
```
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sealos_gateway.backend_planes import BackendPlanes, Use
from sealos_gateway.live import Count, Derived, Graph, Index, Read, Rows, Table
from sealos_gateway.model.gateway_listener import GatewayListener
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.traffic import VirtualHost
from sealos_gateway.model.upstream import Backend, EndpointSet
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.tables.ground import Ground
from sealos_gateway.tables.hosts import HostTables
from sealos_gateway.translate import upstreams
from sealos_gateway.translate.gateway_api import places
from sealos_gateway.translate.gateway_api.route_tables import RouteTables
from sealos_gateway.xds.planes import OWN


@dataclass(frozen=True)
class LastGood:
    """The backends of routes that an Envoy goes on serving because it refused newer ones."""

    backends: tuple[BackendKey, ...]
    #: The gateway, or place, of their host.
    gateway: str


@dataclass(frozen=True)
class BackendTls:
    """What a backend is shown, and what its own certificate is checked against, on these data planes."""

    certificate: Ref | None
    authorities: tuple[Origin, ...]
    planes: tuple[str, ...]


@dataclass(frozen=True)
class BackendTables:
    """See the text of this module. `planes` follows `uses` and `in_use`."""

    last_good: Table[str, LastGood]
    in_use: Index[BackendKey, Any]
    planes: BackendPlanes
    backends: Derived[BackendKey, Backend]
    endpoints: Derived[BackendKey, EndpointSet]
    tls: Derived[BackendKey, BackendTls]


def backend_tables(graph: Graph, ground: Ground, hosts: HostTables, routes: RouteTables) -> BackendTables:
    """A cluster and its endpoints for whatever hosts and listeners name."""
    last_good: Table[str, LastGood] = Table(graph, "last_good")
    planes = BackendPlanes()
    placed: tuple[Rows[Any, Any], ...] = (hosts.gateway, routes.listeners, last_good)
    uses: Count[Use] = Count(graph, "uses", _uses, *placed)
    uses.on_change.append(planes.counted)
    holders: tuple[Rows[Any, Any], ...] = (hosts.ingress, last_good)
    in_use: Index[BackendKey, Any] = Index(graph, "backends_in_use", _backends, *holders)
    in_use.also(hosts.gateway)
    in_use.also(routes.listeners)
    in_use.on_change.append(planes.changed)
    world, asked = ground.world, ground.backend_tls.asked
    backends: Derived[BackendKey, Backend] = Derived(
        graph, "backends", lambda key, read: upstreams.backend(key, read, world, asked), in_use
    )
    endpoints: Derived[BackendKey, EndpointSet] = Derived(
        graph, "endpoints", lambda key, read: upstreams.endpoint_set(key, read, world), in_use
    )

    def tls_of(key: BackendKey, read: Read) -> BackendTls | None:
        row = read(backends, key)
        tls = row.tls if row is not None else None
        if tls is None or not (tls.authorities or tls.certificate) or not read(in_use, key):
            return None
        return BackendTls(tls.certificate, tls.authorities, tuple(sorted(planes.of(key))))  # it follows in_use

    tls: Derived[BackendKey, BackendTls] = Derived(graph, "backend_tls_in_use", tls_of, backends)
    return BackendTables(last_good, in_use, planes, backends, endpoints, tls)


def _uses(row: VirtualHost | LastGood | GatewayListener) -> tuple[Use, ...]:
    """Which backends are used on which data plane, where it is not our own."""
    if isinstance(row, GatewayListener):
        plane = places.plane_of(row.place)
    else:
        plane = places.plane_of(row.gateway if isinstance(row, LastGood) else row.key.gateway)
    return tuple((key, plane) for key in _backends(row)) if plane != OWN else ()


def _backends(row: VirtualHost | LastGood | GatewayListener) -> tuple[BackendKey, ...]:
    if isinstance(row, GatewayListener):
        return tuple(key for stream in row.streams for key in stream.backends)
    if isinstance(row, LastGood):
        return row.backends
    unread = (row.client_tls.passthrough,) if row.client_tls and row.client_tls.passthrough else ()
    return (*unread, *row.backends)
