"""Default Gateways (GEP-3793): who takes routes that name no Gateway, what is said of it, and what a change costs."""

from __future__ import annotations

from typing import Any

import pytest

from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.gateway_api.meta import ParentStatus
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref, Resource
from tests import objects
from tests.translate import gateways
from tests.translate.gateways import gateway, listener, pipeline, row, status, words
from tests.translate.test_routes import ALL, GOOD, answer, backend, hosts, rule


def defaulted(name: str = "web", *, kind: Kind = kinds.HTTP_ROUTE, in_: str = "shop", **spec: Any) -> Resource:
    """A route that asks for default Gateways, unless it is said otherwise."""
    whole = {"useDefaultGateways": "All", "rules": [rule()], **spec}
    return gateways.made(kind, name, in_, **({"hostnames": ["a.com"]} if kind == kinds.HTTP_ROUTE else {}) | whole)


def default(*listeners: dict[str, Any], name: str = "edge", scope: str = "All", **spec: Any) -> Resource:
    return gateway(*listeners, name=name, defaultScope=scope, **spec)


def parents(made: Pipeline, name: str = "web", in_: str = "shop", kind: Kind = kinds.HTTP_ROUTE) -> dict[str, str]:
    """By each parent, as namespace/name/section, whether it has accepted the route."""
    found = made.gateway_statuses[kind].get(Ref(in_, name))
    entries: tuple[ParentStatus, ...] = found.parents if found is not None else ()
    return {
        f"{it.parent_ref.namespace}/{it.parent_ref.name}/{it.parent_ref.section_name or ''}": words(it.conditions)[
            "Accepted"
        ]
        for it in entries
    }


def test_a_default_gateway_takes_a_route_that_names_none_and_says_so() -> None:
    made = pipeline(default(listener()), defaulted(), *backend())
    assert parents(made) == {"shop/edge/": "True Accepted"}
    found = made.gateway_statuses[kinds.HTTP_ROUTE].rows[Ref("shop", "web")]
    (entry,) = found.parents
    assert words(entry.conditions) == GOOD
    assert "default" in entry.conditions[0].message
    assert answer(made) == {"Prefix /": "shop/web"}
    assert row(status(made), "http").attached_routes == 1
    assert words(status(made).conditions)["DefaultGateway"] == "True DefaultGateway"
    assert made.problems() == []


@pytest.mark.parametrize("scope", ["", "None"])
def test_who_is_no_default_takes_nobody_and_has_no_such_condition(scope: str) -> None:
    made = pipeline(default(listener(), scope=scope), defaulted(), *backend())
    assert (parents(made), set(hosts(made)) - {"*"}) == ({}, set())
    assert "DefaultGateway" not in words(status(made).conditions)
    assert [(it.field, it.reason) for it in made.problems()] == [("spec.useDefaultGateways", "NoDefaultGateway")]


@pytest.mark.parametrize("asked", ["", "None", "Elsewhere"])
def test_a_route_that_does_not_ask_for_them_is_not_taken(asked: str) -> None:
    made = pipeline(default(listener()), defaulted(useDefaultGateways=asked), *backend())
    assert parents(made) == {}
    assert [it.reason for it in made.problems()] == (["NoDefaultGateway"] if asked == "Elsewhere" else [])


def test_a_scope_that_is_not_known_is_told() -> None:
    made = pipeline(default(listener(), scope="Elsewhere"))
    assert words(status(made).conditions)["DefaultGateway"] == "False UnsupportedValue"
    assert [(str(it.origin), it.reason) for it in made.problems()] == [("Gateway shop/edge", "UnsupportedValue")]


def test_every_default_gateway_takes_it_and_those_that_are_named_as_well() -> None:
    named = [{"name": "own"}, {"name": "edge", "sectionName": "http"}, {"name": "third"}]
    made = pipeline(
        default(listener()), default(listener("o", 81), name="other"), default(listener("t", 83), name="third"),
        gateway(listener("x", 82), name="own"), defaulted(parentRefs=named), *backend(),
    )  # fmt: skip
    assert parents(made) == {
        "None/own/": "True Accepted", "None/edge/http": "True Accepted", "None/third/": "True Accepted",
        "shop/edge/": "True Accepted", "shop/other/": "True Accepted",
    }  # fmt: skip
    assert row(status(made), "http").attached_routes == 1, "once, though two references lead there"
    objects.put(made, gateway(listener("o", 81), name="other"))
    assert "shop/other/" not in parents(made)
    objects.drop(made, default(listener()))
    assert "shop/edge/" not in parents(made)


def test_whose_routes_a_listener_allows_holds_for_defaults_too() -> None:
    elsewhere = (defaulted(in_="other"), *backend(in_="other"))
    made = pipeline(default(listener()), *elsewhere)
    assert parents(made, in_="other") == {"shop/edge/": "False NotAllowedByListeners"}
    objects.put(made, default(listener(allowedRoutes=ALL)))
    assert parents(made, in_="other") == {"shop/edge/": "True Accepted"}


def test_routes_of_connections_are_taken_as_well() -> None:
    rules = [{"backendRefs": [{"name": "web", "port": 80}]}]
    tcp = defaulted("tcp", kind=kinds.TCP_ROUTE, rules=rules)
    made = pipeline(default(listener("tcp", 9000, "TCP")), tcp, *backend())
    assert parents(made, "tcp", kind=kinds.TCP_ROUTE) == {"shop/edge/": "True Accepted"}
    assert [len(it.targets) for it in made.routes.listeners.rows["/9000"].streams] == [1]


def test_a_default_gateway_of_another_controller_is_not_ours_to_speak_for() -> None:
    other = gateways.made(kinds.GATEWAY_CLASS, "other", "", controllerName="example.com/other")
    theirs = gateways.made(
        kinds.GATEWAY, "theirs", gatewayClassName="other", listeners=[listener()], defaultScope="All"
    )
    made = pipeline(other, theirs, defaulted(), *backend())
    assert (parents(made), made.problems()) == ({}, [])


def test_a_default_gateway_more_wakes_only_routes_that_ask_for_one() -> None:
    def named(number: int) -> Resource:
        return defaulted(f"r{number}", useDefaultGateways="", parentRefs=[{"name": "edge"}])

    for size in (10, 200):
        made = pipeline(default(listener()), *(named(number) for number in range(size)), defaulted(), *backend())
        before = made.routes.attached["HTTPRoute"].computed
        objects.put(made, default(listener("o", 81), name="other"))
        # Once for the group of defaults, and in the same pass for its listeners.
        assert made.routes.attached["HTTPRoute"].computed - before == 1
        assert set(parents(made)) == {"shop/edge/", "shop/other/"}
