"""Routes that Envoy needs several routes for."""

from __future__ import annotations

import re

import msgspec
import pytest

from sealos_gateway.envoy import variants
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import Cors, Policy, Retry, RetryOn
from sealos_gateway.model.request import Request, matches
from sealos_gateway.model.traffic import Conditions, Forward, Match, PathKind, Respond, Route, Split, Target
from sealos_gateway.resources.meta import Origin, Ref


def route(policy: Policy | None = None, **conditions: tuple[str, ...]) -> Route:
    match = Match(PathKind.PREFIX, "/", conditions=Conditions(methods=conditions.get("methods", ())))
    return Route(match, Forward(BackendKey("shop", "web", 80)), Origin("Ingress", Ref("shop", "web")), policy=policy)


def chosen(policy: Policy, method: str, **headers: str) -> Route:
    request = Request("/", method, headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()))
    return next(one for one in variants.variants(route(policy)) if matches(one.match, request))


def headers(one: Route) -> dict[str, str]:
    changes = one.policy.response_headers if one.policy else None
    return {change.name: str(change.value) for change in (changes.changes if changes else ())}


def test_a_route_without_such_policies_is_itself() -> None:
    for policy in (None, Policy(body_limit=1)):
        assert variants.variants(route(policy)) == [route(policy)]


CORS = Policy(cors=Cors(("https://a.test",), ("GET",), ("*",), credentials=True, max_age=5))


def test_a_preflight_of_an_allowed_origin_is_answered_by_the_gateway() -> None:
    found = chosen(CORS, "OPTIONS", origin="https://a.test", access_control_request_method="GET")
    assert found.action == Respond(204)
    assert headers(found)["access-control-allow-headers"] == "{request header access-control-request-headers}"
    assert headers(found)["access-control-max-age"] == "5"


def test_other_requests_of_it_get_headers_and_nobody_else_does() -> None:
    found = chosen(CORS, "GET", origin="https://a.test")
    assert isinstance(found.action, Forward)
    assert headers(found)["access-control-allow-origin"] == "{request header origin}"
    assert headers(chosen(CORS, "GET", origin="https://b.test")) == {}
    assert headers(chosen(CORS, "GET")) == {}


def test_an_options_request_that_asks_for_nothing_goes_to_the_backend() -> None:
    assert isinstance(chosen(CORS, "OPTIONS", origin="https://a.test").action, Forward)


def test_any_origin_without_credentials_is_said_as_a_star() -> None:
    found = chosen(Policy(cors=Cors(methods=("*",))), "GET")
    assert headers(found) == {"access-control-allow-origin": "*"}


@pytest.mark.parametrize(("one_label", "taken"), [(True, False), (False, True)])
def test_a_wildcard_stands_for_one_label_or_several(one_label: bool, taken: bool) -> None:
    policy = Policy(cors=Cors(("https://*.a.test",), one_label=one_label))
    assert bool(headers(chosen(policy, "GET", origin="https://x.y.a.test"))) is taken
    assert headers(chosen(policy, "GET", origin="https://x.a.test"))
    assert not headers(chosen(policy, "GET", origin="https://x.a.test:1"))


def test_no_part_of_an_origin_is_a_pattern() -> None:
    (first, *_) = variants.variants(route(Policy(cors=Cors(("https://a.test",)))))
    pattern = next(it.value for it in first.match.conditions.headers if it.name == "origin")
    assert not re.fullmatch(pattern, "https://axtest")


def test_methods_of_a_route_that_may_all_not_be_repeated() -> None:
    policy = Policy(retry=Retry(1, (RetryOn.GATEWAY_ERROR,), idempotent_only=True))
    (only,) = variants.variants(route(policy, methods=("POST",)))
    assert only.policy is not None
    assert only.policy.retry is None


def test_the_share_of_a_backend_that_does_not_exist_is_answered_500() -> None:
    web = BackendKey("shop", "web", 80)
    split = msgspec.structs.replace(route(), action=Split((Target(web, 3), Target(None, 1))))
    first, second = variants.variants(split)
    assert first.action == Respond(500)
    assert first.match.conditions.share == 250_000
    assert second.action == Split((Target(web, 1),)), "as small as can be: one number decides of both"
    assert second.match == split.match
