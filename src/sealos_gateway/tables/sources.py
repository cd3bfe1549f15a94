"""A table per kind of object: what users and the cluster say, as it was read."""

from __future__ import annotations

from typing import Any

from sealos_gateway.live import Graph, Table
from sealos_gateway.resources import core, ingress, kinds
from sealos_gateway.resources.gateway_api import gateways, routes
from sealos_gateway.resources.gateway_api import policies as gateway_policies
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref
from sealos_gateway.resources.policies.backend import BackendPolicy
from sealos_gateway.resources.policies.security import SecurityPolicy
from sealos_gateway.resources.policies.traffic import TrafficPolicy


class Sources:
    """The tables, each by name, and all of them by kind."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.by_kind: dict[Kind, Table[Ref, Any]] = {}
        self.ingresses: Table[Ref, ingress.Ingress] = self._table(kinds.INGRESS, "ingresses")
        self.ingress_classes: Table[Ref, ingress.IngressClass] = self._table(kinds.INGRESS_CLASS, "ingress_classes")
        self.services: Table[Ref, core.Service] = self._table(kinds.SERVICE, "services")
        self.slices: Table[Ref, core.EndpointSlice] = self._table(kinds.ENDPOINT_SLICE, "slices")
        self.secrets: Table[Ref, core.Secret] = self._table(kinds.SECRET, "secrets")
        self.namespaces: Table[Ref, core.Namespace] = self._table(kinds.NAMESPACE, "namespaces")
        self.config_maps: Table[Ref, core.ConfigMap] = self._table(kinds.CONFIG_MAP, "config_maps")
        self.trust_bundles: Table[Ref, core.ClusterTrustBundle] = self._table(
            kinds.CLUSTER_TRUST_BUNDLE, "trust_bundles"
        )
        self._gateway_api()
        self.traffic_policies: Table[Ref, TrafficPolicy] = self._table(kinds.TRAFFIC_POLICY, "traffic_policies")
        self.backend_policies: Table[Ref, BackendPolicy] = self._table(kinds.BACKEND_POLICY, "backend_policies")
        self.security_policies: Table[Ref, SecurityPolicy] = self._table(kinds.SECURITY_POLICY, "security_policies")

    def _gateway_api(self) -> None:
        self.gateway_classes: Table[Ref, gateways.GatewayClass] = self._table(kinds.GATEWAY_CLASS, "gateway_classes")
        self.gateways: Table[Ref, gateways.Gateway] = self._table(kinds.GATEWAY, "gateways")
        self.listener_sets: Table[Ref, gateways.ListenerSet] = self._table(kinds.LISTENER_SET, "listener_sets")
        self.http_routes: Table[Ref, routes.HTTPRoute] = self._table(kinds.HTTP_ROUTE, "http_routes")
        self.grpc_routes: Table[Ref, routes.GRPCRoute] = self._table(kinds.GRPC_ROUTE, "grpc_routes")
        self.tls_routes: Table[Ref, routes.TLSRoute] = self._table(kinds.TLS_ROUTE, "tls_routes")
        self.tcp_routes: Table[Ref, routes.TCPRoute] = self._table(kinds.TCP_ROUTE, "tcp_routes")
        self.udp_routes: Table[Ref, routes.UDPRoute] = self._table(kinds.UDP_ROUTE, "udp_routes")
        self.reference_grants: Table[Ref, gateway_policies.ReferenceGrant] = self._table(
            kinds.REFERENCE_GRANT, "reference_grants"
        )
        self.backend_tls_policies: Table[Ref, gateway_policies.BackendTLSPolicy] = self._table(
            kinds.BACKEND_TLS_POLICY, "backend_tls_policies"
        )

    def _table(self, kind: Kind, name: str) -> Table[Ref, Any]:
        table: Table[Ref, Any] = Table(self._graph, name)
        self.by_kind[kind] = table
        return table

    def of(self, *chosen: Kind) -> dict[str, Table[Ref, Any]]:
        """Some of the tables, by the name of their kind."""
        return {kind.name: self.by_kind[kind] for kind in chosen}
