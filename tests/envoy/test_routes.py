"""One host as Envoy gets it: what is matched, in which order, and where it goes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sealos_gateway.envoy import forwarding, names, reading, routes, scope
from sealos_gateway.envoy.actions import Context
from sealos_gateway.model.authorization import Authorization
from sealos_gateway.model.keys import BackendKey, HostKey
from sealos_gateway.model.policy import Cors, Policy, Retry, RetryOn
from sealos_gateway.model.traffic import Action, Forward, Match, PathKind, Respond, Route, VirtualHost
from sealos_gateway.resources.meta import Origin, Ref
from tests.envoy import rules

KEY = HostKey("ingress", "a.example.com")
WEB = Forward(BackendKey("shop", "web", 80))
CLUSTER = "outbound|80||web.shop.svc.cluster.local"


def route(path: str = "/", action: Action = WEB, kind: PathKind = PathKind.PREFIX, https_only: bool = False) -> Route:
    return Route(Match(kind, path), action, Origin("Ingress", Ref("shop", "web")), https_only)


def configuration(*found: Route, port: int = 443) -> Any:
    message = routes.route_configuration(VirtualHost(KEY, found, ()), Context("cluster.local", port))
    assert not rules.broken(message)
    return message


def lines(message: Any) -> list[str]:
    """Each route as `match -> action`."""
    shown = []
    for it in message.virtual_hosts[0].routes:
        match, action = it.match.WhichOneof("path_specifier"), it.WhichOneof("action")
        text = f"{match} {getattr(it.match, match)}"
        if it.match.headers:
            text += f" if {it.match.headers[0].name}={it.match.headers[0].string_match.exact}"
        target = {"route": it.route.cluster, "direct_response": it.direct_response.status, "redirect": "https"}[action]
        shown.append(f"{text} -> {target}")
    return shown


def test_matches_and_targets_and_the_404_at_the_end() -> None:
    message = configuration(
        route("/x", kind=PathKind.EXACT), route("/a/b"), route("/c", Respond(503, "no healthy upstream"))
    )
    assert lines(message) == [
        f"path /x -> {CLUSTER}", f"path_separated_prefix /a/b -> {CLUSTER}", "path_separated_prefix /c -> 503",
        "prefix / -> 404",
    ]  # fmt: skip
    bodies = [it.direct_response.body.inline_string for it in message.virtual_hosts[0].routes]
    assert bodies == ["", "", "no healthy upstream", ""]


def test_no_404_where_everything_is_answered_anyway() -> None:
    assert lines(configuration(route("/a"), route("/")))[-1] == f"prefix / -> {CLUSTER}"


def test_a_host_without_routes_answers_404() -> None:
    assert lines(configuration()) == ["prefix / -> 404"]


def test_one_redirect_for_a_host_that_is_all_https() -> None:
    message = configuration(route("/a", https_only=True), route("/b", https_only=True))
    assert lines(message)[0] == "prefix / if x-forwarded-proto=http -> https"
    assert sum("https" in line for line in lines(message)) == 1


def test_a_redirect_before_each_route_of_a_host_that_is_partly_https() -> None:
    message = configuration(route("/a", https_only=True), route("/b"))
    assert lines(message) == [
        "path_separated_prefix /a if x-forwarded-proto=http -> https",
        f"path_separated_prefix /a -> {CLUSTER}",
        f"path_separated_prefix /b -> {CLUSTER}",
        "prefix / -> 404",
    ]


@pytest.mark.parametrize(("port", "written"), [(443, 0), (8443, 8443)])
def test_a_redirect_is_308_and_names_the_port_only_where_it_must(port: int, written: int) -> None:
    redirect = configuration(route(https_only=True), port=port).virtual_hosts[0].routes[0].redirect
    assert redirect.response_code == redirect.PERMANENT_REDIRECT
    assert redirect.https_redirect
    assert redirect.port_redirect == written


def test_no_response_is_cut_by_a_time_limit() -> None:
    action = configuration(route()).virtual_hosts[0].routes[0].route
    assert action.HasField("timeout")
    assert action.timeout.ToSeconds() == 0


def test_only_what_has_not_reached_the_backend_is_repeated_whatever_the_method() -> None:
    policy = configuration(route()).virtual_hosts[0].retry_policy
    assert set(policy.retry_on.split(",")) == {"connect-failure", "refused-stream", "reset-before-request"}


def test_an_answer_is_repeated_only_for_harmless_methods_by_a_route_of_their_own() -> None:
    retry = Retry(2, (RetryOn.CONNECT_FAILURE, RetryOn.GATEWAY_ERROR), idempotent_only=True)
    first, second = configuration(msgspec.structs.replace(route(), policy=Policy(retry=retry))).virtual_hosts[0].routes
    methods = first.match.headers[0].string_match.safe_regex.regex
    assert "GET" in methods
    assert "POST" not in methods
    assert first.route.retry_policy.retry_on == "connect-failure,gateway-error"
    assert not second.match.headers
    assert not second.route.HasField("retry_policy")


def test_the_access_log_names_the_ingress() -> None:
    assert configuration(route()).virtual_hosts[0].routes[0].name == "shop/web"


def test_the_scope_has_the_key_that_the_header_will_have_and_comes_on_demand() -> None:
    message = routes.host_scope(KEY)
    assert not rules.broken(message)
    assert message.key.fragments[0].string_key == message.route_configuration_name == "ingress|a.example.com"
    assert message.on_demand


def test_the_eager_suffix_turns_on_demand_off_and_nothing_else() -> None:
    message = routes.host_scope(KEY)
    eager = type(message).FromString(message.SerializeToString() + reading.EAGER)
    assert not eager.on_demand
    eager.on_demand = True
    assert eager == message


def test_every_configuration_is_marked_as_known_and_switches_the_search_off() -> None:
    message = configuration(route())
    assert message.virtual_hosts[0].metadata.filter_metadata[scope.FALLBACK]["known"] is True
    assert list(message.typed_per_filter_config) == [scope.FALLBACK]


def test_what_a_host_that_is_gone_answers_with_is_sound_and_empty() -> None:
    body = reading.nothing(names.host(KEY))
    message = type(configuration()).FromString(body)
    assert message.name == "ingress|a.example.com"
    assert not message.virtual_hosts
    assert not rules.broken(message)


def test_a_service_is_asked_on_every_way_to_a_backend() -> None:
    """What becomes of one route: answers to preflights ask nobody, all that leads to a backend does."""
    cors, retry = Cors(("https://a.test",), answer_others=True), Retry(1, (RetryOn.RESET,), idempotent_only=True)
    policy = Policy(cors=cors, retry=retry, authorization=Authorization(BackendKey("sso", "auth", 80)))
    message = configuration(msgspec.structs.replace(route(), policy=policy))
    found = [it for it in message.virtual_hosts[0].routes if it.WhichOneof("action") == "route"]
    assert len(found) == 4
    assert all(forwarding.EXCEPTIONS in it.typed_per_filter_config for it in found)
    assert "outbound|80||auth.sso.svc.cluster.local" in str(message.virtual_hosts[0].metadata), "it comes along"
