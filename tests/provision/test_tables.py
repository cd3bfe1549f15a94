"""Data planes of Gateways as they come and go: what is wanted, what is pending, what is a stray, what is deployed."""

from __future__ import annotations

from typing import Any

import msgspec

from sealos_gateway.provision.tables import OWN
from sealos_gateway.resources import kinds
from sealos_gateway.resources.gateway_api.gateways import GatewayStatus
from sealos_gateway.resources.meta import Ref
from tests.provision import gateways
from tests.provision.gateways import OPTIONS, PROFILE, World

EDGE = Ref("shop", "edge")
MADE = Ref("shop", "edge-sealos")
SERVING: dict[str, Any] = {
    "Service": {"loadBalancer": {"ingress": [{"ip": "10.0.0.5"}]}},
    "Deployment": {"availableReplicas": 1},
}


def faults(world: World, name: str = "edge") -> list[tuple[str, str]]:
    row = world.tables.deployed.get(Ref("shop", name))
    assert row is not None
    return [(fault.condition, fault.reason) for fault in row.faults]


def addresses(world: World) -> list[tuple[str, str]]:
    row = world.tables.deployed.get(EDGE)
    assert row is not None
    return [(it.type, it.value) for it in row.addresses]


def test_only_gateways_of_our_classes() -> None:
    world = World(gateways.gateway_class(controller="example.com/other"), gateways.gateway())
    assert world.tables.planes.get(EDGE) is None
    assert world.wanted() == {}
    world.put(gateways.gateway_class())
    assert set(world.wanted()) == {"ServiceAccount", "ConfigMap", "Deployment", "Service"}
    assert world.tables.plane_of("shop/edge-sealos") == "shop.edge"
    assert world.tables.plane_of("shop/default") is None


def test_a_gateway_of_a_shared_class_gets_nothing_of_its_own() -> None:
    world = World(gateways.gateway_class("shared"), gateways.gateway(class_name="shared"))
    plane = world.tables.planes.get(EDGE)
    assert plane is not None
    assert plane.name == OWN
    assert world.wanted() == {}
    assert addresses(world) == [("IPAddress", "203.0.113.7")]
    assert faults(world) == []


def test_what_is_pending_until_the_cluster_has_it() -> None:
    world = World(gateways.gateway_class(), gateways.gateway())
    assert {kind.name for kind, _ in world.tables.pending.rows} == set(world.wanted())
    assert not any(row.exists for row in world.tables.pending.rows.values())
    made = world.read_back(**SERVING)
    world.put(*made)
    assert world.tables.pending.rows == {}
    world.put(gateways.gateway(infrastructure={"labels": {"team": "a"}}))
    assert len(world.tables.pending.rows) == 4
    assert all(row.exists for row in world.tables.pending.rows.values())
    world.drop(*made)  # somebody deleted them all
    assert not any(row.exists for row in world.tables.pending.rows.values())


def test_another_kind_of_workload_leaves_a_stray() -> None:
    infrastructure = {"parametersRef": {**PROFILE, "name": "p"}}
    world = World(gateways.gateway_class(), gateways.gateway(infrastructure=infrastructure), gateways.profile())
    world.put(*world.read_back(**SERVING))
    world.put(gateways.profile(workload="DaemonSet"))
    assert world.tables.strays[kinds.OWNED_DEPLOYMENT].rows == {MADE: "uid-deployments"}
    assert [kind.name for kind, _ in world.tables.pending.rows] == ["DaemonSet"]
    assert world.tables.strays[kinds.OWNED_SERVICE].rows == {}


def test_a_gateway_that_goes_to_another_controller_leaves_strays() -> None:
    world = World(gateways.gateway_class(), gateways.gateway(), gateways.gateway_class("other", "example.com/other"))
    world.put(*world.read_back(**SERVING))
    world.put(gateways.gateway(class_name="other"))
    assert all(len(rows.rows) == 1 for kind, rows in world.tables.strays.items() if kind != kinds.OWNED_DAEMON_SET)


def test_what_is_left_of_a_deleted_gateway_is_removed_by_the_cluster() -> None:
    world = World(gateways.gateway_class(), gateways.gateway())
    world.put(*world.read_back(**SERVING))
    world.put(gateways.gateway(deleted="2026-01-01T00:00:00Z"))
    assert world.tables.pending.rows == {}
    world.drop(gateways.gateway())
    assert not any(rows.rows for rows in world.tables.strays.values())


def test_a_gateway_without_a_good_listener_keeps_its_address() -> None:
    world = World(gateways.gateway_class(), gateways.gateway())
    world.put(*world.read_back(**SERVING))
    world.put(gateways.gateway(listeners=[]))
    assert world.tables.strays[kinds.OWNED_SERVICE].rows == {}
    assert addresses(world) == [("IPAddress", "10.0.0.5")]
    assert ("Programmed", "Invalid") in faults(world)


