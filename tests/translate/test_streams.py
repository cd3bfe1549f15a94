"""TLSRoutes and TCPRoutes: which connections each has, what happens to the rest, and what their status says."""

from __future__ import annotations

from typing import Any

from sealos_gateway.envoy import names
from sealos_gateway.model.backend_policy import AS_IT_IS
from sealos_gateway.model.gateway_listener import GatewayListener, StreamTarget
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import core, kinds
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Resource
from sealos_gateway.settings import GatewayApiSettings, Settings
from sealos_gateway.xds.planes import OWN, View
from tests import objects, pem
from tests.translate import gateways
from tests.translate.gateways import gateway, listener, pipeline
from tests.translate.test_routes import told

WEB = BackendKey("shop", "web", 80, AS_IT_IS)


def route(kind: Kind, name: str, *backends: dict[str, Any], created: str = "", **spec: Any) -> Resource:
    rules = [{"backendRefs": list(backends or ({"name": "web", "port": 80},))}]
    return gateways.made(kind, name, created=created, **{"parentRefs": [{"name": "edge"}], "rules": rules, **spec})


def passthrough(name: str, hostname: str) -> dict[str, Any]:
    return listener(name, 9443, "TLS", hostname=hostname, tls={"mode": "Passthrough"})


def served(made: Pipeline) -> GatewayListener:
    (found,) = made.routes.listeners.rows.values()
    return found


def test_the_oldest_of_two_routes_has_a_port_and_its_successor_takes_over() -> None:
    young = route(kinds.TCP_ROUTE, "a", {"name": "api", "port": 80}, created="2026-02-02T00:00:00Z")
    old = route(kinds.TCP_ROUTE, "b", created="2026-01-01T00:00:00Z")
    tcp = gateway(listener("tcp", 9000, "TCP"))
    made = pipeline(tcp, young, old, objects.service("web"), objects.service("api"))
    assert served(made).streams[0].targets == (StreamTarget(WEB, 1),)
    assert WEB in made.backends.rows

    made.drop(kinds.TCP_ROUTE, old.ref)
    made.settle()
    assert served(made).streams[0].targets == (StreamTarget(WEB._replace(service="api"), 1),)
    assert WEB not in made.backends.rows


def test_a_backend_that_does_not_exist_keeps_its_share_and_is_told() -> None:
    split = route(kinds.TCP_ROUTE, "a", {"name": "web", "port": 80, "weight": 3}, {"name": "none", "port": 80})
    made = pipeline(gateway(listener("tcp", 9000, "TCP")), split, objects.service("web"))
    assert served(made).streams[0].targets == (StreamTarget(WEB, 3), StreamTarget(None, 1))
    found = told(made, "a", kind="TCPRoute")
    assert found == {"Accepted": "True Accepted", "ResolvedRefs": "False BackendNotFound"}


def test_a_second_rule_is_told_and_costs_the_first_nothing() -> None:
    two = [{"backendRefs": [{"name": "web", "port": 80}]}, {"backendRefs": [{"name": "api", "port": 80}]}]
    made = pipeline(
        gateway(listener("tcp", 9000, "TCP")), route(kinds.TCP_ROUTE, "a", rules=two), objects.service("web")
    )
    assert served(made).streams[0].targets == (StreamTarget(WEB, 1),)
    assert told(made, "a", kind="TCPRoute")["PartiallyInvalid"] == "True UnsupportedValue"


def test_a_server_name_belongs_to_the_most_specific_listener() -> None:
    wide = [{"name": "edge", "sectionName": "wide"}]
    made = pipeline(
        gateway(passthrough("wide", "*.a.com"), passthrough("narrow", "x.a.com")),
        route(kinds.TLS_ROUTE, "t", hostnames=["x.a.com", "y.a.com"], parentRefs=wide),
        objects.service("web"),
    )
    found = {it.server_name: len(it.targets) for it in served(made).streams}
    assert found == {"*.a.com": 0, "x.a.com": 0, "y.a.com": 1}


