"""The checker of the other tests in this folder can say no."""

from __future__ import annotations

from typing import Any

import pytest

from sealos_gateway.envoy import api
from tests.envoy import rules


def route(**match: Any) -> Any:
    return api.route_components.Route(match=api.route_components.RouteMatch(**match), direct_response={"status": 404})


HALF = api.route_components.Route(match={"prefix": "/"})


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (route(path_separated_prefix="/a/"), "does not match"),
        (route(), "none of path_specifier"),
        (HALF, "none of action"),
        (api.route_components.VirtualHost(domains=["*"]), "name: 0 characters"),
        (api.route_components.VirtualHost(name="x"), "fewer than 1"),
        (api.socket_address("a", 70_000), "not lte 65535"),
        (api.cluster.Cluster(name="x", connect_timeout=api.seconds(0)), "too short"),
        (api.cluster.Cluster(name="x", lb_policy=99), "no value of"),
        (api.cluster.Cluster(name="x", respect_dns_ttl=True), "respect_dns_ttl: deprecated"),
        (api.config_source.ApiConfigSource(transport_api_version=1), "V2 is deprecated"),
        (api.base.TransportSocket(name="x", typed_config=api.pack(HALF)), "[Route]: none of action"),
        (api.route.RouteConfiguration(virtual_hosts=[{"name": "x"}]), "virtual_hosts[0].domains"),
        (api.hcm.HttpConnectionManager(stat_prefix="x"), "none of route_specifier"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_broken_is_found(message: Any, words: str) -> None:
    assert any(words in found for found in rules.broken(message)), rules.broken(message)


def test_what_is_sound_is_let_through() -> None:
    assert not rules.broken(route(path_separated_prefix="/a"))
