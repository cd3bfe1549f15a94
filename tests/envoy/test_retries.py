"""When a request is sent again: the retry policy of a route, and whether the method has a say."""

from __future__ import annotations

from typing import Any

import pytest

from sealos_gateway.envoy import api, retries
from sealos_gateway.model.policy import Policy, Retry, RetryOn, Timeouts
from tests.envoy import rules

USUAL = (RetryOn.CONNECT_FAILURE, RetryOn.REFUSED_STREAM, RetryOn.RESET_BEFORE_REQUEST)


def filled(**policy: Any) -> Any:
    message = api.route_components.Route(name="web")
    message.match.prefix, message.route.cluster = "/", "web"
    retries.fill(message, Policy(**policy))
    assert not rules.broken(message)
    return message


def by_method(message: Any) -> bool:
    return retries.HEADER not in message.request_headers_to_remove


def test_conditions_counts_and_times() -> None:
    policy = filled(
        timeouts=Timeouts(5, 2, 60), retry=Retry(3, (RetryOn.GATEWAY_ERROR,), (409,), 0.5, 2)
    ).route.retry_policy
    assert policy.retry_on == "gateway-error,retriable-status-codes"
    assert (policy.num_retries.value, list(policy.retriable_status_codes)) == (3, [409])
    assert policy.per_try_timeout.ToSeconds() == 2
    assert policy.per_try_idle_timeout.ToSeconds() == 60
    assert policy.retry_back_off.base_interval.ToMilliseconds() == 500
    assert policy.retry_back_off.max_interval.ToSeconds() == 2


def test_nothing_said_leaves_it_to_the_host() -> None:
    message = filled()
    assert not message.route.HasField("retry_policy")
    assert by_method(message)


def test_a_silence_keeps_the_usual_repeats() -> None:
    message = filled(timeouts=Timeouts(idle=7))
    policy = message.route.retry_policy
    assert policy.retry_on == retries.USUAL.retry_on
    assert policy.per_try_idle_timeout.ToSeconds() == 7
    assert by_method(message)


def test_a_limit_for_one_try_asks_for_no_second_one() -> None:
    message = filled(timeouts=Timeouts(attempt=1))
    assert message.route.retry_policy.retry_on == retries.USUAL.retry_on
    assert not by_method(message)


@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        (Retry(0), False),
        (Retry(2, USUAL), False),
        (Retry(2, (*USUAL, RetryOn.RESET)), False),
        (Retry(2, (*USUAL, RetryOn.RESET_IF_IDEMPOTENT)), True),
    ],
)
def test_the_method_decides_where_the_route_says_so(retry: Retry, expected: bool) -> None:
    message = filled(retry=retry)
    assert by_method(message) is expected
    assert "idempotent" not in message.route.retry_policy.retry_on, "no word of Envoy's"


def test_another_endpoint_is_drawn_until_it_is_another_one() -> None:
    assert [it.name for it in retries.USUAL.retry_host_predicate] == ["envoy.retry_host_predicates.previous_hosts"]
    assert retries.USUAL.host_selection_retry_max_attempts >= 10, "of two endpoints three draws miss one in sixteen"
