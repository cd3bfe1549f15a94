"""The data planes of Gateways as live tables.

planes        over gateways: which data plane serves a Gateway of ours
plans         over gateways: what its own data plane is made from
infrastructure over gateways: the Kubernetes objects for it
wanted        the objects, by kind and name: Index over infrastructure
pending       over wanted: those that are not there, or not as they are wanted
strays        over what is there: what belongs to a Gateway that does not want it any more
accounts      the service accounts of nodes, and which plane each serves
refused       objects that the cluster does not take, with its words
deployed      over gateways: what the cluster made of it
classes       over GatewayClasses: the status of ours
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from sealos_gateway.live import Count, Derived, Graph, Index, Read, Rows, Table
from sealos_gateway.provision import deployed, names, objects, parameters, versions
from sealos_gateway.provision.deployed import Deployed, Fault
from sealos_gateway.provision.objects import Wanted
from sealos_gateway.provision.plan import Options, Plan, Port
from sealos_gateway.resources import kinds
from sealos_gateway.resources.core import ConfigMap, CustomResourceDefinition
from sealos_gateway.resources.gateway_api import features, gateways
from sealos_gateway.resources.gateway_api.gateways import Gateway, GatewayClass, GatewayClassStatus, SupportedFeature
from sealos_gateway.resources.gateway_api.meta import Condition
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref
from sealos_gateway.resources.owned import Owned
from sealos_gateway.resources.profile import GatewayProfile

#: The plane of the gateway's own nodes.
OWN: str = ""


class Plane(NamedTuple):
    """Which data plane serves a Gateway; `shared` with Ingresses and other Gateways, or its own."""

    name: str
    class_name: str
    #: The service account of its nodes, as namespace/name.
    account: str = ""
    #: Why a shared one does not serve it. Of an own one what runs stays as it is, whatever is wrong (decision 020).
    fault: Fault | None = None

    @property
    def shared(self) -> bool:
        return self.name == OWN


#: An object to be made.
ObjectKey = tuple[Kind, Ref]


class Pending(NamedTuple):
    """An object that has to be applied; `exists` when there is one already, and it is ours."""

    wanted: Wanted
    exists: bool


class Infrastructure(NamedTuple):
    """The objects that are wanted. On hold, what there is stays as it is."""

    objects: tuple[Wanted, ...] = ()
    hold: bool = False


class Planes:
    """Which Gateways are ours, and what serves them. Made before everything that asks."""

    def __init__(
        self,
        graph: Graph,
        options: Options,
        classes: Rows[Ref, GatewayClass],
        gateways: Rows[Ref, Gateway],
        definitions: Rows[Ref, CustomResourceDefinition],
    ) -> None:
        self.options, self.classes, self.gateways, self.definitions = options, classes, gateways, definitions
        self.profiles: Table[Ref, GatewayProfile] = Table(graph, "gateway_profiles")
        self.rows: Derived[Ref, Plane] = Derived(graph, "planes", self._plane, gateways)

    def gateway(self, ref: Ref, read: Read) -> tuple[Gateway, GatewayClass | None]:
        """A Gateway that exists, and its class."""
        gateway = read(self.gateways, ref)
        assert gateway is not None, "every table here is over gateways"
        return gateway, read(self.classes, Ref("", gateway.spec.gateway_class_name))

    def _plane(self, ref: Ref, read: Read) -> Plane | None:
        gateway, class_row = self.gateway(ref, read)
        if class_row is None or class_row.spec.controller_name != self.options.controller:
            return None
        name = class_row.metadata.name
        if self.options.shared or name in self.options.shared_classes:
            return Plane(OWN, name, fault=self._fault(gateway, read))
        return Plane(names.plane(ref), name, f"{ref.namespace}/{names.resource(ref.name, name)}")

    def _fault(self, gateway: Gateway, read: Read) -> Fault | None:
        """What makes shared nodes refuse a Gateway. The parameters of its class are not asked for: nothing is made of
        them here, and one object must not close all Gateways of a class."""
        own = parameters.own_of_gateway(gateway, read, self.profiles)
        if own is not None and own.profile is None:
            return Fault("Accepted", "InvalidParameters", own.problem)
        return deployed.unshared_address(gateway)


@dataclass
class Sources:
    """Tables that are read."""

    planes: Planes
    config_maps: Rows[Ref, ConfigMap]
    #: The ports of a Gateway, with those of its ListenerSets.
    ports: Rows[Ref, tuple[Port, ...]]


@dataclass
class Tables:
    """All tables of this room. `by_kind` takes what is read from the cluster."""

    graph: Graph
    sources: Sources
    by_kind: dict[Kind, Table[Ref, Any]] = field(init=False)

    def __post_init__(self) -> None:
        graph = self.graph
        self.options = self.sources.planes.options
        self._gateway = self.sources.planes.gateway
        self.profiles = self.sources.planes.profiles
        self.by_kind = {kind: Table(graph, f"owned_{kind.plural}") for kind in kinds.OWNED}
        self.by_kind[kinds.GATEWAY_PROFILE] = self.profiles
        self.refused: Table[ObjectKey, str] = Table(graph, "refused_objects")
        own = self.sources.planes.gateways
        self.class_statuses: Derived[Ref, GatewayClassStatus] = Derived(
            graph, "gateway_class_statuses", self._class_status, self.sources.planes.classes
        )
        self._by_class: Count[Ref] = Count(graph, "gateways_by_class", _class_of, own)
        #: Classes of ours with Gateways: they must not go before those.
        self.classes_in_use: Derived[Ref, bool] = Derived(
            graph, "classes_in_use", self._class_in_use, self.sources.planes.classes
        )
        self.planes = self.sources.planes.rows
        self.parameters: Derived[Ref, parameters.Parameters] = Derived(
            graph, "parameters", self._parameters, self.planes
        )
        self.plans: Derived[Ref, Plan] = Derived(graph, "plans", self._plan, self.planes)
        self.infrastructure: Derived[Ref, Infrastructure] = Derived(graph, "infrastructure", self._infrastructure, own)
        self.wanted: Index[ObjectKey, Ref] = Index(graph, "wanted_objects", _object_keys, self.infrastructure)
        self.pending: Derived[ObjectKey, Pending] = Derived(graph, "pending_objects", self._pending, self.wanted)
        self.strays: dict[Kind, Derived[Ref, str]] = {
            kind: Derived(graph, f"stray_{kind.plural}", partial(self._stray, kind), self.by_kind[kind])
            for kind in kinds.OWNED
        }
        self.accounts: Index[str, Ref] = Index(graph, "node_accounts", _accounts, self.planes)
        self.deployed: Derived[Ref, Deployed] = Derived(graph, "deployed", self._deployed, self.planes)

    def plane_of(self, account: str) -> str | None:
        """The plane that a service account (`namespace/name`) may serve; None when it is no node of a Gateway."""
        found = self.accounts.get(account)
        return names.plane(min(found)) if found else None

    def refuse(self, refused: Mapping[ObjectKey, str]) -> None:
        """All that the cluster does not take at present, each with why: the Gateways say so."""
        for key in set(self.refused.rows).difference(refused):
            self.refused.drop(key)
        for key, words in refused.items():
            self.refused.put(key, words)

    # ---------------------------------------------------------------- rows

    def _class_status(self, ref: Ref, read: Read) -> GatewayClassStatus | None:
        row = read(self.sources.planes.classes, ref)
        if row is None or row.spec.controller_name != self.options.controller:
            return None
        problem = parameters.of_class(row, read, self.profiles).problem
        accepted = Condition(
            "Accepted",
            "False" if problem else "True",
            "InvalidParameters" if problem else "Accepted",
            problem or "Gateways of this class are served",
            row.metadata.generation,
        )
        known = ((name, read(self.sources.planes.definitions, Ref("", name))) for name in versions.NAMES)
        releases = {name: found.release for name, found in known if found is not None}
        version = versions.condition(releases, row.metadata.generation)
        told = (accepted,) if version is None else (accepted, version)
        return GatewayClassStatus(told, tuple(SupportedFeature(name) for name in features.SUPPORTED))

    def _class_in_use(self, ref: Ref, read: Read) -> bool | None:
        """False while nobody uses it, None where it is not ours."""
        row = read(self.sources.planes.classes, ref)
        if row is None or row.spec.controller_name != self.options.controller:
            return None
        return read(self._by_class, ref) is not None

    def _parameters(self, ref: Ref, read: Read) -> parameters.Parameters | None:
        gateway, class_row = self._gateway(ref, read)
        return parameters.of_gateway(gateway, class_row, read, self.profiles) if class_row else None

    def _plan(self, ref: Ref, read: Read) -> Plan | None:
        (gateway, _), plane, chosen = self._gateway(ref, read), read(self.planes, ref), read(self.parameters, ref)
        if plane is None or plane.shared or chosen is None or chosen.profile is None:
            return None
        described = gateway.spec.infrastructure or gateways.Infrastructure()
        authority = read(self.sources.config_maps, self.options.authority)
        return Plan(
            gateway=ref,
            uid=gateway.metadata.uid,
            class_name=plane.class_name,
            ports=read(self.sources.ports, ref) or (),
            profile=deployed.reached(chosen.profile, gateway),
            labels=_pairs(described.labels),
            annotations=_pairs(described.annotations),
            address=deployed.asked_of_service(gateway),
            authority=((authority.data or {}).get("ca.crt", "") if authority else ""),
        )

    def _infrastructure(self, ref: Ref, read: Read) -> Infrastructure | None:
        gateway, class_row = self._gateway(ref, read)
        if class_row is None:
            return Infrastructure(
                hold=True
            )  # a class deleted by mistake must not cost the data planes of all its Gateways
        plane, plan = read(self.planes, ref), read(self.plans, ref)
        if plane is None or plane.shared:
            return None
        if plan is None or gateway.metadata.deletion_timestamp or deployed.unsupported_address(gateway):
            return Infrastructure(hold=True)
        return Infrastructure(objects.wanted(plan, self.options))

    def _pending(self, key: ObjectKey, read: Read) -> Pending | None:
        rows = read(self.infrastructure, min(read(self.wanted, key) or ()))
        found = next((it for it in (rows.objects if rows else ()) if (it.kind, it.ref) == key), None)
        there = read(self.by_kind[key[0]], key[1])
        if found is None or (there is not None and there.metadata.annotations.applied == found.applied):
            return None
        return Pending(found, there is not None)

    def _stray(self, kind: Kind, ref: Ref, read: Read) -> str | None:
        """The uid of an object that its Gateway does not want. Where that is gone the cluster removes the object."""
        there: Owned | None = read(self.by_kind[kind], ref)
        owner = next((it for it in there.metadata.owner_references if it.kind == "Gateway"), None) if there else None
        if there is None or owner is None:
            return None
        gateway = Ref(ref.namespace, owner.name)
        row, plan = read(self.infrastructure, gateway), read(self.plans, gateway)
        if kind == kinds.OWNED_SERVICE and plan is not None and not plan.ports:
            return None  # its address would go with it, and perhaps to somebody else
        if read(self.sources.planes.gateways, gateway) is None or (row and row.hold) or read(self.wanted, (kind, ref)):
            return None
        return there.metadata.uid

    def _deployed(self, ref: Ref, read: Read) -> Deployed | None:
        (gateway, _), plane, chosen = self._gateway(ref, read), read(self.planes, ref), read(self.parameters, ref)
        if plane is None or chosen is None:
            return None
        found = self._found(ref, gateway, plane, read)
        if plane.shared:
            return found._replace(faults=(plane.fault, *found.faults)) if plane.fault is not None else found
        refused = deployed.unsupported_address(gateway)
        found = found._replace(faults=(*self._refusals(ref, read), *found.faults))
        if chosen.profile is None:
            stays = "; until then what runs stays as it is" if found.addresses else ""
            refused = Fault("Accepted", "InvalidParameters", chosen.problem + stays)
        if plane.account and (first := min(read(self.accounts, plane.account) or (ref,))) != ref:
            text = f"what is made for Gateway {first} has the same name, {plane.account}; rename this Gateway"
            refused = Fault("Programmed", "Invalid", text)
        return found._replace(faults=(refused, *found.faults)) if refused else found

    def _refusals(self, ref: Ref, read: Read) -> Iterator[Fault]:
        """What of a Gateway's objects the cluster does not take; what is there instead stays."""
        row = read(self.infrastructure, ref)
        for it in row.objects if row else ():
            if words := read(self.refused, (it.kind, it.ref)):
                yield Fault("Programmed", "Invalid", f"{it.kind.name} {it.ref.name} {words}")

    def _found(self, ref: Ref, gateway: Gateway, plane: Plane, read: Read) -> Deployed:
        if plane.shared:
            return deployed.shared(self.options.addresses, gateway)
        plan = read(self.plans, ref)
        if plan is None:  # what runs stays, and names in DNS are made of these addresses
            return Deployed(gateway.status.addresses)
        own = Ref(ref.namespace, names.resource(ref.name, plane.class_name))
        daemon_set = plan.profile.workload == "DaemonSet"
        workload = self.by_kind[kinds.OWNED_DAEMON_SET if daemon_set else kinds.OWNED_DEPLOYMENT]
        return deployed.read_back(plan, gateway, read(self.by_kind[kinds.OWNED_SERVICE], own), read(workload, own))


def _class_of(row: Gateway) -> tuple[Ref, ...]:
    return (Ref("", row.spec.gateway_class_name),)


def _object_keys(row: Infrastructure) -> tuple[ObjectKey, ...]:
    return tuple((it.kind, it.ref) for it in row.objects)


def _accounts(plane: Plane) -> tuple[str, ...]:
    return (plane.account,) if plane.account else ()


def _pairs(found: dict[str, str] | None) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(found.items())) if found else ()
