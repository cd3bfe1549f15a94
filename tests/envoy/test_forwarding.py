"""The last filters before the router, as Envoy gets them."""

from __future__ import annotations

from typing import Any

import pytest

from sealos_gateway.envoy import api, forwarding, retries, scope, tracing
from tests.envoy import rules


def headers(trusted: bool = False, traced: bool = False) -> Any:
    message = api.header_mutation.HeaderMutation()
    assert forwarding.filters(trusted, traced)[0].typed_config.Unpack(message)
    assert not rules.broken(message)
    return message.mutations.request_mutations


def exceptions() -> Any:
    message = api.extension_matcher.ExtensionWithMatcher()
    assert forwarding.filters(False, False)[1].typed_config.Unpack(message)
    assert not rules.broken(message)
    return message.xds_matcher.matcher_list.matchers


def mutation(matcher: Any) -> Any:
    """The change of headers that a matcher asks for."""
    action, found = api.composite.ExecuteFilterAction(), api.header_mutation.HeaderMutation()
    assert matcher.on_match.action.typed_config.Unpack(action)
    assert action.typed_config.typed_config.Unpack(found)
    return found.mutations.request_mutations[0]


@pytest.mark.parametrize("name", ["x-real-ip", "x-forwarded-for", "x-forwarded-host"])
def test_what_the_client_says_of_itself_is_believed_only_behind_trusted_proxies(name: str) -> None:
    def action(trusted: bool) -> int:
        (found,) = [it.append for it in headers(trusted) if it.append.header.key == name]
        return int(found.append_action)

    assert action(False) == api.base.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    assert (action(True) == api.base.HeaderValueOption.ADD_IF_ABSENT) is (name != "x-real-ip")


def test_private_headers_end_here() -> None:
    assert [it.remove for it in headers() if it.remove] == [scope.HEADER]
    assert [it.remove for it in headers(traced=True) if it.remove] == [scope.HEADER, tracing.WANTED]


def test_the_router_is_told_by_us_alone() -> None:
    (found,) = [it.append for it in headers() if it.append.header.key == retries.HEADER]
    assert found.header.value == "reset"
    assert found.append_action == api.base.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD


def test_methods_that_may_do_harm_come_first_and_lose_the_header() -> None:
    """Also with `Upgrade`, whose matcher comes after it: only one of them is done."""
    harmful, upgrade = exceptions()
    methods = {it.single_predicate.value_match.exact for it in harmful.predicate.not_matcher.or_matcher.predicate}
    assert methods == {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"}
    assert mutation(harmful).remove == retries.HEADER
    assert mutation(upgrade).append.header.key == "sec-websocket-key"


def test_what_comes_last_comes_in_every_case() -> None:
    """A request that slipped through beside one of the cases would not be asked about."""
    last = [("first", api.pack(api.router.Router())), ("last", api.pack(api.router.Router()))]
    message = api.extension_matcher.ExtensionWithMatcherPerRoute.FromString(forwarding.with_last(last).value)
    assert not rules.broken(message)
    cases = [*message.xds_matcher.matcher_list.matchers]
    assert [it.predicate for it in cases] == [it.predicate for it in exceptions()]
    names = []
    for on_match in (*(it.on_match for it in cases), message.xds_matcher.on_no_match):
        action = api.composite.ExecuteFilterAction.FromString(on_match.action.typed_config.value)
        names.append([it.name for it in action.filter_chain.typed_config])
    mutation = "envoy.filters.http.header_mutation"
    assert names == [[mutation, "first", "last"], [mutation, "first", "last"], ["first", "last"]]
