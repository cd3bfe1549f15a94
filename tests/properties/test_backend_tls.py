"""Whatever happens to policies about TLS, their authorities and their Services, in any order: as if from scratch."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from sealos_gateway.envoy import names
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.core import ServicePort
from sealos_gateway.settings import GatewayApiSettings, Settings
from sealos_gateway.xds.planes import OWN, View
from tests import objects, pem
from tests.properties.histories import Event, as_from_scratch, lived, nothing_is_left
from tests.translate import gateways

#: Each Gateway has a data plane of its own: what must not be seen elsewhere shows, too.
SETTINGS = Settings(gateway_api=GatewayApiSettings(control="control.test"))
ROOTS = [pem.pair("ca.test", number=number).chain.decode() for number in range(2)]

services = st.sampled_from(["web", "api"])
references = st.builds(
    lambda group, kind, name: {"group": group, "kind": kind, "name": name},
    st.sampled_from(["", "", "", "odd.test"]), st.sampled_from(["ConfigMap", "ConfigMap", "Secret", "Pod"]),
    st.sampled_from(["ca", "more"]),
)  # fmt: skip
alternatives = st.sampled_from(
    [
        {"type": "Hostname", "hostname": "a.test"}, {"type": "URI", "uri": "spiffe://a"},
        {"type": "Hostname"}, {"type": "Odd", "uri": ""},
    ]
)  # fmt: skip
validations = st.builds(
    lambda host, refs, known, others: {
        "hostname": host, "caCertificateRefs": refs, "subjectAltNames": others,
        **({"wellKnownCACertificates": known} if known else {}),
    },
    st.sampled_from(["a.test", "a.test", "*.test", "", "a\n.test", "x" * 300]), st.lists(references, max_size=2),
    st.sampled_from(["", "", "System", "odd.test/x"]), st.lists(alternatives, max_size=2),
)  # fmt: skip
targets = st.builds(
    lambda kind, name, section: {"group": "", "kind": kind, "name": name, "sectionName": section or None},
    st.sampled_from(["Service", "Service", "Pod"]), services, st.sampled_from(["", "http", "other"]),
)  # fmt: skip
policies = st.builds(
    lambda number, created, of, wanted: gateways.made(
        kinds.BACKEND_TLS_POLICY, f"p{number}", created=created, targetRefs=of, validation=wanted
    ),
    st.integers(0, 2), st.sampled_from(["", "2020", "2021"]), st.lists(targets, min_size=1, max_size=2), validations,
)  # fmt: skip
PORTS = [(ServicePort(80, "http"),), (ServicePort(80, "other", app_protocol="https"), ServicePort(81, "http"))]
some_services = st.builds(
    lambda name, ports: objects.service(name, *ports), services,
    st.sampled_from(PORTS),
)  # fmt: skip
routes = st.builds(
    lambda kind, number, parent, service: gateways.made(
        kind, f"r{number}", parentRefs=[{"name": parent}], rules=[{"backendRefs": [{"name": service, "port": 80}]}]
    ),
    st.sampled_from([kinds.HTTP_ROUTE, kinds.GRPC_ROUTE, kinds.TCP_ROUTE, kinds.TLS_ROUTE]), st.integers(0, 1),
    st.sampled_from(["one", "two"]), services,
)  # fmt: skip
LISTENERS = [
    gateways.listener(),
    gateways.listener("tcp", 9000, "TCP"),
    gateways.listener("unread", 8443, "TLS", tls={"mode": "Passthrough"}),
    gateways.listener("ends", 8444, "TLS", tls={"certificateRefs": [{"name": "cert"}]}),
]
edges = st.builds(
    lambda name, chosen, shown: gateways.gateway(
        *chosen, name=name, **({"tls": {"backend": {"clientCertificateRef": {"name": shown}}}} if shown else {})
    ),
    st.sampled_from(["one", "two"]), st.lists(st.sampled_from(LISTENERS), unique_by=lambda it: it["name"]),
    st.sampled_from(["", "cert", "absent"]),
)  # fmt: skip
maps = st.builds(
    lambda name, text: gateways.config_map(name, {"ca.crt": text}), st.sampled_from(["ca", "more"]),
    st.sampled_from([*ROOTS, "", "rubbish"]),
)  # fmt: skip
others = st.sampled_from([gateways.gateway_class(), gateways.secret(), objects.web("a.com"), objects.secret("ca")])
resources = st.one_of(policies, policies, some_services, routes, routes, edges, maps, others)
#: Where every history begins, so that most of what happens matters.
BASE: list[Event] = [
    ("put", one, False)
    for one in (
        gateways.gateway_class(),
        gateways.gateway(*LISTENERS, name="one"),
        gateways.config_map("ca", {"ca.crt": ROOTS[0]}),
        gateways.secret(),
        objects.service("web", ServicePort(80, "http")),
        gateways.made(
            kinds.HTTP_ROUTE, "r0", parentRefs=[{"name": "one"}], rules=[{"backendRefs": [{"name": "web", "port": 80}]}]
        ),
    )
]  # fmt: skip
events = st.lists(st.tuples(st.sampled_from(["put", "put", "put", "drop"]), resources, st.booleans()), max_size=25)


def seen(made: Pipeline) -> dict[tuple[str, str], list[str]]:
    """What each data plane may have, by type."""
    planes = (OWN, "shop.one", "shop.two")
    return {
        (plane, type_): sorted(View(made.snapshot, plane).names(type_)) for plane in planes for type_ in names.ORDER
    }


@pytest.mark.timeout(60)
@settings(max_examples=80, deadline=None)
@given(history=events, random=st.randoms(use_true_random=False))
def test_incremental_is_the_same_as_from_scratch_in_any_order(history: list[Event], random: Any) -> None:
    made, fresh = as_from_scratch([*BASE, *history], random, SETTINGS)
    assert seen(made) == seen(fresh)


@pytest.mark.timeout(60)
@settings(max_examples=60, deadline=None)
@given(history=events)
def test_no_backend_with_a_policy_is_ever_spoken_to_without_verification(history: list[Event]) -> None:
    made = lived([*BASE, *history], SETTINGS)
    for key, row in made.backends.rows.items():
        if made.backend_tls.holder(key) is not None:
            assert row.shut or (row.tls is not None and row.tls.verify), key
        if row.tls is not None and row.tls.authorities:
            assert row.tls.authorities in made.bundles.rows


@pytest.mark.timeout(60)
@settings(max_examples=40, deadline=None)
@given(history=events)
def test_when_everything_is_gone_nothing_is_left(history: list[Event]) -> None:
    nothing_is_left([*BASE, *history], SETTINGS)
