"""UDPRoutes: where datagrams go, ports of Services that exist for TCP and UDP, and what one change costs."""

from __future__ import annotations

from sealos_gateway.envoy import names
from sealos_gateway.model.backend_policy import AS_IT_IS
from sealos_gateway.model.gateway_listener import GatewayListener, StreamTarget
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.upstream import Endpoint
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.provision.plan import Port
from sealos_gateway.resources import core, kinds
from sealos_gateway.resources.meta import Ref, Resource
from sealos_gateway.settings import GatewayApiSettings, Settings
from sealos_gateway.xds.planes import OWN, View
from tests import objects
from tests.translate import gateways
from tests.translate.gateways import gateway, listener, pipeline, row, status
from tests.translate.test_routes import told
from tests.translate.test_streams import route

UDP, TCP = BackendKey("shop", "dns", 53, transport="UDP"), BackendKey("shop", "dns", 53, AS_IT_IS)
UDP_PORT, TCP_PORT = core.ServicePort(53, "udp", "UDP"), core.ServicePort(53, "tcp")
DNS = {"name": "dns", "port": 53}
BOTH = gateway(listener("udp", 53, "UDP"), listener("tcp", 53, "TCP"))


def dns(*ports: core.ServicePort) -> core.Service:
    return objects.service("dns", *(ports or (UDP_PORT, TCP_PORT)))


def slice_(*addresses: str, udp: int = 5353, tcp: int = 5354) -> core.EndpointSlice:
    ports = (core.EndpointPort(udp, "udp", "UDP"), core.EndpointPort(tcp, "tcp", "TCP"))
    return objects.slice_of("dns", *(addresses or ("10.0.0.1",)), ports=ports)


def at(made: Pipeline, place: str) -> GatewayListener:
    found = made.routes.listeners.get(place)
    assert found is not None
    return found


def test_tcp_and_udp_of_one_port_are_two_listeners_with_backends_of_their_own() -> None:
    made = pipeline(BOTH, route(kinds.UDP_ROUTE, "u", DNS), route(kinds.TCP_ROUTE, "t", DNS), dns(), slice_())
    assert at(made, "/53/udp").streams[0].targets == (StreamTarget(UDP, 1),)
    assert at(made, "/53").streams[0].targets == (StreamTarget(TCP, 1),)
    found = {key: rows.endpoints for key, rows in made.endpoints.rows.items()}
    assert found == {UDP: (Endpoint("10.0.0.1", 5353),), TCP: (Endpoint("10.0.0.1", 5354),)}
    for name in ("udp", "tcp"):
        assert row(status(made), name).attached_routes == 1
        assert told(made, name[0], kind=f"{name.upper()}Route") == {
            "Accepted": "True Accepted", "ResolvedRefs": "True ResolvedRefs",
        }  # fmt: skip
    assert made.problems() == []


def test_a_port_of_the_other_protocol_is_no_backend() -> None:
    made = pipeline(BOTH, route(kinds.UDP_ROUTE, "u", DNS), route(kinds.TCP_ROUTE, "t", DNS), dns(TCP_PORT), slice_())
    assert at(made, "/53/udp").streams[0].targets == (StreamTarget(None, 1),)
    assert told(made, "u", kind="UDPRoute")["ResolvedRefs"] == "False BackendNotFound"
    (problem,) = made.problems()
    assert "has no UDP port 53" in problem.message
    objects.put(made, dns())
    assert at(made, "/53/udp").streams[0].targets == (StreamTarget(UDP, 1),)


def test_a_reference_to_another_namespace_has_to_be_granted() -> None:
    elsewhere = {"name": "dns", "namespace": "infra", "port": 53}
    service = objects.service("dns", UDP_PORT, namespace="infra")
    made = pipeline(BOTH, route(kinds.UDP_ROUTE, "u", elsewhere), service)
    assert told(made, "u", kind="UDPRoute") == {"Accepted": "True Accepted", "ResolvedRefs": "False RefNotPermitted"}
    assert at(made, "/53/udp").streams[0].targets == (StreamTarget(None, 1),)
    objects.put(made, gateways.grant("infra", "UDPRoute", "Service"))
    assert told(made, "u", kind="UDPRoute")["ResolvedRefs"] == "True ResolvedRefs"


