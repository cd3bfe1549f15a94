"""Whatever happens to our policies and to what they are attached to, in any order: as if from scratch."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from sealos_gateway.model.traffic import Respond, Route
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.core import ServicePort
from sealos_gateway.settings import GatewayApiSettings, Settings
from tests import objects
from tests.properties.histories import Event, as_from_scratch, lived, nothing_is_left
from tests.translate import gateways

SETTINGS = Settings(gateway_api=GatewayApiSettings(control="control.test"))
API = "gateway.networking.k8s.io"
USERS = objects.secret("users", b"", b"")

places = st.sampled_from(
    [
        ("Gateway", "one", ""), ("Gateway", "one", "http"), ("Gateway", "one", "absent"), ("ListenerSet", "more", ""),
        ("ListenerSet", "more", "own"), ("HTTPRoute", "r0", ""), ("HTTPRoute", "r0", "rule"), ("HTTPRoute", "r1", ""),
        ("GRPCRoute", "r0", "rule"), ("Ingress", "old", ""), ("Ingress", "absent", ""),
    ]
)  # fmt: skip


def target(kind: str, name: str, section: str) -> dict[str, Any]:
    group = {"Ingress": "networking.k8s.io", "Service": ""}.get(kind, API)
    return {"group": group, "kind": kind, "name": name, **({"sectionName": section} if section else {})}


targets = st.lists(places.map(lambda it: target(*it)), min_size=1, max_size=3)
created = st.sampled_from(["", "2020", "2021"])
TRAFFIC: list[dict[str, Any]] = [
    {"timeouts": {"request": "1s"}}, {"maxRequestBodySize": 5, "timeouts": {"idle": "2s"}},
    {"mirrors": [{"backendRef": {"name": "api", "port": 80}}]}, {"rewrite": {"pattern": "("}},
    {"responseHeaders": {"set": [{"name": "x", "value": "1"}]}},
]  # fmt: skip
SECURITY: list[dict[str, Any]] = [
    {"ipRestriction": {"allow": ["10.0.0.0/8"]}}, {"ipRestriction": {"allow": ["10.0.0.0/99"]}},
    {"basicAuth": {"secretRef": {"name": "users"}}}, {},
    {"externalAuth": {"backendRef": {"name": "api", "port": 80}}, "satisfy": "Any"},
]  # fmt: skip
BACKEND: list[dict[str, Any]] = [
    {"protocol": "H2C"}, {"sessionAffinity": {"cookie": {"name": "S"}}}, {"loadBalancing": {"algorithm": "Maglev"}},
    {"tls": {"serverName": "a.test", "caCertificateRef": {"name": "ca"}}}, {"fallback": {"name": "api", "port": 80}},
    {"timeouts": {"read": "3s", "connect": "1s"}},
]  # fmt: skip
own = st.one_of(
    st.builds(lambda n, at, of, said: gateways.made(kinds.TRAFFIC_POLICY, f"p{n}", created=at, targetRefs=of, **said),
              st.integers(0, 2), created, targets, st.sampled_from(TRAFFIC)),
    st.builds(lambda n, at, of, said: gateways.made(kinds.SECURITY_POLICY, f"p{n}", created=at, targetRefs=of, **said),
              st.integers(0, 2), created, targets, st.sampled_from(SECURITY)),
    st.builds(
        lambda n, at, name, port, said: gateways.made(
            kinds.BACKEND_POLICY, f"p{n}", created=at, targetRefs=[target("Service", name, port)], **said
        ),
        st.integers(0, 2), created, st.sampled_from(["web", "api"]), st.sampled_from(["", "http", "absent"]),
        st.sampled_from(BACKEND),
    ),
)  # fmt: skip
routes = st.builds(
    lambda kind, number, parent, service, name: gateways.made(
        kind, f"r{number}", parentRefs=[parent], hostnames=["a.test"],
        rules=[{"name": name, "backendRefs": [{"name": service, "port": 80}]}],
    ),
    st.sampled_from([kinds.HTTP_ROUTE, kinds.HTTP_ROUTE, kinds.GRPC_ROUTE]), st.integers(0, 1),
    st.sampled_from([{"name": "one"}, {"name": "more", "kind": "ListenerSet"}]), st.sampled_from(["web", "api"]),
    st.sampled_from(["rule", "other"]),
)  # fmt: skip
ALL = {"namespaces": {"from": "All"}}
others = st.sampled_from(
    [
        gateways.gateway(gateways.listener(), name="one", allowedListeners=ALL),
        gateways.gateway(gateways.listener("other"), name="one", allowedListeners=ALL),
        gateways.listener_set(gateways.listener("own", 9001), parent="one"),
        objects.ingress("old", objects.rule("old.test", objects.path("/"))),
        objects.ingress("old", objects.rule("old.test", objects.path("/")), class_name="other"),
        objects.service("web", ServicePort(80, "http")), objects.service("api", ServicePort(80, "other")),
        objects.slice_of("web", "10.0.0.1"), gateways.config_map("ca", {"ca.crt": "rubbish"}), USERS,
    ]
)  # fmt: skip
events = st.lists(
    st.tuples(st.sampled_from(["put", "put", "put", "drop"]), st.one_of(own, own, routes, others), st.booleans()),
    max_size=25,
)
BASE: list[Event] = [
    ("put", one, False)
    for one in (
        gateways.gateway_class(), gateways.gateway(gateways.listener(), name="one", allowedListeners=ALL),
        gateways.listener_set(gateways.listener("own", 9001), parent="one"),
        objects.service("web", ServicePort(80, "http")), objects.service("api", ServicePort(80, "http")),
        objects.ingress("old", objects.rule("old.test", objects.path("/"))),
        gateways.made(kinds.HTTP_ROUTE, "r0", parentRefs=[{"name": "one"}], hostnames=["a.test"],
                      rules=[{"name": "rule", "backendRefs": [{"name": "web", "port": 80}]}]),
    )
]  # fmt: skip


@pytest.mark.timeout(60)
@settings(max_examples=80, deadline=None)
@given(history=events, random=st.randoms(use_true_random=False))
def test_incremental_is_the_same_as_from_scratch_in_any_order(history: list[Event], random: Any) -> None:
    as_from_scratch([*BASE, *history], random, SETTINGS)


@pytest.mark.timeout(60)
@settings(max_examples=60, deadline=None)
@given(history=events)
def test_what_is_to_be_closed_is_never_open(history: list[Event]) -> None:
    made = lived([*BASE, *history], SETTINGS)
    for said in made.own_policies.said[kinds.SECURITY_POLICY.name].rows.values():
        for at in said.targets:
            attached = made.own_policies.attached[at.origin.kind].get(at.origin.ref)
            assert attached is not None
            unknown = bool(at.section) and at.section in attached.unknown
            if (said.closed and not _lost(attached.lost, said, at)) or unknown:
                assert all(isinstance(route.action, Respond) for route in _routes(made, at, unknown)), (said, at)


def _lost(lost: Any, said: Any, at: Any) -> bool:
    return any((policy, section) == (said.origin, at.section) for policy, section, _ in lost)


def _routes(made: Pipeline, at: Any, whole: bool) -> list[Route]:
    """All routes of a route or an Ingress that is a target as a whole."""
    if at.section and not whole:
        return []
    rows = [*made.hosts.rows.values(), *made.gateway_hosts.rows.values()]
    return [route for row in rows for route in row.routes if route.origin == at.origin]


@pytest.mark.timeout(60)
@settings(max_examples=40, deadline=None)
@given(history=events)
def test_when_everything_is_gone_nothing_is_left(history: list[Event]) -> None:
    nothing_is_left([*BASE, *history], SETTINGS)
