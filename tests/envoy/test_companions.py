"""Clusters that a resource needs and nobody asks for: noted and read back."""

from __future__ import annotations

from sealos_gateway.envoy import api, companions, names, reading


def listener(*clusters: str) -> bytes:
    message = api.listener.Listener(name="a")
    companions.note(message.metadata, clusters)
    return bytes(message.SerializeToString())


def test_what_is_noted_is_read_back_once() -> None:
    assert reading.companions(names.LISTENER, listener("b", "a", "b")) == ("a", "b")
    routes = api.route.RouteConfiguration(name="a")
    for cluster in ("x", "y"):
        companions.note(routes.virtual_hosts.add(name=cluster).metadata, [cluster])
    assert reading.companions(names.ROUTES, routes.SerializeToString()) == ("x", "y")


def test_where_nothing_is_noted_nothing_is_needed() -> None:
    assert reading.companions(names.LISTENER, listener()) == ()
    assert reading.companions(names.CLUSTER, listener("a")) == ()
    in_a_name = api.listener.Listener(name="sealos.companions").SerializeToString()
    assert reading.companions(names.LISTENER, in_a_name) == ()
