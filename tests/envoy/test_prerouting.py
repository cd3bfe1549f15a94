"""Places for services that are asked before a route is chosen; what Envoy makes of it is tested end to end."""

from __future__ import annotations

from sealos_gateway.envoy import api, prerouting
from sealos_gateway.model.authorization import Authorization
from sealos_gateway.model.keys import BackendKey

WEB = BackendKey("shop", "web", 80)


def test_there_is_a_place_for_each_and_the_virtual_host_fills_them_in_order() -> None:
    places = [it.name for it in prerouting.http_filters(2)]
    host = api.route_components.VirtualHost()
    prerouting.fill(host, (Authorization(WEB), Authorization(WEB, grpc=True)), "cluster.local")
    assert places == sorted(host.typed_per_filter_config) == ["sealos.prerouting.0", "sealos.prerouting.1"]
    assert prerouting.http_filters(0) == []


def test_a_place_holds_the_question_and_what_runs_before_it() -> None:
    host = api.route_components.VirtualHost()
    prerouting.fill(host, (Authorization(WEB, body_bytes=100),), "cluster.local")
    place = api.extension_matcher.ExtensionWithMatcherPerRoute()
    assert host.typed_per_filter_config["sealos.prerouting.0"].Unpack(place)
    action = api.composite.ExecuteFilterAction()
    assert place.xds_matcher.on_no_match.action.typed_config.Unpack(action)
    names = [it.name for it in action.filter_chain.typed_config]
    assert names == ["envoy.filters.http.body_size_limit", "envoy.filters.http.ext_authz"]
