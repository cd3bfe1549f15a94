"""Hosts with TLS of their own: what a filter chain and the routes say."""

from __future__ import annotations

from typing import Any

import pytest

from sealos_gateway.envoy import api, client_tls, routes
from sealos_gateway.envoy.actions import Context
from sealos_gateway.model.client_tls import Ask, ClientCertificates, ClientTls
from sealos_gateway.model.keys import BackendKey, HostKey
from sealos_gateway.model.traffic import Forward, Match, PathKind, Route, VirtualHost
from sealos_gateway.resources.meta import Origin, Ref
from tests.envoy import rules

CA = Origin("Secret", Ref("shop", "ca"))
ROUTE = Route(
    Match(PathKind.PREFIX, "/a"), Forward(BackendKey("shop", "web", 80)), Origin("Ingress", Ref("shop", "web"))
)


def rendered(tls: ClientTls | None) -> Any:
    host = VirtualHost(HostKey("ingress", "a.test"), (ROUTE,), (ROUTE.origin,), client_tls=tls)
    message = routes.route_configuration(host, Context("cluster.local"))
    assert not rules.broken(message)
    return message.virtual_hosts[0].routes


def reaches(route: Any) -> str:
    """On which connections a route can be reached at all."""
    if any(it.name == "x-forwarded-proto" for it in route.match.headers):
        return "plain"
    return "own" if [it.string_match.exact for it in route.match.filter_state] == ["a.test"] else "any"


def test_a_host_without_one_has_no_conditions() -> None:
    assert [reaches(route) for route in rendered(None)] == ["any", "any"]


def test_a_host_of_one_of_several_listeners_is_reached_over_its_connections_only() -> None:
    host = VirtualHost(HostKey("/443", "a.test"), (ROUTE,), (ROUTE.origin,), connections="*.test")
    message = routes.route_configuration(host, Context("cluster.local"))
    assert not rules.broken(message)
    found = message.virtual_hosts[0].routes
    marks = [[it.string_match.exact for it in route.match.filter_state] for route in found]
    assert marks == [["*.test"], ["*.test"], []]
    assert [route.direct_response.status for route in found] == [0, 404, 421]


@pytest.mark.parametrize("ask", list(Ask))
def test_nothing_but_421_is_reached_by_another_server_name(ask: Ask) -> None:
    found = rendered(ClientTls(ClientCertificates(CA, ask, subject="CN=joe")))
    assert [route.direct_response.status for route in found if reaches(route) == "any"] == [421]
    assert found[-1].direct_response.status == 421


def test_no_backend_is_reached_without_a_required_certificate() -> None:
    for route in rendered(ClientTls(ClientCertificates(CA))):
        context = route.match.tls_context
        assert not route.HasField("route") or (context.presented.value and context.validated.value)


def test_versions_take_the_place_of_the_usual_ones() -> None:
    context = api.tls.DownstreamTlsContext()
    context.common_tls_context.tls_params.cipher_suites.append("AES128-SHA")
    client_tls.fill(context, ClientTls(min_version="1.3", ciphers=("ECDHE-RSA-AES128-SHA",)))
    parameters = context.common_tls_context.tls_params
    assert parameters.tls_minimum_protocol_version == parameters.TLSv1_3
    assert list(parameters.cipher_suites) == ["ECDHE-RSA-AES128-SHA"]
    assert not context.common_tls_context.HasField("combined_validation_context")


def test_where_tls_is_not_read_https_reaches_nothing_but_421() -> None:
    found = rendered(ClientTls(passthrough=BackendKey("shop", "web", 443)))
    assert {reaches(route) for route in found[:-1]} == {"plain"}
    assert found[-1].direct_response.status == 421
