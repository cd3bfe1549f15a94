"""Gateways: their listeners judged, what has to run for them, and the routes attached to them.

```
ports         over gateways: those that its listeners need                                     Derived
provision     the Kubernetes objects of its data plane (`provision.tables`)
routes        attachments, hosts and listeners of Envoy (`translate.gateway_api.route_tables`)
```
"""

from __future__ import annotations

from dataclasses import dataclass

from sealos_gateway.live import Derived, Graph, Read
from sealos_gateway.provision import tables as provision
from sealos_gateway.provision.plan import Port
from sealos_gateway.resources import kinds
from sealos_gateway.resources.meta import Ref
from sealos_gateway.tables.certificates import CertificateTables
from sealos_gateway.tables.ground import Ground
from sealos_gateway.translate.gateway_api.route_tables import RouteTables


@dataclass(frozen=True)
class GatewayServing:
    """See the text of this module."""

    ports: Derived[Ref, tuple[Port, ...]]
    provision: provision.Tables
    routes: RouteTables


def gateway_serving(graph: Graph, ground: Ground, certificates: CertificateTables) -> GatewayServing:
    """The second step of Gateways and of BackendTLSPolicies, and what stands on it."""
    sources = ground.sources
    ground.gateway_api.judge(certificates.pairs, certificates.authorities)
    ground.backend_tls.judge(certificates.authorities)

    def ports_of(ref: Ref, read: Read) -> tuple[Port, ...]:
        found = read(ground.gateway_api.ports_in_use, ref) or ()
        return tuple(sorted(Port(number, protocol) for _, number, protocol in found))

    ports: Derived[Ref, tuple[Port, ...]] = Derived(graph, "gateway_ports", ports_of, sources.gateways)
    made = provision.Tables(graph, provision.Sources(ground.planes, sources.config_maps, ports))
    routes = RouteTables(
        graph, ground.gateway_api, ground.planes.rows, ground.world, {**sources.of(*kinds.ROUTES)},
        ground.controller, ground.shared,
    )  # fmt: skip
    return GatewayServing(ports, made, routes)
