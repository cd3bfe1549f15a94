"""Bundles of authorities: one for all that are believed in one place, on the data planes where that is.

```
believed      over backends: what each is checked against, on each data plane where it is             Derived
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
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.upstream import TrustBundle
from sealos_gateway.resources.meta import Origin
from sealos_gateway.tables.backends import BackendTables
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
    believed: Derived[BackendKey, tuple[Believed, ...]] = Derived(
        graph, "believed", lambda key, read: _believed(key, read, backends), backends.backends
    )
    # Counted: thousands of backends may believe one list, and each that comes or goes must cost the same.
    several: tuple[Rows[Any, Any], ...] = (*believers, believed)
    count: Count[Believed] = Count(graph, "believing", _believing, *several)
    where: Derived[Believed, Believed] = Derived(graph, "believed_places", lambda key, _: key, count)
    in_use: Index[Bundle, Believed] = Index(graph, "bundles_in_use", lambda it: (it[0],), where)

    def planes_of(key: Bundle, read: Read) -> frozenset[str]:
        return frozenset(plane for _, plane in read(in_use, key) or ())

    bundles: Derived[Bundle, TrustBundle] = Derived(
        graph, "bundles", lambda key, read: trust.bundle(key, read, authorities), in_use
    )
    return TrustTables(bundles, Derived(graph, "bundle_planes", planes_of, in_use))


def _believed(key: BackendKey, read: Read, backends: BackendTables) -> tuple[Believed, ...] | None:
    """What a backend is checked against, on each data plane where it is."""
    row = read(backends.backends, key)
    if row is None or row.tls is None or not row.tls.authorities or not read(backends.in_use, key):
        return None
    return tuple((row.tls.authorities, plane) for plane in sorted(backends.planes.of(key)))  # it follows in_use


def _believing(row: IngressPolicy | GatewayListener | tuple[Believed, ...]) -> Iterable[Believed]:
    """Each list of authorities that something is checked against, and where."""
    if isinstance(row, tuple):
        return row
    if isinstance(row, IngressPolicy):
        return (((origin,), OWN) for origin in row.authorities)
    chains = (*row.chains, *(stream.tls for stream in row.streams if stream.tls is not None))
    plane = places.plane_of(row.place)
    return ((chain.authorities, plane) for chain in chains if chain.authorities)
