"""Key pairs that are resources besides the certificates of Ingresses: under the name of their Secret what backends are
shown, and clients of hostnames of Gateways with a filter chain of their own; under a server name what clients of the
others are shown.

```
showing       how many show a pair on one data plane: policies, listeners of Gateways, backends       Count
pairs         over what is shown: the key pair                                                        Derived
planes        the same keys: the data planes of whoever shows it                                      Derived
served        over server names of data planes of Gateways: the key pair                              Derived
```
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sealos_gateway.live import Count, Derived, Graph, Index, Read, Rows
from sealos_gateway.model.gateway_listener import GatewayListener
from sealos_gateway.model.upstream import KeyPair
from sealos_gateway.resources.meta import Ref
from sealos_gateway.tables.backends import BackendTables, BackendTls
from sealos_gateway.translate import certificates
from sealos_gateway.translate.annotations.policies import IngressPolicy
from sealos_gateway.translate.gateway_api import places
from sealos_gateway.translate.gateway_api.route_tables import RouteTables
from sealos_gateway.translate.gateway_api.tls_hosts import Name
from sealos_gateway.xds.planes import OWN

#: A key pair that is shown to somebody, and a data plane where that is.
Shown = tuple[Ref, str]


@dataclass(frozen=True)
class KeyPairTables:
    """See the text of this module."""

    pairs: Derived[Ref, KeyPair]
    planes: Derived[Ref, frozenset[str]]
    served: Derived[Name, KeyPair]


def key_pair_tables(
    graph: Graph,
    loaded: Rows[Ref, certificates.Loaded],
    policies: Rows[Ref, IngressPolicy],
    routes: RouteTables,
    backends: BackendTables,
) -> KeyPairTables:
    """Of the pairs that were `loaded`, those that somebody shows, where that is."""
    # Counted: thousands of backends may be shown the certificate of one Gateway, and each that comes or goes must cost
    # the same.
    several: tuple[Rows[Any, Any], ...] = (policies, routes.listeners, backends.tls)
    count: Count[Shown] = Count(graph, "showing", _showing, *several)
    where: Derived[Shown, Shown] = Derived(graph, "shown_places", lambda key, _: key, count)
    shown: Index[Ref, Shown] = Index(graph, "shown_pairs", lambda it: (it[0],), where)

    def pair(ref: Ref | None, read: Read) -> KeyPair | None:
        row = read(loaded, ref) if ref is not None else None
        return row.pair if row else None

    def planes(ref: Ref, read: Read) -> frozenset[str]:
        return frozenset(plane for _, plane in read(shown, ref) or ())

    secrets = routes.tls.secrets
    return KeyPairTables(
        Derived(graph, "client_pairs", pair, shown),
        Derived(graph, "pair_planes", planes, shown),
        Derived(graph, "served_pairs", lambda name, read: pair(read(secrets, name), read), secrets),
    )


def _showing(row: IngressPolicy | GatewayListener | BackendTls) -> Iterable[Shown]:
    """Each pair that is shown under the name of its Secret, and where."""
    if isinstance(row, BackendTls):
        return ((row.certificate, plane) for plane in row.planes) if row.certificate is not None else ()
    if isinstance(row, IngressPolicy):
        return ((ref, OWN) for ref in row.client_pairs)
    plane = places.plane_of(row.place)
    return ((ref, plane) for chain in row.every_chain for ref in chain.certificates)
