"""Services that are asked before a route is chosen, as configuration; what Envoy makes of it is tested end to end."""

from __future__ import annotations

import re

import pytest

from sealos_gateway.envoy import api, prerouting
from sealos_gateway.model.authorization import Authorization
from sealos_gateway.model.keys import BackendKey

WEB = BackendKey("shop", "web", 80)


def authz(wanted: Authorization) -> tuple[api.Message, list[str]]:
    """What stands in the first place, and the filters before it there."""
    host = api.route_components.VirtualHost()
    prerouting.fill(host, (wanted,), "cluster.local")
    place = api.extension_matcher.ExtensionWithMatcherPerRoute()
    assert host.typed_per_filter_config["sealos.prerouting.0"].Unpack(place)
    action = api.composite.ExecuteFilterAction()
    assert place.xds_matcher.on_no_match.action.typed_config.Unpack(action)
    *before, last = action.filter_chain.typed_config
    found = api.ext_authz.ExtAuthz()
    assert last.typed_config.Unpack(found)
    return found, [it.name for it in before]


def test_there_is_a_place_for_each_and_the_virtual_host_fills_them_in_order() -> None:
    places = [it.name for it in prerouting.http_filters(2)]
    host = api.route_components.VirtualHost()
    prerouting.fill(host, (Authorization(WEB), Authorization(WEB, grpc=True)), "cluster.local")
    assert places == sorted(host.typed_per_filter_config) == ["sealos.prerouting.0", "sealos.prerouting.1"]
    assert prerouting.http_filters(0) == []


@pytest.mark.parametrize("grpc", [False, True])
def test_nobody_passes_where_the_service_fails_and_the_private_header_stays_private(grpc: bool) -> None:
    found, before = authz(Authorization(WEB, grpc=grpc))
    assert not found.failure_mode_allow
    assert found.clear_route_cache, "routes are matched with what it made of the request"
    assert [it.exact for it in found.disallowed_headers.patterns] == ["x-sealos-scope"]
    assert before == []


@pytest.mark.parametrize("name", ["host", ":authority", ":scheme", "content-length", "connection", "x-sealos-scope"])
@pytest.mark.parametrize(
    "wanted", [Authorization(WEB), Authorization(WEB, grpc=True), Authorization(WEB, gives=("host",))]
)
def test_what_a_service_may_not_write(wanted: Authorization, name: str) -> None:
    found, _ = authz(wanted)
    assert re.fullmatch(found.decoder_header_mutation_rules.disallow_expression.regex, name)


def test_headers_of_the_answers_own_body_count_only_where_they_are_named() -> None:
    for gives, kept in (((), True), (("content-type",), False)):
        found, _ = authz(Authorization(WEB, gives=gives))
        rule = found.decoder_header_mutation_rules.disallow_expression.regex
        assert bool(re.fullmatch(rule, "content-type")) is kept
        assert not re.fullmatch(rule, "x-tenant")


def test_a_longer_body_is_refused_before_anybody_is_asked() -> None:
    found, before = authz(Authorization(WEB, body_bytes=100))
    assert found.with_request_body.max_request_bytes == 100
    assert before == ["envoy.filters.http.body_size_limit"]