def test_http_and_tcp_of_two_gateways_on_one_port_never_share_it() -> None:
    """What is read of requests would be lost if every connection were handed on."""
    tcp = gateway(listener("tcp", 9000, "TCP"), name="other")
    to_other = route(kinds.TCP_ROUTE, "t", parentRefs=[{"name": "other"}])
    made = pipeline(gateway(listener("http", 9000)), tcp, to_other, objects.service("web"))
    assert served(made).streams == ()


def test_the_cluster_of_a_stream_is_for_the_data_plane_of_its_gateway_alone() -> None:
    settings = Settings(gateway_api=GatewayApiSettings(control="control.test"))
    tcp = gateway(listener("tcp", 9000, "TCP"))
    route_ = route(kinds.TCP_ROUTE, "a")
    made = objects.pipeline(gateways.gateway_class(), tcp, route_, objects.service("web"), settings=settings)
    for type_ in (names.CLUSTER, names.ENDPOINTS, names.LISTENER):
        (seen,) = View(made.snapshot, "shop.edge").names(type_)
        assert seen not in View(made.snapshot, OWN).names(type_)


def seen(made: Pipeline, type_: str, plane: str) -> list[str]:
    return View(made.snapshot, plane).names(type_)


def test_a_service_that_comes_back_is_where_it_was() -> None:
    """Also when everybody has heard of its removal, so that nothing of it is remembered."""
    settings = Settings(gateway_api=GatewayApiSettings(control="control.test"))
    web = (objects.service("web"), objects.slice_of("web", "10.0.0.1"))
    tcp = gateway(listener("tcp", 9000, "TCP"))
    made = objects.pipeline(gateways.gateway_class(), tcp, route(kinds.TCP_ROUTE, "a"), *web, settings=settings)
    objects.drop(made, *web)
    made.snapshot.sweep(made.snapshot.revision)
    assert seen(made, names.CLUSTER, "shop.edge") == []
    objects.put(made, *web)
    for type_ in (names.CLUSTER, names.ENDPOINTS):
        assert len(seen(made, type_, "shop.edge")) == 1
        assert seen(made, type_, OWN) == []


def test_endpoints_that_never_were_do_not_stay_with_a_gateway_that_went() -> None:
    settings = Settings(gateway_api=GatewayApiSettings(control="control.test"))
    rules = [{"backendRefs": [{"name": "web", "port": 80}]}]
    to_web = gateways.made(kinds.HTTP_ROUTE, "a", parentRefs=[{"name": "edge"}], hostnames=["a.test"], rules=rules)
    outside = objects.external("web", "example.com", core.ServicePort(name="http", port=80))
    made = objects.pipeline(gateways.gateway_class(), gateway(listener(port=9000)), to_web, outside, settings=settings)
    assert len(seen(made, names.CLUSTER, "shop.edge")) == 1
    objects.drop(made, to_web)
    objects.put(made, objects.service("web"), objects.slice_of("web", "10.0.0.1"), objects.web("a.test"))
    for type_ in (names.CLUSTER, names.ENDPOINTS):
        assert len(seen(made, type_, OWN)) == 1


def test_keys_and_authorities_are_where_the_gateway_is() -> None:
    def at(own: bool) -> Pipeline:
        settings = Settings(
            gateway_api=GatewayApiSettings(control="control.test", shared_classes=() if own else ("sealos",))
        )
        reference = {"group": "", "kind": "ConfigMap", "name": "ca"}
        front = {"frontend": {"default": {"validation": {"caCertificateRefs": [reference]}}}}
        made = objects.pipeline(gateways.gateway_class(), settings=settings)
        objects.put(made, gateways.secret(), gateways.config_map("ca", {"ca.crt": pem.pair("a.com").chain.decode()}))
        objects.put(made, gateway(gateways.https(), tls=front))
        return made

    for own, plane, other in ((True, "shop.edge", OWN), (False, OWN, "shop.edge")):
        made = at(own)
        objects.put(made, gateways.config_map("ca", {"ca.crt": pem.pair("b.com").chain.decode()}))
        assert seen(made, names.SECRET, plane) == ["client/shop/cert", "trust/ConfigMap/shop/ca"]
        assert seen(made, names.SECRET, other) == []
