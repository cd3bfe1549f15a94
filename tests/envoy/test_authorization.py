"""The question to a service, as configuration; what Envoy makes of it is tested end to end."""

from __future__ import annotations

import re

import pytest

from sealos_gateway.envoy import api, authorization, retries
from sealos_gateway.model.authorization import Authorization
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import HeaderAction, HeaderChange, HeaderChanges, Policy
from sealos_gateway.model.template import literal
from tests.envoy import rules

WEB = BackendKey("shop", "web", 80)
CHANGES = HeaderChanges((HeaderChange(HeaderAction.SET, "x-a", literal("1")), HeaderChange(HeaderAction.REMOVE, "x-b")))
BOTH = pytest.mark.parametrize("grpc", [False, True])


def before(wanted: Authorization) -> tuple[api.Message, list[str]]:
    """The question before a route is chosen, and the filters in front of it."""
    return last(list(authorization.before_routes(wanted, "cluster.local")))


def of_route(wanted: Authorization, changes: HeaderChanges | None = None) -> tuple[api.Message, list[str]]:
    policy = Policy(request_headers=changes, authorization=wanted)
    return last(list(authorization.of_route(policy, "cluster.local")))


def last(found: list[tuple[str, api.Message]]) -> tuple[api.Message, list[str]]:
    message = api.ext_authz.ExtAuthz()
    assert found[-1][1].Unpack(message)
    assert not rules.broken(message)
    return message, [name for name, _ in found[:-1]]


def refused(message: api.Message, name: str) -> bool:
    """Whether the service may not write this header."""
    return bool(re.fullmatch(message.decoder_header_mutation_rules.disallow_expression.regex, name))


@BOTH
def test_nobody_passes_where_the_service_fails_and_the_private_header_stays_private(grpc: bool) -> None:
    for found, names in (before(Authorization(WEB, grpc=grpc)), of_route(Authorization(WEB, grpc=grpc))):
        assert not found.failure_mode_allow
        assert found.status_on_error.code == 503
        assert "x-sealos-scope" in [it.exact for it in found.disallowed_headers.patterns]
        assert names == []


@BOTH
def test_routes_are_matched_with_what_it_made_of_the_request_and_only_before(grpc: bool) -> None:
    found, _ = before(Authorization(WEB, grpc=grpc))
    assert found.clear_route_cache
    assert not refused(found, ":path")
    found, _ = of_route(Authorization(WEB, grpc=grpc))
    assert not found.clear_route_cache
    assert not found.decoder_header_mutation_rules.HasField("allow_expression")
    assert refused(found, ":path")
    assert refused(found, ":method")
    assert retries.HEADER in [it.exact for it in found.disallowed_headers.patterns]


@pytest.mark.parametrize("name", ["host", ":authority", ":scheme", "content-length", "connection", "x-sealos-scope"])
@pytest.mark.parametrize(
    "wanted", [Authorization(WEB), Authorization(WEB, grpc=True), Authorization(WEB, gives=("host",))]
)
def test_what_a_service_may_not_write(wanted: Authorization, name: str) -> None:
    assert refused(before(wanted)[0], name)
    assert refused(of_route(wanted)[0], name)


def test_headers_of_the_answers_own_body_count_only_where_they_are_named() -> None:
    for gives, kept in (((), True), (("content-type",), False)):
        found, _ = before(Authorization(WEB, gives=gives))
        assert refused(found, "content-type") is kept
        assert not refused(found, "x-tenant")


def test_a_longer_body_is_refused_before_anybody_is_asked() -> None:
    found, names = before(Authorization(WEB, body_bytes=100))
    assert found.with_request_body.max_request_bytes == 100
    assert names == ["envoy.filters.http.body_size_limit"]


def test_another_address_is_asked_where_one_cannot_be_reached() -> None:
    by_http, by_grpc = before(Authorization(WEB))[0], before(Authorization(WEB, grpc=True))[0]
    for policy in (by_http.http_service.retry_policy, by_grpc.grpc_service.retry_policy):
        assert policy.retry_on == "connect-failure,refused-stream,reset-before-request", "it was not asked"
        assert [it.name for it in policy.retry_host_predicate] == ["envoy.retry_host_predicates.previous_hosts"]


def test_headers_are_changed_first_where_it_shall_see_that() -> None:
    assert of_route(Authorization(WEB), CHANGES)[1] == []
    assert of_route(Authorization(WEB, sees_changes=True))[1] == []
    policy = Policy(request_headers=CHANGES, authorization=Authorization(WEB, sees_changes=True, body_bytes=1))
    first, second, _ = authorization.of_route(policy, "cluster.local")
    message = api.header_mutation.HeaderMutation()
    assert first[1].Unpack(message)
    assert not rules.broken(message)
    changed, removed = message.mutations.request_mutations
    assert (changed.append.header.key, changed.append.header.value, removed.remove) == ("x-a", "1", "x-b")
    assert second[0] == "envoy.filters.http.body_size_limit"


def test_a_route_without_one_asks_nobody() -> None:
    assert list(authorization.of_route(Policy(request_headers=CHANGES), "cluster.local")) == []
