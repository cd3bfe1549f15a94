"""A table per kind of object: what users and the cluster say, as it was read."""

from __future__ import annotations

from typing import Any

from sealos_gateway.live import Graph, Table
from sealos_gateway.resources import core, ingress, kinds
from sealos_gateway.resources.gateway_api import gateways
from sealos_gateway.resources.gateway_api.policies import BackendTLSPolicy, ReferenceGrant
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref


class Sources:
    """All of the tables by kind, and by name those that are not read kind by kind."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.by_kind: dict[Kind, Table[Ref, Any]] = {}
        self.ingresses: Table[Ref, ingress.Ingress] = self._table(kinds.INGRESS)
        self.ingress_classes: Table[Ref, ingress.IngressClass] = self._table(kinds.INGRESS_CLASS)
        self.services: Table[Ref, core.Service] = self._table(kinds.SERVICE)
        self.slices: Table[Ref, core.EndpointSlice] = self._table(kinds.ENDPOINT_SLICE)
        self.secrets: Table[Ref, core.Secret] = self._table(kinds.SECRET)
        self.namespaces: Table[Ref, core.Namespace] = self._table(kinds.NAMESPACE)
        self.config_maps: Table[Ref, core.ConfigMap] = self._table(kinds.CONFIG_MAP)
        self.trust_bundles: Table[Ref, core.ClusterTrustBundle] = self._table(kinds.CLUSTER_TRUST_BUNDLE)
        self.definitions: Table[Ref, core.CustomResourceDefinition] = self._table(kinds.DEFINITION)
        self._gateway_api()

    def _gateway_api(self) -> None:
        self.gateway_classes: Table[Ref, gateways.GatewayClass] = self._table(kinds.GATEWAY_CLASS)
        self.gateways: Table[Ref, gateways.Gateway] = self._table(kinds.GATEWAY)
        self.listener_sets: Table[Ref, gateways.ListenerSet] = self._table(kinds.LISTENER_SET)
        self.reference_grants: Table[Ref, ReferenceGrant] = self._table(kinds.REFERENCE_GRANT)
        self.backend_tls_policies: Table[Ref, BackendTLSPolicy] = self._table(kinds.BACKEND_TLS_POLICY)
        for kind in (*kinds.ROUTES, *kinds.POLICIES):
            self._table(kind)

    def _table(self, kind: Kind) -> Table[Ref, Any]:
        table: Table[Ref, Any] = Table(self._graph, kind.plural)
        self.by_kind[kind] = table
        return table

    def of(self, *chosen: Kind) -> dict[str, Table[Ref, Any]]:
        """Some of the tables, by the name of their kind."""
        return {kind.name: self.by_kind[kind] for kind in chosen}
