"""Ports of a shared data plane: who has one, who is told that it is taken, and what that costs."""

from __future__ import annotations

from typing import Any

import pytest

from sealos_gateway.model.keys import HostKey
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.meta import Resource
from sealos_gateway.settings import GatewayApiSettings, Settings
from tests import objects
from tests.translate import gateways
from tests.translate.gateways import listener, listener_set, of, pipeline, row, set_status, status, words
from tests.translate.test_routes import told
from tests.translate.test_streams import route

TAKEN = "False PortUnavailable"
GOOD = "True Accepted"
DEFAULT = Settings()


def gateway(name: str, created: str, *listeners: dict[str, Any]) -> Resource:
    return gateways.made(kinds.GATEWAY, name, created=created, gatewayClassName="sealos", listeners=list(listeners))


def old(*listeners: dict[str, Any]) -> Resource:
    return gateway("old", "2026-01-01T00:00:00Z", *listeners)


def young(*listeners: dict[str, Any]) -> Resource:
    """Its name comes first, and that does not help."""
    return gateway("a-young", "2026-02-02T00:00:00Z", *listeners)


def accepted(made: Pipeline, name: str, section: str = "http") -> str:
    return of(status(made, name), section)["Accepted"]


@pytest.mark.parametrize(
    ("port", "protocol", "wanted"),
    [
        (DEFAULT.http_port, "HTTP", GOOD),
        (DEFAULT.http_port, "TCP", TAKEN),
        (DEFAULT.http_port, "UDP", GOOD),
        (DEFAULT.https_port, "HTTP", TAKEN),
        (DEFAULT.https_port, "TCP", TAKEN),
        (DEFAULT.https_port, "UDP", GOOD),
        (DEFAULT.status_port, "HTTP", TAKEN),
        (DEFAULT.status_port + 1, "HTTP", GOOD),
    ],
)
def test_ports_that_the_gateway_itself_listens_on(port: int, protocol: str, wanted: str) -> None:
    made = pipeline(old(listener("a", port, protocol), listener("b", 9999)))
    assert accepted(made, "old", "a") == wanted
    assert accepted(made, "old", "b") == GOOD
    if wanted == TAKEN:
        assert of(status(made, "old"), "a")["Programmed"] == "False Invalid"
        assert of(status(made, "old"), "a")["Conflicted"] == "False NoConflicts"
        assert set(made.routes.listeners.rows) == {"/9999"}
        (problem,) = [it for it in made.problems() if it.field]
        assert f"port {port} of the shared data plane is " in problem.message
        assert "give the listener another port" in problem.message


def test_a_data_plane_of_its_own_has_all_ports() -> None:
    settings = Settings(gateway_api=GatewayApiSettings(control="control.test"))
    mine = [listener("a", DEFAULT.https_port), listener("b", DEFAULT.http_port, "TCP")]
    made = objects.pipeline(gateways.gateway_class(), old(*mine), young(*mine), settings=settings)
    for name in ("old", "a-young"):
        assert {accepted(made, name, section) for section in "ab"} == {GOOD}


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ("HTTP", "HTTP", GOOD), ("HTTP", "TCP", TAKEN), ("TCP", "HTTP", TAKEN), ("TCP", "TCP", TAKEN),
        ("UDP", "UDP", TAKEN), ("UDP", "TCP", GOOD), ("HTTP", "UDP", GOOD), ("HTTP", "TLS", TAKEN),
        ("TLS", "TLS", GOOD), ("odd", "TCP", GOOD),
    ],
)  # fmt: skip
def test_of_two_gateways_the_older_has_a_port_and_then_the_other(first: str, second: str, wanted: str) -> None:
    tls: dict[str, Any] = {"hostname": "a.com", "tls": {"mode": "Passthrough"}}
    one = old(listener(port=9000, protocol=first, **(tls if first == "TLS" else {})))
    other = young(listener(port=9000, protocol=second, **({**tls, "hostname": "b.com"} if second == "TLS" else {})))
    made = pipeline(other)
    objects.put(made, one)
    assert accepted(made, "a-young") == wanted
    assert accepted(made, "old") == (GOOD if first != "odd" else "False UnsupportedProtocol")
    if wanted == TAKEN:
        (problem,) = [it for it in made.problems() if it.field]
        assert "taken by Gateway shop/old" in problem.message
    objects.drop(made, one)
    assert accepted(made, "a-young") == GOOD


def test_nothing_of_the_younger_reaches_the_port() -> None:
    to_young = route(kinds.UDP_ROUTE, "r", {"name": "web", "port": 80}, parentRefs=[{"name": "a-young"}])
    made = pipeline(young(listener(port=53, protocol="UDP")), old(listener(port=53, protocol="UDP")), to_young)
    assert made.routes.listeners.rows["/53/udp"].streams[0].targets == ()
    assert row(status(made, "a-young"), "http").attached_routes == 0
    assert told(made, "r", kind="UDPRoute")["Accepted"] == "False NoReadyListeners"