def test_nothing_is_made_for_a_gateway_that_waits_for_its_end() -> None:
    world = World(gateways.gateway_class(), gateways.gateway(deleted="2026-01-01T00:00:00Z"))
    assert world.tables.pending.rows == {}


def test_a_mistake_touches_nothing_that_runs() -> None:
    """A broken reference to a profile, an address of an odd type, a class deleted by accident: all of it stays."""
    world = World(gateways.gateway_class(), gateways.gateway())
    world.put(*world.read_back(**SERVING))
    broken = {"parametersRef": {**PROFILE, "name": "absent"}}
    for change in (
        gateways.gateway(infrastructure=broken),
        gateways.gateway(addresses=[{"type": "test/odd", "value": "x"}]),
    ):
        world.put(change)
        assert world.tables.pending.rows == {}
        assert not any(rows.rows for rows in world.tables.strays.values())
        assert world.tables.plane_of("shop/edge-sealos") == "shop.edge"
    world.put(gateways.gateway())
    world.drop(gateways.gateway_class())
    assert world.tables.pending.rows == {}
    assert not any(rows.rows for rows in world.tables.strays.values())


def test_parameters_that_cannot_be_had() -> None:
    for reference in ({**PROFILE, "name": "absent"}, {"group": "", "kind": "ConfigMap", "name": "p"}):
        world = World(gateways.gateway_class(), gateways.gateway(infrastructure={"parametersRef": reference}))
        assert faults(world)[0] == ("Accepted", "InvalidParameters")
        world.put(gateways.profile("absent"))
        assert (faults(world)[0] == ("Accepted", "InvalidParameters")) == (reference["kind"] == "ConfigMap")


def test_a_profile_that_is_gone_does_not_take_the_addresses_along() -> None:
    """Where it is reached stands in the status, and names in DNS are made of that."""
    reference = {"parametersRef": {**PROFILE, "name": "p"}}
    edge = gateways.gateway(infrastructure=reference)
    world = World(gateways.gateway_class(), edge, gateways.profile("p"))
    world.put(*world.read_back(**SERVING))
    row = world.tables.deployed.get(EDGE)
    assert row is not None
    written = GatewayStatus(addresses=row.addresses)
    world.put(msgspec.structs.replace(edge, status=written))
    world.drop(gateways.profile("p"))
    assert faults(world)[0] == ("Accepted", "InvalidParameters")
    assert addresses(world) == [("IPAddress", "10.0.0.5")]


def test_what_the_cluster_does_not_take_is_told_at_the_gateway() -> None:
    world = World(gateways.gateway_class(), gateways.gateway(), gateways.gateway("other"))
    words = "it cannot be applied: an object of this name exists and is not ours"
    world.tables.refuse({(kinds.OWNED_SERVICE, MADE): words})
    world.graph.settle()
    row = world.tables.deployed.get(EDGE)
    assert row is not None
    assert row.faults[0] == ("Programmed", "Invalid", f"Service edge-sealos {words}")
    assert faults(world, "other")[0] == ("Programmed", "AddressNotAssigned")
    world.tables.refuse({})
    world.graph.settle()
    assert faults(world)[0] == ("Programmed", "AddressNotAssigned")


def test_until_it_serves() -> None:
    world = World(gateways.gateway_class(), gateways.gateway())
    assert faults(world) == [("Programmed", "AddressNotAssigned"), ("Programmed", "NoResources")]
    made = world.read_back()
    world.put(*made)
    assert faults(world) == [("Programmed", "AddressNotAssigned"), ("Programmed", "NoResources")]
    bodies = {kind: gateways.as_made(kind, row.body, SERVING.get(kind.name, {})) for kind, row in _wanted(world)}
    world.put(bodies[kinds.OWNED_SERVICE])
    assert faults(world) == [("Programmed", "NoResources")]
    world.put(bodies[kinds.OWNED_DEPLOYMENT])
    assert faults(world) == []
    assert addresses(world) == [("IPAddress", "10.0.0.5")]


def _wanted(world: World) -> list[tuple[kinds.Kind, Any]]:
    row = world.tables.infrastructure.get(EDGE)
    assert row is not None
    return [(it.kind, it) for it in row.objects]


def test_addresses_that_are_asked_for() -> None:
    world = World(gateways.gateway_class(), gateways.gateway(addresses=[{"value": "10.0.0.5"}]))
    world.put(*world.read_back(**SERVING))
    assert faults(world) == []
    world.put(gateways.gateway(addresses=[{"value": "192.0.2.1"}, {"value": "10.0.0.5"}]))
    assert faults(world) == [("Programmed", "AddressNotUsable")]
    world.put(gateways.gateway(addresses=[{"type": "Hostname", "value": "a.example.com"}]))
    assert faults(world)[0] == ("Accepted", "UnsupportedAddress")
    world.put(gateways.gateway(addresses=[{"value": "not an address"}]))
    assert faults(world)[0] == ("Accepted", "UnsupportedAddress")
    world.put(gateways.gateway(addresses=[{}]))  # any address will do
    assert faults(world) == []


