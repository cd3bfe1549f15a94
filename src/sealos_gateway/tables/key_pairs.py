"""Key pairs that are resources under the name of their Secret: what backends are shown, and clients of Gateways.

```
shown         Secret → the policies, Gateways and backends that show it                               Index
pairs         over shown: the key pair                                                                Derived
planes        the same keys: the data planes of whoever shows it                                      Derived
```
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sealos_gateway.live import Derived, Graph, Index, Read, Rows
from sealos_gateway.model.upstream import Backend, KeyPair
from sealos_gateway.resources.meta import Ref
from sealos_gateway.tables.backends import BackendTables
from sealos_gateway.tables.ground import Ground
from sealos_gateway.translate import certificates
from sealos_gateway.translate.annotations.policies import IngressPolicy
from sealos_gateway.translate.gateway_api.references import References
from sealos_gateway.xds.planes import OWN


@dataclass(frozen=True)
class KeyPairTables:
    """See the text of this module."""

    pairs: Derived[Ref, KeyPair]
    planes: Derived[Ref, frozenset[str]]


def key_pair_tables(
    graph: Graph,
    ground: Ground,
    loaded: Rows[Ref, certificates.Loaded],
    policies: Rows[Ref, IngressPolicy],
    backends: BackendTables,
) -> KeyPairTables:
    """Of the pairs that were `loaded`, those that somebody shows, where that is."""
    shown: Index[Ref, Any] = Index(graph, "shown_pairs", _shown, policies)
    showing: tuple[Rows[Any, Any], ...] = (
        ground.gateway_api.references, ground.gateway_api.set_references, backends.backends
    )  # fmt: skip
    for rows in showing:
        shown.also(rows)

    def pair(ref: Ref, read: Read) -> KeyPair | None:
        row = read(loaded, ref)
        return row.pair if row else None

    def planes(ref: Ref, read: Read) -> frozenset[str] | None:
        found: set[str] = set()
        for user in read(shown, ref) or ():
            found |= _planes_of(user, read, ground, backends)
        return frozenset(found) or None

    return KeyPairTables(
        Derived(graph, "client_pairs", pair, shown),
        Derived(graph, "pair_planes", planes, shown),
    )


def _shown(row: IngressPolicy | References | Backend) -> tuple[Ref, ...]:
    if isinstance(row, Backend):
        return (row.tls.certificate,) if row.tls and row.tls.certificate else ()
    return row.secrets if isinstance(row, References) else row.client_pairs


def _planes_of(user: Any, read: Read, ground: Ground, backends: BackendTables) -> frozenset[str]:
    """The data planes of a user: those of Gateways, and ours where an Ingress is it."""
    if isinstance(user, Ref):  # a policy of an Ingress
        return frozenset({OWN})
    table, key = user
    if table == backends.backends.name:
        return backends.planes.of(key) if read(backends.in_use, key) else frozenset()  # it follows in_use
    return frozenset({_plane_of_gateway(table, key, read, ground)})


def _plane_of_gateway(table: str, ref: Ref, read: Read, ground: Ground) -> str:
    if table == ground.gateway_api.set_references.name:
        owner = read(ground.sources.listener_sets, ref)
        parent = owner.spec.parent_ref if owner else None
        ref = Ref(parent.namespace or ref.namespace, parent.name) if parent else ref
    plane = read(ground.planes.rows, ref)
    return plane.name if plane else OWN
