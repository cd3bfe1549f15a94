"""Filters that ask a service: what is made of them, and what is refused in which words."""

from __future__ import annotations

from typing import Any

import pytest

from sealos_gateway.model.authorization import Authorization
from sealos_gateway.model.backend_policy import BackendPolicy, Protocol
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.traffic import Redirect, Respond, Route
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.meta import Ref, Resource
from tests import objects
from tests.translate import gateways
from tests.translate.gateways import gateway, grant, listener, words

WEB = {"name": "web", "port": 80}
AUTH = BackendKey("shop", "auth", 80)


def asks(service: str = "auth", protocol: str = "HTTP", namespace: str = "", **more: Any) -> dict[str, Any]:
    where = {"name": service, "port": 80, **({"namespace": namespace} if namespace else {})}
    return {"type": "ExternalAuth", "externalAuth": {"protocol": protocol, "backendRef": where, **more}}


def made(*rules: dict[str, Any], others: tuple[Resource, ...] = ()) -> Pipeline:
    route = gateways.made(
        kinds.HTTP_ROUTE, "web", parentRefs=[{"name": "edge"}], hostnames=["a.com"], rules=list(rules)
    )
    services = [objects.service(name) for name in ("web", "api", "auth")]
    return gateways.pipeline(gateway(listener()), route, *services, objects.service("auth", namespace="sso"), *others)


def rule(*filters: dict[str, Any], backends: tuple[dict[str, Any], ...] = (WEB,)) -> dict[str, Any]:
    return {"filters": list(filters), "backendRefs": list(backends)}


def routes(found: Pipeline) -> tuple[Route, ...]:
    return next(row.routes for key, row in found.gateway_hosts.rows.items() if key.host == "a.com")


def asked(found: Pipeline) -> list[Authorization | None]:
    return [it.policy.authorization if it.policy else None for it in routes(found)]


def told(found: Pipeline) -> tuple[dict[str, str], str]:
    """The conditions of the route, and in words what is wrong."""
    table = next(table for of, table in found.gateway_statuses.items() if of.name == "HTTPRoute")
    status = table.get(Ref("shop", "web"))
    assert status is not None
    conditions = status.parents[0].conditions
    return words(conditions), "; ".join(it.message for it in conditions)


def test_what_a_service_is_told_and_gives() -> None:
    http = {"path": "/judge/", "allowedHeaders": ["X-A", "x-a"], "allowedResponseHeaders": ["X-B"]}
    found = made(rule(asks(http=http, forwardBody={"maxSize": 10})))
    assert asked(found) == [Authorization(AUTH, False, "/judge", ("x-a",), ("x-b",), 10)]
    found = made(rule(asks(protocol="GRPC", grpc={"allowedHeaders": ["X-A"]})))
    (one,) = asked(found)
    assert one is not None
    assert (one.grpc, one.asks_with) == (True, ("x-a",))
    assert one.backend.policy == BackendPolicy(protocol=Protocol.H2C)
    assert told(found)[0] == {"Accepted": "True Accepted", "ResolvedRefs": "True ResolvedRefs"}


def test_a_service_is_asked_before_a_redirect() -> None:
    found = made(rule({"type": "RequestRedirect", "requestRedirect": {"hostname": "b.com"}}, asks(), backends=()))
    (route,) = routes(found)
    assert isinstance(route.action, Redirect)
    assert asked(found) == [Authorization(AUTH)]


MODIFIER = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-user"]}}


@pytest.mark.parametrize(("filters", "sees"), [((MODIFIER, asks()), True), ((asks(), MODIFIER), False)])
def test_it_sees_what_stands_before_it(filters: tuple[dict[str, Any], ...], sees: bool) -> None:
    assert asked(made(rule(*filters))) == [Authorization(AUTH, sees_changes=sees)]


