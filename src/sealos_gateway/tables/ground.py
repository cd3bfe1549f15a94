"""What everything else reads: the sources, and what can be said of them before any Secret is looked at.

```
planes        over gateways: the data plane that serves each of ours
gateway_api   over gateways and ListenerSets: what they claim and refer to; its first step
backend_tls   over BackendTLSPolicies: what they refer to; its first step
policies      over our own policies: what they say, and where each is attached
world         the tables that translations of Ingresses and backends read
```
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sealos_gateway.live import Graph, Index, Table
from sealos_gateway.provision import tables as provision
from sealos_gateway.provision.plan import Options
from sealos_gateway.resources import core, ingress, kinds
from sealos_gateway.resources.annotations.general import DEFAULT_CLASS
from sealos_gateway.resources.meta import Ref
from sealos_gateway.tables.sources import Sources
from sealos_gateway.translate.gateway_api.backend_tls_tables import BackendTlsTables
from sealos_gateway.translate.gateway_api.places import Shared
from sealos_gateway.translate.gateway_api.tables import GatewayTables
from sealos_gateway.translate.policies.tables import PolicyTables
from sealos_gateway.translate.world import Rules, World


@dataclass(frozen=True)
class Ground:
    """See the text of this module. `shared` is what Gateways find on the data plane that they share with Ingresses."""

    sources: Sources
    shared: Shared
    planes: provision.Planes
    gateway_api: GatewayTables
    backend_tls: BackendTlsTables
    policies: PolicyTables
    world: World

    @property
    def controller(self) -> str:
        """The name under which GatewayClasses are ours, and statuses written."""
        return self.planes.options.controller


def ground(graph: Graph, rules: Rules, shared: Shared, options: Options) -> Ground:
    """The first tables of a graph; `options` are those of data planes."""
    sources = Sources(graph)
    planes = provision.Planes(graph, options, sources.gateway_classes, sources.gateways, sources.definitions)
    gateway_api = GatewayTables(
        graph, planes.rows, sources.gateways, sources.listener_sets, sources.namespaces, sources.reference_grants,
        shared,
    )  # fmt: skip
    backend_tls = BackendTlsTables(graph, sources.backend_tls_policies, sources.services)
    world = _world(graph, rules, sources)
    policies = _policies(graph, sources, world, gateway_api)
    return Ground(
        sources, shared, planes, gateway_api, backend_tls, policies, replace(world, attached=policies.attached)
    )


def _world(graph: Graph, rules: Rules, sources: Sources) -> World:
    default_classes: Index[str, Ref] = Index(graph, "default_classes", _default_class, sources.ingress_classes)
    slices_by_service: Index[Ref, Ref] = Index(graph, "slices_by_service", _slice_service, sources.slices)
    return World(
        rules, sources.ingresses, sources.ingress_classes, default_classes, sources.services, sources.slices,
        slices_by_service, sources.secrets, sources.config_maps, sources.trust_bundles, sources.namespaces,
        Table(graph, "last_good_pairs"),
    )  # fmt: skip


def _policies(graph: Graph, sources: Sources, world: World, gateway_api: GatewayTables) -> PolicyTables:
    own: dict[str, Any] = {**sources.of(kinds.TRAFFIC_POLICY, kinds.SECURITY_POLICY, kinds.BACKEND_POLICY)}
    targets: dict[str, Any] = {
        **sources.of(
            kinds.GATEWAY, kinds.LISTENER_SET, kinds.HTTP_ROUTE, kinds.GRPC_ROUTE, kinds.INGRESS, kinds.SERVICE
        )
    }
    return PolicyTables(graph, world, gateway_api.world, own, targets)


def _default_class(row: ingress.IngressClass) -> tuple[str, ...]:
    return ("default",) if row.metadata.annotation(DEFAULT_CLASS.name) == "true" else ()


def _slice_service(row: core.EndpointSlice) -> tuple[Ref, ...]:
    return (row.service,) if row.service else ()
