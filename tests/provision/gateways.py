"""Gateways, classes and profiles made short, and the tables of the room over them."""

from __future__ import annotations

import json
from typing import Any, cast

import msgspec

from sealos_gateway.live import Derived, Graph, Table
from sealos_gateway.provision.plan import Options, Port
from sealos_gateway.provision.tables import Planes, Sources, Tables
from sealos_gateway.resources import kinds
from sealos_gateway.resources.core import ConfigMap, CustomResourceDefinition
from sealos_gateway.resources.gateway_api.gateways import Gateway, GatewayClass
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref, Resource
from sealos_gateway.resources.owned import OwnedService
from sealos_gateway.resources.profile import GatewayProfile

AUTHORITY = Ref("system", "authority")
OPTIONS = Options(
    controller="sealos.io/gateway-controller", image="gateway:1", control="control.system.svc",
    xds_port=18000, enrol_port=18001, token_audience="sealos-gateway", authority=AUTHORITY,
    shared_classes=frozenset({"shared"}), addresses=("203.0.113.7",),
)  # fmt: skip
PROFILE = {"group": "gateway.sealos.io", "kind": "GatewayProfile"}


def gateway(name: str = "edge", class_name: str = "sealos", *, deleted: str = "", **spec: Any) -> Gateway:
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "deletionTimestamp": deleted}
    listeners = spec.pop("listeners", [{"name": "http", "port": 80, "protocol": "HTTP"}])
    whole = {"gatewayClassName": class_name, "listeners": listeners, **spec}
    return cast(Gateway, kinds.from_builtins(kinds.GATEWAY, {"metadata": metadata, "spec": whole}))


def gateway_class(name: str = "sealos", controller: str = OPTIONS.controller, **spec: Any) -> GatewayClass:
    data = {"metadata": {"name": name}, "spec": {"controllerName": controller, **spec}}
    return cast(GatewayClass, kinds.from_builtins(kinds.GATEWAY_CLASS, data))


def profile(name: str = "p", namespace: str = "shop", **spec: Any) -> GatewayProfile:
    data = {"metadata": {"name": name, "namespace": namespace}, "spec": spec}
    return cast(GatewayProfile, kinds.from_builtins(kinds.GATEWAY_PROFILE, data))


def _ports(row: Gateway) -> tuple[Port, ...]:
    """Of its own listeners: there are no ListenerSets here."""
    return tuple(sorted({Port(it.port, "UDP" if it.protocol == "UDP" else "TCP") for it in row.spec.listeners}))


class World:
    """The tables, and a hand to put objects into them."""

    def __init__(self, *resources: Resource, options: Options = OPTIONS) -> None:
        self.graph = Graph()
        self.classes: Table[Ref, GatewayClass] = Table(self.graph, "classes")
        self.gateways: Table[Ref, Gateway] = Table(self.graph, "gateways")
        self.config_maps: Table[Ref, ConfigMap] = Table(self.graph, "config_maps")
        ports: Derived[Ref, tuple[Port, ...]] = Derived(
            self.graph,
            "ports",
            lambda ref, read: _ports(cast(Gateway, read(self.gateways, ref))),
            self.gateways,
        )
        self.definitions: Table[Ref, CustomResourceDefinition] = Table(self.graph, "definitions")
        planes = Planes(self.graph, options, self.classes, self.gateways, self.definitions)
        self.tables = Tables(self.graph, Sources(planes, self.config_maps, ports))
        self.put(*resources)

    def put(self, *resources: Resource) -> None:
        for resource in resources:
            self._table(resource).put(resource.ref, resource)
        self.graph.settle()
        assert self.graph.failures == {}

    def drop(self, *resources: Resource) -> None:
        for resource in resources:
            self._table(resource).drop(resource.ref)
        self.graph.settle()
        assert self.graph.failures == {}

    def _table(self, resource: Resource) -> Table[Ref, Any]:
        found = {GatewayClass: self.classes, Gateway: self.gateways, ConfigMap: self.config_maps}
        found |= {kind.struct: table for kind, table in self.tables.by_kind.items()}
        return cast(Table[Ref, Any], found[type(resource)])

    def wanted(self, name: str = "edge") -> dict[str, dict[str, Any]]:
        """The objects that are wanted for a Gateway, by kind."""
        row = self.tables.infrastructure.get(Ref("shop", name))
        return {it.kind.name: json.loads(it.body) for it in (row.objects if row else ())}

    def read_back(self, **status: Any) -> list[Resource]:
        """Everything that is pending as the cluster would hold it; `status` by kind."""
        rows = [row.wanted for row in self.tables.pending.rows.values()]
        return [as_made(it.kind, it.body, status.get(it.kind.name, {})) for it in rows]


def as_made(kind: Kind, body: bytes, status: dict[str, Any]) -> Resource:
    data = json.loads(body)
    data["metadata"]["uid"] = f"uid-{kind.plural}"
    return kinds.from_builtins(kind, data | {"status": status})


def with_cluster_ip(resource: Resource, address: str) -> Resource:
    """As the cluster holds it, which gives each Service an address."""
    if not isinstance(resource, OwnedService):
        return resource
    return msgspec.structs.replace(resource, spec=msgspec.structs.replace(resource.spec, cluster_ips=(address,)))