def test_a_route_attaches_to_listeners_of_its_protocol_only() -> None:
    def reason(section: str) -> str:
        to = [{"name": "edge", "sectionName": section}]
        return told(pipeline(BOTH, route(kinds.UDP_ROUTE, "u", DNS, parentRefs=to), dns()), "u", kind="UDPRoute")[
            "Accepted"
        ]

    assert reason("udp") == "True Accepted"
    assert reason("tcp") == "False NotAllowedByListeners"
    assert reason("none") == "False NoMatchingParent"


def test_the_oldest_of_two_routes_has_a_port_and_its_successor_takes_over() -> None:
    young = route(kinds.UDP_ROUTE, "a", {"name": "api", "port": 80}, created="2026-02-02T00:00:00Z")
    old = route(kinds.UDP_ROUTE, "b", DNS, created="2026-01-01T00:00:00Z")
    made = pipeline(BOTH, young, old, dns(), objects.service("api", core.ServicePort(80, "u", "UDP")))
    assert at(made, "/53/udp").streams[0].targets == (StreamTarget(UDP, 1),)
    objects.drop(made, old)
    assert at(made, "/53/udp").streams[0].targets == (StreamTarget(BackendKey("shop", "api", 80, transport="UDP"), 1),)
    assert UDP not in made.backends.rows


def test_a_name_of_dns_may_stand_behind_a_service() -> None:
    made = pipeline(BOTH, route(kinds.UDP_ROUTE, "u", DNS), objects.external("dns", "dns.example.org", UDP_PORT))
    backend = made.backends.get(UDP)
    assert backend is not None
    assert (backend.dns_name, backend.dns_port) == ("dns.example.org", 53)


OWN_PLANES = Settings(gateway_api=GatewayApiSettings(control="control.test"))


def owned(*more: Resource) -> Pipeline:
    return objects.pipeline(gateways.gateway_class(), BOTH, *more, settings=OWN_PLANES)


def test_a_data_plane_of_its_own_has_both_ports_and_its_clusters() -> None:
    made = owned(route(kinds.UDP_ROUTE, "u", DNS), dns(), slice_())
    assert made.gateway_ports.get(Ref("shop", "edge")) == (Port(53, "TCP"), Port(53, "UDP"))
    own = View(made.snapshot, "shop.edge")
    assert set(own.names(names.LISTENER)) == {"gateway/shop.edge/53", "gateway/shop.edge/53/udp"}
    for type_ in (names.CLUSTER, names.ENDPOINTS):
        assert list(own.names(type_)) == ["outbound|53|udp|dns.shop.svc.cluster.local"]
        assert not View(made.snapshot, OWN).names(type_)


def test_what_a_change_touches() -> None:
    """A route of UDP is its listener's alone, and endpoints are those of one cluster alone."""
    made = owned(route(kinds.UDP_ROUTE, "u", DNS), route(kinds.TCP_ROUTE, "t", DNS), dns(), slice_())

    def changed(*resources: Resource) -> set[tuple[str, str]]:
        before = objects.contents(made)
        objects.put(made, *resources)
        after = objects.contents(made)
        return {
            (names.SHORT[type_], name) for (type_, name), body in after.items() if before.get((type_, name)) != body
        }

    cluster = "outbound|53|udp|dns.shop.svc.cluster.local"
    assert changed(slice_("10.0.0.2", udp=5555)) >= {("endpoints", cluster)}
    assert changed(slice_("10.0.0.2", udp=6666)) == {("endpoints", cluster)}
    assert changed(route(kinds.UDP_ROUTE, "u", {**DNS, "weight": 3}, {"name": "none", "port": 53})) == {
        ("listeners", "gateway/shop.edge/53/udp")
    }
