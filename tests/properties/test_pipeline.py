"""Whatever happens to a few objects, in any order: what Envoy gets and users are told is as if from scratch."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from sealos_gateway.model.traffic import Forward
from sealos_gateway.resources.core import ServicePort
from sealos_gateway.settings import DefaultCertificate, HostOwnership, IngressSettings, Settings, TlsSettings
from tests import objects, pem
from tests.properties.histories import Event, as_from_scratch, lived, nothing_is_left

HOSTS = ("a.example.com", "b.example.com", "*.example.com", "", "A.example.com", "bad host")
NAMESPACES = ("one", "two")
PAIRS = (
    pem.pair("a.example.com"),
    pem.pair("*.example.com", kind="rsa"),
    pem.pair("*.example.com", "a.example.com", number=1),
    pem.Pair(b"junk", b"junk"),
)
SETTINGS = {
    "shared": Settings(),
    "owned": Settings(
        ingress=IngressSettings(host_ownership=HostOwnership.FIRST_NAMESPACE),
        tls=TlsSettings(default_certificates=(DefaultCertificate("*", "one/cert-0"),)),
    ),
}

namespaces = st.sampled_from(NAMESPACES)
services = st.sampled_from(["web", "api"])
paths = st.builds(
    objects.path, st.sampled_from(["/", "/a", "/a/", "/a/b"]), services, st.sampled_from([80, 81, "http"]),
    st.sampled_from(["Prefix", "Exact"]),
)  # fmt: skip
rules = st.builds(lambda host, found: objects.rule(host, *found), st.sampled_from(HOSTS), st.lists(paths, max_size=2))
tls = st.builds(
    lambda number, hosts: objects.tls(f"cert-{number}", *hosts),
    st.integers(0, 2), st.lists(st.sampled_from(HOSTS[:3]), max_size=2),
)  # fmt: skip
ingresses = st.builds(
    lambda number, namespace, found, **more: objects.ingress(f"i{number}", *found, namespace=namespace, **more),
    st.integers(0, 1), namespaces, st.lists(rules, max_size=2),
    created=st.sampled_from(["", "2020", "2021"]),
    class_name=st.sampled_from(["sealos", "sealos", "mine", "nginx", None]),
    tls=st.lists(tls, max_size=2),
    default=st.none() | st.builds(objects.backend, services),
    annotations=st.none() | st.just({"sealos.io/ssl-redirect": "false"}),
)  # fmt: skip
classes = st.builds(
    objects.ingress_class,
    st.sampled_from(["mine", "nginx"]),
    st.sampled_from(["sealos.io/gateway-controller", "other"]),
    st.booleans(),
)
ports = st.sampled_from([(ServicePort(80, "http"),), (ServicePort(81, "http", app_protocol="grpc"), ServicePort(80))])
some_services = st.one_of(
    st.builds(
        lambda name, found, namespace: objects.service(name, *found, namespace=namespace), services, ports, namespaces
    ),
    st.builds(lambda name, namespace: objects.external(name, "db.org", namespace=namespace), services, namespaces),
)
slices = st.builds(
    lambda name, addresses, number, namespace: objects.slice_of(
        name, *addresses, name=f"s{number}", namespace=namespace
    ),
    services, st.lists(st.sampled_from(["10.0.0.1", "10.0.0.2"]), max_size=2), st.integers(0, 1), namespaces,
)  # fmt: skip
secrets = st.builds(
    lambda number, pair, namespace: objects.secret(f"cert-{number}", pair.chain, pair.key, namespace),
    st.integers(0, 2), st.sampled_from(PAIRS), namespaces,
)  # fmt: skip
resources = st.one_of(ingresses, ingresses, classes, some_services, slices, secrets)
events = st.lists(st.tuples(st.sampled_from(["put", "put", "drop"]), resources, st.booleans()), max_size=25)


@pytest.mark.parametrize("chosen", SETTINGS)
@settings(max_examples=60)
@given(history=events, random=st.randoms(use_true_random=False))
def test_incremental_is_the_same_as_from_scratch_in_any_order(chosen: str, history: list[Event], random: Any) -> None:
    as_from_scratch(history, random, SETTINGS[chosen])


@settings(max_examples=60)
@given(history=events)
def test_every_name_that_a_resource_uses_exists(history: list[Event]) -> None:
    """No route without its cluster, no cluster without its endpoints unless DNS has them, and nothing idle."""
    made = lived(history, SETTINGS["shared"])
    actions = [route.action for row in made.hosts.rows.values() for route in row.routes]
    named = {action.backend for action in actions if isinstance(action, Forward)}
    assert named == set(made.backends.rows)
    assert {key for key, row in made.backends.rows.items() if not row.dns_name} == set(made.endpoints.rows)


@settings(max_examples=60)
@given(history=events)
def test_when_everything_is_gone_nothing_is_left(history: list[Event]) -> None:
    nothing_is_left(history, SETTINGS["shared"])
