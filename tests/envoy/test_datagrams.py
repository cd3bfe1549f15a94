"""Listeners of UDP: how senders are shared out, and what goes with the listener."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.envoy import api, datagrams, names, reading
from sealos_gateway.envoy.datagrams import Share
from sealos_gateway.envoy.listeners import Options
from tests.envoy import rules

_BITS = 12
_NUMBERS = 1 << _BITS


def listener(*shares: Share) -> Any:
    return datagrams.listener("gateway/shop.edge:53/udp", "0.0.0.0", 53, shares, Options())


def proxy(message: Any) -> Any:
    (found,) = message.listener_filters
    assert found.name == "envoy.filters.udp_listener.udp_proxy"
    return api.udp_proxy.UdpProxyConfig.FromString(found.typed_config.value)


def chosen(matcher: Any, number: int) -> str:
    """The cluster of a sender whose number this is; each question asks for the next lower bit."""
    while True:
        if matcher.matcher_list.matchers:
            (asked,) = matcher.matcher_list.matchers
            bit = asked.predicate.or_matcher.predicate[0].and_matcher.predicate[0].single_predicate.custom_match
            seed = api.consistent_hashing.ConsistentHashing.FromString(bit.typed_config.value).seed
            answer = asked.on_match if number >> seed // 2 & 1 else matcher.on_no_match
        else:
            answer = matcher.on_no_match
        if answer.HasField("action"):
            return str(api.udp_route.Route.FromString(answer.action.typed_config.value).cluster)
        matcher = answer.matcher


def counted(*shares: Share, every: int = 1) -> Counter[str]:
    """How many of all numbers each cluster has; of every so many one is asked for."""
    matcher = proxy(listener(*shares)).matcher
    return Counter(chosen(matcher, number) for number in range(0, _NUMBERS, every))


def test_one_cluster_is_asked_nothing() -> None:
    assert not proxy(listener(("a", 7))).matcher.matcher_list.matchers
    assert counted(("a", 7)) == {"a": _NUMBERS}


@pytest.mark.parametrize("shares", [[], [(names.NOWHERE, 1)]])
def test_without_a_backend_datagrams_are_dropped(shares: list[Share]) -> None:
    message = listener(*shares)
    assert chosen(proxy(message).matcher, 0) == names.NOWHERE
    assert reading.companions(names.LISTENER, message.SerializeToString()) == (), (
        "Envoy has that cluster from its start"
    )


@pytest.mark.parametrize(
    "shares", [[("a", 70), ("b", 30)], [("a", 1), ("b", 1_000_000)], [("a", 1), ("b", 1), ("c", 1)]]
)
def test_shares_are_as_the_weights_say(shares: list[Share]) -> None:
    assert not rules.broken(listener(*shares))
    found, whole = counted(*shares), sum(weight for _, weight in shares)
    assert found.total() == _NUMBERS
    for cluster, weight in shares:
        assert abs(found[cluster] - weight / whole * _NUMBERS) <= 1


@given(st.lists(st.integers(1, 1_000_000), min_size=1, max_size=16))
def test_a_listener_grows_with_the_number_of_backends_and_not_with_the_weights(weights: list[int]) -> None:
    shares = [(f"c{place}", weight) for place, weight in enumerate(weights)]
    message = listener(*shares)
    assert message.ByteSize() < 2000 + 13_000 * (len(weights) - 1)
    found, whole = counted(*shares, every=64), sum(weights)
    assert all(found[cluster] <= weight / whole * _NUMBERS / 64 + 2 for cluster, weight in shares)


def test_even_shares_are_one_question_about_address_and_port() -> None:
    matcher = proxy(listener(("a", 5), ("b", 5))).matcher.on_no_match.matcher
    (asked,) = matcher.matcher_list.matchers
    inputs = [
        part.single_predicate.input.name or part.not_matcher.single_predicate.input.name
        for both in asked.predicate.or_matcher.predicate
        for part in both.and_matcher.predicate
    ]
    assert inputs == ["source-address", "source-port"] * 2
    assert asked.on_match.HasField("action")
    assert matcher.on_no_match.HasField("action")


def test_what_the_listener_says_of_itself() -> None:
    message = listener(("a", 1), (names.NOWHERE, 2), ("b", 1))
    assert reading.place(message.SerializeToString()) == ("0.0.0.0", 53, True)
    assert reading.companions(names.LISTENER, message.SerializeToString()) == ("a", "b")
    assert message.udp_listener_config.downstream_socket_config.max_rx_datagram_size.value == 65_535
    assert not message.filter_chains
