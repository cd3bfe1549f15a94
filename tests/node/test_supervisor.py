"""When an Envoy that drains may end."""

from __future__ import annotations

from sealos_gateway.node.admin import Load
from sealos_gateway.node.supervisor import Calm


def load(requests: int = 0, asked: int = 7, connections: int = 0, streams: int = 0) -> Load:
    return Load(requests, asked, connections, streams)


def test_nobody_there_is_calm_at_once() -> None:
    assert Calm(10.0).reached(load(), 10.0)


def test_a_connection_between_two_requests_is_not() -> None:
    calm = Calm(10.0)
    assert not calm.reached(load(connections=1), 10.0)
    assert not calm.reached(load(connections=1), 10.9)
    assert calm.reached(load(connections=1), 11.0)


def test_each_request_starts_the_wait_anew() -> None:
    calm = Calm(10.0)
    assert not calm.reached(load(connections=1), 10.0)
    assert not calm.reached(load(connections=1, asked=8), 10.9)
    assert not calm.reached(load(connections=1, asked=8), 11.8)
    assert not calm.reached(load(connections=1, asked=8, requests=1), 13.0)
    assert not calm.reached(load(connections=1, asked=8), 13.9)
    assert calm.reached(load(connections=1, asked=8), 14.0)


def test_requests_and_streams_are_waited_for() -> None:
    """Up to the deadline, which is the supervisor's."""
    calm = Calm(10.0)
    assert not calm.reached(load(requests=1), 99.0)
    assert not calm.reached(load(streams=1), 199.0)