def made_of(*wanted: dict[str, str]) -> tuple[dict[str, Any], list[tuple[str, str]], list[tuple[str, str]]]:
    """The spec of the Service of a Gateway with these addresses; what it is reached at, and from where; its faults."""
    world = World(gateways.gateway_class(), gateways.gateway(addresses=list(wanted)))
    service = world.wanted()["Service"]["spec"]
    made = world.read_back(**SERVING)
    world.put(*(gateways.with_cluster_ip(it, "10.96.0.9") for it in made))
    row = world.tables.deployed.get(EDGE)
    assert row is not None
    return service, [(it.value, it.routability) for it in row.addresses], faults(world)


def test_addresses_of_the_cluster() -> None:
    """Gateway API v1.7.0, `GatewaySpecAddress.routability`."""
    service, reached, wrong = made_of({"routability": "Cluster"})
    assert (service["type"], reached, wrong) == ("ClusterIP", [("10.96.0.9", "Cluster")], [])
    service, reached, wrong = made_of({"routability": "Cluster"}, {"value": "10.0.0.5"})
    assert (service["type"], service["loadBalancerIP"]) == ("LoadBalancer", "10.0.0.5")
    assert (reached, wrong) == ([("10.0.0.5", ""), ("10.96.0.9", "Cluster")], [])
    service, _, wrong = made_of({"routability": "Cluster", "value": "10.96.0.9"})
    assert (service["clusterIP"], wrong) == ("10.96.0.9", [])
    world = World(gateways.gateway_class(), gateways.gateway(addresses=[{"routability": "example.com/moon"}]))
    assert faults(world)[0] == ("Accepted", "UnsupportedAddress")
    shared = World(
        gateways.gateway_class("shared"),
        gateways.gateway(class_name="shared", addresses=[{"routability": "Cluster"}]),
    )
    assert faults(shared) == [("Accepted", "UnsupportedAddress")]


def test_what_shared_nodes_refuse_and_what_is_not_asked_of_them() -> None:
    """A Gateway's own mistakes; the parameters of its class are for data planes, and it has none."""
    broken = {"parametersRef": {**PROFILE, "name": "absent"}}
    bad_class = gateways.gateway_class("shared", parametersRef={**PROFILE, "name": "absent", "namespace": "shop"})
    world = World(bad_class, gateways.gateway(class_name="shared"))
    assert (faults(world), world.tables.planes.rows[EDGE].fault) == ([], None)
    for spec, reason in (
        ({"infrastructure": broken}, "InvalidParameters"),
        ({"addresses": [{"type": "Hostname", "value": "a.example.com"}]}, "UnsupportedAddress"),
    ):
        world.put(gateways.gateway(class_name="shared", **spec))
        assert faults(world)[0] == ("Accepted", reason)
    world.put(gateways.gateway(class_name="shared", infrastructure=broken), gateways.profile("absent"))
    assert (faults(world), world.tables.planes.rows[EDGE].fault) == ([], None)


def test_two_gateways_whose_names_meet() -> None:
    """GEP-1762 joins with a dash what may have dashes: the second one is told, the first one stays."""
    first, second = gateways.gateway("a", "b-c"), gateways.gateway("a-b", "c")
    world = World(gateways.gateway_class("b-c"), gateways.gateway_class("c"), first, second)
    world.put(*world.read_back(**SERVING))
    assert faults(world, "a") == []
    assert ("Programmed", "Invalid") in faults(world, "a-b")
    assert world.tables.plane_of("shop/a-b-c") == "shop.a"


def test_a_profile_of_the_class() -> None:
    reference = {**PROFILE, "name": "p", "namespace": "platform"}
    world = World(gateways.gateway_class(parametersRef=reference), gateways.gateway())
    assert faults(world)[0] == ("Accepted", "InvalidParameters")
    world.put(gateways.profile(namespace="platform", replicas=5))
    assert world.wanted()["Deployment"]["spec"]["replicas"] == 5
    world.put(gateways.gateway(infrastructure={"parametersRef": {**PROFILE, "name": "q"}}))
    world.put(gateways.profile("q", replicas=7))
    assert world.wanted()["Deployment"]["spec"]["replicas"] == 7


def test_one_change_costs_one_gateway() -> None:
    many = [gateways.gateway(f"g{number}") for number in range(200)]
    world = World(gateways.gateway_class(), *many)
    before = world.tables.infrastructure.computed, world.tables.pending.computed
    world.put(gateways.gateway("g7", infrastructure={"labels": {"team": "a"}}))
    assert world.tables.infrastructure.computed - before[0] == 1
    assert world.tables.pending.computed - before[1] <= 4
    assert OPTIONS.control
