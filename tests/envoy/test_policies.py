"""The filters of a route's policies, as Envoy gets them."""

from __future__ import annotations

from typing import Any

from sealos_gateway.envoy import api
from sealos_gateway.envoy.actions import Context
from sealos_gateway.envoy.policies import chain
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import Networks, Policy, Timeouts
from sealos_gateway.model.traffic import Forward, Match, PathKind, Route
from sealos_gateway.resources.meta import Origin, Ref
from tests.envoy import rules

CONTEXT = Context("cluster.local")
TO_WEB = Forward(BackendKey("shop", "web", 80))


def filters(policy: Policy, path: str = "/") -> dict[str, Any]:
    """Name to packed configuration, in order."""
    where = Route(Match(PathKind.PREFIX, path), TO_WEB, Origin("Ingress", Ref("shop", "web")), policy=policy)
    packed = chain.per_route(where, CONTEXT)
    if packed is None:
        return {}
    config = api.extension_matcher.ExtensionWithMatcherPerRoute.FromString(packed.value)
    action = api.composite.ExecuteFilterAction.FromString(config.xds_matcher.on_no_match.action.typed_config.value)
    return {one.name: one.typed_config for one in action.filter_chain.typed_config}


def test_the_filter_of_the_connection_manager_does_nothing_by_itself() -> None:
    message = chain.http_filter()
    config = api.extension_matcher.ExtensionWithMatcher.FromString(message.typed_config.value)
    assert not config.HasField("xds_matcher")
    assert not rules.broken(config.extension_config)


def test_policies_that_need_no_filter_have_none() -> None:
    assert filters(Policy(timeouts=Timeouts(1))) == {}


def test_denied_networks_come_before_allowed_ones() -> None:
    found = filters(Policy(networks=Networks(("10.0.0.0/8",), ("10.9.0.0/16", "::/0"))))
    assert list(found) == ["deny", "allow"]
    deny = api.rbac.RBAC.FromString(found["deny"].value)
    assert not rules.broken(deny)
    assert deny.rules.action == deny.rules.DENY
    places = [
        (it.remote_ip.address_prefix, it.remote_ip.prefix_len.value)
        for it in deny.rules.policies["networks"].principals
    ]
    assert places == [("10.9.0.0", 16), ("::", 0)]


def test_a_body_limit_larger_than_envoy_can_count_is_the_largest_it_can() -> None:
    found = filters(Policy(body_limit=1 << 40))["envoy.filters.http.body_size_limit"]
    value = api.typed_struct.TypedStruct.FromString(found.value).value
    assert value["max_request_bytes"] == (1 << 32) - 1
