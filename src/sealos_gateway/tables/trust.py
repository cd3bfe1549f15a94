"""Bundles of authorities: one for all that are believed in one place, on the data planes where that is.

```
believing     how many believe the same there: policies, listeners of Gateways, backends               Count
bundles       over what is believed: the certificates, joined                                          Derived
planes        the same keys: the data planes that need them                                            Derived
```
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sealos_gateway.live import Count, Derived, Graph, Index, Read, Rows
from sealos_gateway.model.gateway_listener import GatewayListener
from sealos_gateway.model.upstream import TrustBundle
from sealos_gateway.resources.meta import Origin
from sealos_gateway.tables.backends import BackendTables, BackendTls
from sealos_gateway.translate import trust
from sealos_gateway.translate.annotations.policies import IngressPolicy
from sealos_gateway.translate.gateway_api import places
from sealos_gateway.xds.planes import OWN

#: Authorities that are believed together, of which any will do; and a data plane where that is.
Bundle = tuple[Origin, ...]
Believed = tuple[Bundle, str]


@dataclass(frozen=True)
class TrustTables:
    """See the text of this module."""

    bundles: Derived[Bundle, TrustBundle]
    planes: Derived[Bundle, frozenset[str]]


def trust_tables(
    graph: Graph,
    authorities: Rows[Origin, trust.Loaded],
    backends: BackendTables,
    *believers: Rows[Any, Any],
) -> TrustTables:
    """Bundles of `authorities` for backends, and for `believers`: policies of Ingresses, listeners of Gateways."""
    # Counted: thousands of backends may believe one list, and each that comes or goes must cost the same.
    several: tuple[Rows[Any, Any], ...] = (*believers, backends.tls)
    count: Count[Believed] = Count(graph, "believing", _believing, *several)
    where: Derived[Believed, Believed] = Derived(graph, "believed_places", lambda key, _: key, count)
    in_use: Index[Bundle, Believed] = Index(graph, "bundles_in_use", lambda it: (it[0],), where)

    def planes_of(key: Bundle, read: Read) -> frozenset[str]:
        return frozenset(plane for _, plane in read(in_use, key) or ())

    bundles: Derived[Bundle, TrustBundle] = Derived(
        graph, "bundles", lambda key, read: trust.bundle(key, read, authorities), in_use
    )
    return TrustTables(bundles, Derived(graph, "bundle_planes", planes_of, in_use))


def _believing(row: IngressPolicy | GatewayListener | BackendTls) -> Iterable[Believed]:
    """Each list of authorities that something is checked against, and where."""
    if isinstance(row, BackendTls):
        return ((row.authorities, plane) for plane in row.planes) if row.authorities else ()
    if isinstance(row, IngressPolicy):
        return (((origin,), OWN) for origin in row.authorities)
    plane = places.plane_of(row.place)
    return ((chain.authorities, plane) for chain in row.every_chain if chain.authorities)