def test_a_gateway_that_is_not_accepted_serves_nothing_and_keeps_nobody_away() -> None:
    """What shared nodes cannot do for it refuses it as a whole, with its ListenerSets and its routes."""

    def edge(created: str, *listeners: dict[str, Any], **spec: Any) -> Resource:
        whole = {"gatewayClassName": "sealos", "allowedListeners": {"namespaces": {"from": "All"}}, **spec}
        return gateways.made(kinds.GATEWAY, "edge", created=created, listeners=list(listeners), **whole)

    odd = {"parametersRef": {"group": "example.com", "kind": "Odd", "name": "n"}}
    early, two = "2026-01-01T00:00:00Z", (listener("tcp", 9000, "TCP"), listener("more", 9001, "TCP"))
    made = pipeline(
        edge(early, *two, infrastructure=odd), young(listener("web", 9000)), listener_set(listener("set", 9002)),
        route(kinds.TCP_ROUTE, "r", {"name": "web", "port": 80}, parentRefs=[{"name": "edge"}]),
    )  # fmt: skip
    assert words(status(made).conditions)["Accepted"] == "False InvalidParameters"
    assert (accepted(made, "edge", "tcp"), of(status(made), "tcp")["Programmed"]) == ("False Invalid", "False Invalid")
    assert words(set_status(made).conditions)["Accepted"] == "False ParentNotAccepted"
    assert told(made, "r", kind="TCPRoute")["Accepted"] == "False NoReadyListeners"
    assert accepted(made, "a-young", "web") == GOOD
    assert set(made.routes.listeners.rows) == {"/9000"}
    objects.put(made, edge(early, *two))
    assert set(made.routes.listeners.rows) == {"/9000", "/9001", "/9002"}
    assert told(made, "r", kind="TCPRoute")["Accepted"] == GOOD
    assert accepted(made, "a-young", "web") == TAKEN


def test_a_listener_that_its_own_gateway_refuses_keeps_nobody_away() -> None:
    bad = old(listener("a", 53, "UDP"), listener("b", 53, "UDP"))
    made = pipeline(bad, young(listener(port=53, protocol="UDP")))
    assert of(status(made, "old"), "a")["Conflicted"] == "True ProtocolConflict"
    assert accepted(made, "a-young") == GOOD


def test_a_listener_set_stands_where_its_gateway_stands() -> None:
    more = listener_set(listener("udp", 53, "UDP"), parent="old")
    loose: dict[str, Any] = {"allowedListeners": {"namespaces": {"from": "Same"}}}
    mine = gateways.made(
        kinds.GATEWAY, "old", created="2026-01-01T00:00:00Z", gatewayClassName="sealos", listeners=[listener()], **loose
    )
    made = pipeline(mine, more, young(listener("udp", 53, "UDP"), listener("http", 80)))
    assert of(set_status(made), "udp")["Accepted"] == GOOD
    assert accepted(made, "a-young", "udp") == TAKEN
    assert accepted(made, "a-young", "http") == GOOD


def test_one_more_gateway_on_a_port_wakes_no_other() -> None:
    def computed(number: int) -> int:
        many = [gateway(f"g{n}", "", listener(hostname=f"{n}.com", port=9000)) for n in range(number)]
        made = pipeline(*many)
        before = made.gateway_api.listeners.computed
        objects.put(made, gateway("one-more", "", listener(hostname="more.com", port=9000)))
        return made.gateway_api.listeners.computed - before

    assert computed(3) == computed(30) == 1


def behind_a_service(*listeners: dict[str, Any]) -> Pipeline:
    """As the chart has it in mode deployment: the Service passes 80 on to 8080, 443 to 8443, the others as they are."""
    chosen = GatewayApiSettings(
        shared_http_port=80, shared_https_port=443, shared_tcp_ports=(9000,), shared_udp_ports=(53,)
    )
    wanted = Settings(kubernetes=gateways.SETTINGS.kubernetes, gateway_api=chosen)
    return objects.pipeline(gateways.gateway_class(), old(*listeners, listener("rest", 9000)), settings=wanted)


@pytest.mark.parametrize(
    ("port", "protocol", "words"),
    [
        (80, "HTTP", ""),
        (443, "TCP", "HTTPS of Ingresses"),
        (8080, "HTTP", "which clients reach at port 80"),
        (8443, "TCP", "HTTPS of Ingresses"),
        (8888, "HTTP", "none of the Service"),
        (53, "UDP", ""),
        (53, "TCP", "none of the Service"),
        (9000, "UDP", "none of the Service"),
    ],
)
def test_behind_a_service_only_what_it_passes_on_can_be_had(port: int, protocol: str, words: str) -> None:
    made = behind_a_service(listener("a", port, protocol))
    assert accepted(made, "old", "a") == (TAKEN if words else GOOD)
    assert any(words in it.message for it in row(status(made, "old"), "a").conditions)


def test_behind_a_service_port_80_is_where_clients_of_ingresses_come() -> None:
    """Its hosts stand beside those of Ingresses, on `http_port` of the nodes, and no other listener is made."""
    made = behind_a_service(listener("a", 80))
    put_route = gateways.made(
        kinds.HTTP_ROUTE, "web", parentRefs=[{"name": "old", "sectionName": "a"}], hostnames=["a.test"],
        rules=[{"backendRefs": [{"name": "web", "port": 80}]}],
    )  # fmt: skip
    objects.put(made, objects.service("web"), put_route)
    assert "gateway//80" not in {name for _, name in objects.contents(made)}
    assert HostKey("ingress", "a.test") in made.host_keys()
