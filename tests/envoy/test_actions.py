"""What a route does with a request, as Envoy gets it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sealos_gateway.envoy import actions, api, retries
from sealos_gateway.envoy.actions import Context
from sealos_gateway.model.authorization import Authorization
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import (
    HeaderAction,
    HeaderChange,
    HeaderChanges,
    Mirror,
    Policy,
    Retry,
    RetryOn,
    Rewrite,
    Timeouts,
)
from sealos_gateway.model.template import Of, Template, Variable, literal
from sealos_gateway.model.traffic import Action, Forward, Match, PathKind, Redirect, Route, Split, Target
from sealos_gateway.resources.meta import Origin, Ref
from tests.envoy import rules

WEB, API = BackendKey("shop", "web", 80), BackendKey("shop", "api", 80)
ORIGIN = Origin("Ingress", Ref("shop", "web"))
TO_WEB = Forward(WEB)


def rendered(action: Action = TO_WEB, policy: Policy | None = None, match: str = "/") -> Any:
    message = api.route_components.Route()
    message.match.prefix = "/"
    actions.fill(message, Route(Match(PathKind.PREFIX, match), action, ORIGIN, policy=policy), Context("cluster.local"))
    assert not rules.broken(message)
    return message


def rewritten(match: str, prefix: str, path: str) -> str:
    """What Envoy makes of a path, by the rules of its documentation."""
    action = rendered(policy=Policy(rewrite=Rewrite(prefix=prefix)), match=match).route
    if action.prefix_rewrite:
        return str(action.prefix_rewrite + path.removeprefix(match))
    pattern = action.regex_rewrite
    return re.sub(pattern.pattern.regex, pattern.substitution, path)


@pytest.mark.parametrize(
    ("match", "prefix", "path", "wanted"),
    [
        ("/a", "/", "/a/b", "/b"), ("/a", "/", "/a", "/"), ("/a", "/x", "/a/b", "/x/b"), ("/a", "/x/", "/a", "/x"),
        ("/", "/x", "/b", "/x/b"), ("/a", "", "/a/b", "/b"),
    ],
)  # fmt: skip
def test_a_prefix_is_replaced_by_whole_elements(match: str, prefix: str, path: str, wanted: str) -> None:
    assert rewritten(match, prefix, path) == wanted


def test_a_path_is_replaced_as_text_and_not_as_a_pattern() -> None:
    substitution = rendered(policy=Policy(rewrite=Rewrite(path="/a\\1"))).route.regex_rewrite
    assert (substitution.pattern.regex, substitution.substitution) == ("^.*$", "/a\\\\1")


def test_a_host_is_literal_or_a_format() -> None:
    assert rendered(policy=Policy(rewrite=Rewrite(host=literal("b.test")))).route.host_rewrite_literal == "b.test"
    named = Template((Variable(Of.REQUEST_HEADER, "x-host"),))
    assert rendered(policy=Policy(rewrite=Rewrite(host=named))).route.host_rewrite == "%REQ(x-host)%"


@pytest.mark.parametrize(("code", "name"), [(301, "MOVED_PERMANENTLY"), (302, "FOUND"), (303, "SEE_OTHER"),
                                            (307, "TEMPORARY_REDIRECT"), (308, "PERMANENT_REDIRECT")])  # fmt: skip
def test_redirect_codes(code: int, name: str) -> None:
    redirect = rendered(Redirect(code, host="b.test")).redirect
    assert redirect.RedirectResponseCode.Name(redirect.response_code) == name
    assert redirect.host_redirect == "b.test"


def test_a_redirect_keeps_what_it_does_not_name() -> None:
    redirect = rendered(Redirect(302, scheme="https")).redirect
    assert redirect.https_redirect
    kept = (redirect.host_redirect, redirect.port_redirect, redirect.path_redirect, redirect.strip_query)
    assert not any(kept)


def test_times_and_retries() -> None:
    policy = Policy(timeouts=Timeouts(5, 2, 60), retry=Retry(3, (RetryOn.GATEWAY_ERROR,), (409,)))
    message = rendered(policy=policy)
    assert (message.route.timeout.ToSeconds(), message.route.idle_timeout.ToSeconds()) == (5, 60)
    assert message.route.retry_policy.num_retries.value == 3
    assert list(message.request_headers_to_remove) == [retries.HEADER]


def test_a_mirror_gets_its_share_and_the_same_host() -> None:
    mirror = rendered(policy=Policy(mirrors=(Mirror(API, 1, 3),))).route.request_mirror_policies[0]
    assert mirror.cluster == "outbound|80||api.shop.svc.cluster.local"
    assert mirror.runtime_fraction.default_value.numerator == 333_333
    assert mirror.disable_shadow_host_suffix_append


def test_header_changes_of_route_and_target() -> None:
    changes = HeaderChanges((
        HeaderChange(HeaderAction.SET, "x-a", literal("100%")),
        HeaderChange(HeaderAction.REMOVE, "x-b"),
    ))  # fmt: skip
    message = rendered(Split((Target(WEB, request_headers=changes),)), Policy(response_headers=changes))
    for added, removed in (
        (message.response_headers_to_add, message.response_headers_to_remove),
        (message.route.weighted_clusters.clusters[0].request_headers_to_add,
         message.route.weighted_clusters.clusters[0].request_headers_to_remove),
    ):  # fmt: skip
        assert [(it.header.key, it.header.value) for it in added] == [("x-a", "100%%")]
        assert list(removed) == ["x-b"]


@pytest.mark.parametrize(
    ("variable", "field", "value"),
    [
        (Variable(Of.REQUEST_HEADER, "x-user"), "header", "x-user"), (Variable(Of.COOKIE, "id"), "cookie", "id"),
        (Variable(Of.QUERY_PARAMETER, "q"), "query_parameter", "q"),
    ],
)  # fmt: skip
def test_hash_keys(variable: Variable, field: str, value: str) -> None:
    found = rendered(policy=Policy(hash_by=(Template((variable,)),))).route.hash_policy[0]
    assert found.WhichOneof("policy_specifier") == field
    assert value in str(getattr(found, field))


def test_header_changes_for_some_responses_are_for_no_request() -> None:
    changes = HeaderChanges((HeaderChange(HeaderAction.ADD, "x-c", literal("a"), statuses=(500,)),))
    message = rendered(policy=Policy(request_headers=changes, response_headers=changes))
    assert not message.request_headers_to_add
    assert message.response_headers_to_add[0].header.value == "%CEL(response.headers[':status'] in ['500'] ? 'a' : '')%"


@pytest.mark.parametrize("sees", [False, True])
def test_headers_that_were_changed_before_a_question_are_not_changed_again(sees: bool) -> None:
    changes = HeaderChanges((HeaderChange(HeaderAction.ADD, "x-a", literal("1")),))
    policy = Policy(request_headers=changes, authorization=Authorization(API, sees_changes=sees))
    assert [it.header.key for it in rendered(policy=policy).request_headers_to_add] == ([] if sees else ["x-a"])