def test_the_share_of_one_backend_alone() -> None:
    redirect = {"type": "RequestRedirect", "requestRedirect": {"hostname": "b.com"}}
    several = (WEB, {"name": "api", "port": 80, "filters": [asks()]}, {**WEB, "filters": [redirect, asks()]})
    found = made(rule(MODIFIER, backends=several))
    question = Authorization(AUTH, sees_changes=True)
    assert asked(found) == [question, question, None], "what the rule does comes before the filters of a backend"


ELSEWHERE = "is in another namespace, and no ReferenceGrant there allows it"


@pytest.mark.parametrize(
    ("wanted", "reason", "text"),
    [
        (asks("absent"), "BackendNotFound", "Service shop/absent does not exist; until it is there"),
        (asks(namespace="sso"), "RefNotPermitted", f"Service sso/auth {ELSEWHERE}; until it is there"),
    ],
)
def test_a_service_that_cannot_be_had_is_told_and_nobody_passes(wanted: Any, reason: str, text: str) -> None:
    found = made(rule(wanted))
    assert [it.action for it in routes(found)] == [Respond(500)]
    conditions, message = told(found)
    assert conditions == {"Accepted": "True Accepted", "ResolvedRefs": f"False {reason}"}
    assert f"spec.rules[0].filters[0].externalAuth.backendRef: {text}" in message
    beside = made(rule(wanted), {**rule(), "matches": [{"path": {"value": "/open"}}]})
    assert told(beside)[0] == {**conditions, "PartiallyInvalid": "True UnsupportedValue"}


def test_a_grant_opens() -> None:
    found = made(rule(asks(namespace="sso")), others=(grant("sso", "HTTPRoute", "Service"),))
    assert asked(found) == [Authorization(BackendKey("sso", "auth", 80))]


@pytest.mark.parametrize(
    ("filters", "text"),
    [
        ((asks(protocol="AMQP"),), "filters[0].externalAuth: write it, with protocol HTTP or GRPC"),
        (({"type": "ExternalAuth"},), "filters[0].externalAuth: write it"),
        ((asks(http={"path": "no/slash"}),), "http.path: 'no/slash' is not the beginning of a path"),
        ((asks(http={"path": "/a?b=c"}),), "is not the beginning of a path"),
        ((asks(forwardBody={"maxSize": 1 << 30}),), "forwardBody.maxSize: it is held in memory"),
        ((asks(), asks()), "filters[1]: a rule can ask one service"),
    ],
)
def test_what_cannot_be_honoured_is_told_and_nobody_passes(filters: tuple[dict[str, Any], ...], text: str) -> None:
    found = made(rule(*filters))
    assert [it.action for it in routes(found)] == [Respond(500)]
    conditions, message = told(found)
    assert conditions["Accepted"] == "False UnsupportedValue"
    assert text in message
    assert "the rule answers 500" in message


def test_the_backend_of_a_rule_that_asks_cannot_have_a_service_of_its_own() -> None:
    several = (WEB, {"name": "api", "port": 80, "filters": [asks()]})
    found = made(rule(asks(), backends=several))
    (route,) = routes(found)
    assert asked(found) == [Authorization(AUTH)]
    assert [target.backend is None for target in route.action.targets] == [False, True]  # type: ignore[union-attr]
    assert "spec.rules[0].backendRefs[1]: a rule can ask one service" in told(found)[1]


@pytest.mark.parametrize("section", ["", "one"])
def test_a_policy_at_any_place_takes_nothing_from_a_filter_nor_a_filter_from_it(section: str) -> None:
    """Who may write routes cannot get round what a policy asks, and no policy can switch off what a rule says."""
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "web"}
    target |= {"sectionName": section} if section else {}
    spec: dict[str, Any] = {"externalAuth": {"backendRef": {"name": "api", "port": 80}}, "satisfy": "Any"}
    policy = gateways.made(kinds.SECURITY_POLICY, "own", targetRefs=[target], **spec)
    (route,) = routes(made({"name": "one", **rule(asks())}, others=(policy,)))
    assert route.policy is not None
    assert route.policy.external_auth is not None
    assert route.policy.authorization == Authorization(AUTH)
    assert {it.service for it in route.backends} == {"web", "api", "auth"}, "all are with Envoy before the route is"
