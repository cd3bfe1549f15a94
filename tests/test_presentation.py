"""How rows are shown to one Envoy."""

from __future__ import annotations

import pytest

from sealos_gateway.envoy import api, names, routes, types
from sealos_gateway.model.keys import HostKey
from sealos_gateway.presentation import EnvoyPresentation

SHOWN = EnvoyPresentation()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.example.com", ("a.example.com", "*.example.com", "*")),
        ("A.Example.COM.", ("a.example.com", "*.example.com", "*")),
        ("x.a.example.com", ("x.a.example.com", "*.a.example.com", "*")),
        ("localhost", ("localhost", "*")),
        ("*", ("*",)),
        ("-", ("-", "*")),
        ("rsa/a.example.com", ("rsa/a.example.com",)),
    ],
)
def test_a_certificate_is_looked_for_by_name_then_wildcard_then_any(name: str, wanted: tuple[str, ...]) -> None:
    assert SHOWN.candidates(names.SECRET, name) == wanted


@pytest.mark.parametrize("name", ["a.example.com", "A.Example.com"])
def test_on_a_data_plane_of_gateways_a_name_is_that_of_the_plane(name: str) -> None:
    shown = EnvoyPresentation("shop.edge")
    assert shown.candidates(names.SECRET, name) == ("served/shop.edge/a.example.com",)
    assert shown.candidates(names.SECRET, "client/shop/cert") == ("client/shop/cert",)
    assert names.parse_served(*shown.candidates(names.SECRET, name)) == ("shop.edge", "a.example.com")
    assert [names.parse_served(other) for other in ("a.com", "client/shop/a", "served/x")] == [None] * 3


@pytest.mark.parametrize("type_", [type_ for type_ in names.ORDER if type_ != names.SECRET])
def test_everything_else_answers_to_its_own_name_only(type_: str) -> None:
    assert SHOWN.candidates(type_, "ingress|A.com") == ("ingress|A.com",)


def test_a_certificate_bears_the_name_that_was_asked_for() -> None:
    body = SHOWN.present(names.SECRET, "A.com", "*.com", b"", hot=False)
    assert api.tls_secret.Secret.FromString(body).name == "A.com"


def test_only_hot_scopes_are_eager() -> None:
    body = routes.host_scope(HostKey("ingress", "a.com")).SerializeToString()
    scope = api.scoped_route.ScopedRouteConfiguration
    assert scope.FromString(SHOWN.present(names.SCOPE, "x", "x", body, hot=False)).on_demand
    assert not scope.FromString(SHOWN.present(names.SCOPE, "x", "x", body, hot=True)).on_demand
    assert SHOWN.present(names.CLUSTER, "x", "x", b"body", hot=True) == b"body"


def test_a_host_that_is_gone_has_empty_routes_and_nothing_else_has_a_stand_in() -> None:
    body = SHOWN.absent(names.ROUTES, "ingress|a.com")
    assert body is not None
    assert api.route.RouteConfiguration.FromString(body).name == "ingress|a.com"
    assert all(SHOWN.absent(type_, "x") is None for type_ in names.ORDER if type_ != names.ROUTES)


def test_only_server_names_are_made_up_by_clients() -> None:
    assert SHOWN.invented(types.SECRET, "a.example.com")
    assert not SHOWN.invented(types.SECRET, "trust/ConfigMap/shop/ca")
