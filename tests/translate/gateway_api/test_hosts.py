"""Several routes on one host: whose rules come first."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sealos_gateway.model.traffic import Forward
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.gateway_api import gateways, routes
from sealos_gateway.resources.meta import Resource
from tests import objects

OURS = "sealos.io/gateway-controller"


def route(name: str, created: str, hostnames: list[str], path: str = "/") -> Resource:
    """A route to the Service of its name."""
    rule = {"matches": [{"path": {"value": path}}], "backendRefs": [{"name": name, "port": 80}]}
    made: Resource = of(
        routes.HTTPRoute, name, {"parentRefs": [{"name": "gw"}], "hostnames": hostnames, "rules": [rule]}, created
    )
    return made


def of(kind: type[Any], name: str, spec: dict[str, Any], created: str = "") -> Any:
    metadata = {"name": name, "namespace": "shop", "creationTimestamp": created}
    return msgspec.convert({"metadata": metadata, "spec": spec}, kind)


def served(listener: str, *found: Resource, **more: Any) -> dict[str, list[str]]:
    """The Services of each host in the order in which Envoy asks its routes; `more` are fields of the listener."""
    listeners = [{"name": "http", "port": 8080, "protocol": "HTTP", "hostname": listener, **more}]
    cluster_wide = msgspec.convert(
        {"metadata": {"name": "ours"}, "spec": {"controllerName": OURS}}, gateways.GatewayClass
    )
    made: Pipeline = objects.pipeline(
        cluster_wide,
        of(gateways.Gateway, "gw", {"gatewayClassName": "ours", "listeners": listeners}),
        *(objects.service(name) for name in ("old", "new")),
        *found,
    )
    return {
        key.host: [
            it.action.backend.service for it in row.routes if isinstance(it.action, Forward) and it.action.backend
        ]
        for key, row in made.gateway_hosts.rows.items()
    }


OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"


@pytest.mark.parametrize(
    ("listener", "wide", "narrow"),
    [("a.shop.test", "*.shop.test", "a.shop.test"), ("*.shop.test", "*.test", "*.shop.test")],
)
def test_the_more_precise_hostname_comes_first_whatever_its_age_and_path(listener: str, wide: str, narrow: str) -> None:
    older = route("old", OLD, [wide], "/path/prefix")
    assert served(listener, older, route("new", NEW, [narrow], "/path")) == {listener: ["new", "old"]}


def test_of_equal_hostnames_the_longer_path_comes_first_then_the_older_route() -> None:
    older = route("old", OLD, ["*.shop.test"], "/")
    assert served("a.shop.test", older, route("new", NEW, ["*.shop.test"], "/path"))["a.shop.test"] == ["new", "old"]
    assert served("a.shop.test", older, route("new", NEW, ["*.shop.test"]))["a.shop.test"] == ["old"]


def test_the_most_precise_of_several_names_of_a_route_counts() -> None:
    several = route("new", NEW, ["*.test", "a.shop.test", "*.shop.test"])
    assert served("a.shop.test", route("old", OLD, ["*.shop.test"], "/path"), several)["a.shop.test"] == ["new", "old"]


def test_a_listener_with_a_filter_that_is_not_known_serves_nothing() -> None:
    """It may ask who somebody is: a gateway that cannot ask must not let anybody in (v1.7.0, experimental)."""
    extension = {"group": "example.com", "kind": "Who", "name": "is-it"}
    filters = {"requests": [{"type": "ExtensionRef", "extensionRef": extension}]}
    found = route("new", NEW, ["a.shop.test"])
    assert served("a.shop.test", found, filters={}) == {"a.shop.test": ["new"]}
    assert served("a.shop.test", found, filters=filters) == {}


def test_a_filter_that_leads_nowhere_shuts_every_host_of_its_listener() -> None:
    asked = {"protocol": "HTTP", "backendRef": {"name": "absent", "port": 80}, "http": {}}
    filters = {"requests": [{"type": "ExternalAuth", "externalAuth": asked}]}
    found = route("new", NEW, ["a.shop.test"])
    assert served("a.shop.test", found, port=8090) == {"a.shop.test": ["new"]}
    assert served("a.shop.test", found, port=8090, filters=filters) == {"a.shop.test": []}
    assert served("a.shop.test", found, filters=filters) == {}, "not on the port of Ingresses"
