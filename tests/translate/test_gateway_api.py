"""Gateways and ListenerSets: which listeners are good, which conflict, who may attach and refer, and what is said."""

from __future__ import annotations

from typing import Any

import pytest

from sealos_gateway.live import Derived
from sealos_gateway.model.private import Private
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.gateway_api.meta import LabelSelector, LabelSelectorRequirement
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate.gateway_api import selectors
from tests import objects, pem
from tests.translate import gateways
from tests.translate.gateways import (
    gateway,
    https,
    listener,
    listener_set,
    of,
    pipeline,
    row,
    set_status,
    status,
    words,
)

GOOD = {"Accepted": "True Accepted", "Programmed": "True Programmed", "ResolvedRefs": "True ResolvedRefs"}
ADDRESSED = GOOD | {"AddressesAssigned": "True AddressesAssigned"}
GOOD_LISTENER = {**GOOD, "Conflicted": "False NoConflicts"}
SAME = {"namespaces": {"from": "Same"}}


def test_a_gateway_with_one_listener() -> None:
    found = status(pipeline(gateway(listener())))
    assert words(found.conditions) == ADDRESSED
    assert of(found, "http") == GOOD_LISTENER
    assert [it.kind for it in row(found, "http").supported_kinds] == ["HTTPRoute", "GRPCRoute"]
    assert [it.value for it in found.addresses] == ["203.0.113.7"]
    assert found.attached_listener_sets == 0


def test_a_gateway_of_another_controller_is_not_ours_to_judge() -> None:
    other = gateways.made(kinds.GATEWAY_CLASS, "sealos", "", controllerName="example.com/other")
    made = objects.pipeline(other, gateway(listener()), settings=gateways.SETTINGS)
    assert made.gateway_api.statuses.rows == {}
    assert made.gateway_api.listeners.rows == {}


def test_an_unknown_protocol_costs_only_its_listener() -> None:
    found = status(pipeline(gateway(listener(), listener("odd", 99, "example.com/odd"))))
    assert words(found.conditions)["Accepted"] == "True ListenersNotValid"
    assert of(found, "odd")["Accepted"] == "False UnsupportedProtocol"
    assert row(found, "odd").supported_kinds == ()
    assert of(found, "http")["Accepted"] == "True Accepted"


def test_without_any_good_listener_it_is_not_accepted() -> None:
    found = words(status(pipeline(gateway(listener("odd", 99, "example.com/odd")))).conditions)
    assert found["Accepted"] == "False ListenersNotValid"
    assert found["Programmed"] == "False Invalid"


@pytest.mark.parametrize(
    ("kinds_", "left"),
    [([{"kind": "Odd"}], []), ([{"kind": "Odd"}, {"kind": "HTTPRoute"}], ["HTTPRoute"]), ([{"kind": "TCPRoute"}], [])],
)
def test_kinds_that_cannot_attach_are_told_and_left_out(kinds_: list[Any], left: list[str]) -> None:
    found = status(pipeline(gateway(listener(allowedRoutes={"kinds": kinds_}))))
    assert of(found, "http")["ResolvedRefs"] == "False InvalidRouteKinds"
    assert [it.kind for it in row(found, "http").supported_kinds] == left
    assert words(found.conditions)["ResolvedRefs"] == "False ListenersNotResolved"


def test_what_each_protocol_serves() -> None:
    passthrough = listener("t", 9443, "TLS", tls={"mode": "Passthrough"})
    found = status(pipeline(gateway(listener("tcp", 9000, "TCP"), passthrough)))
    assert words(found.conditions) == ADDRESSED
    assert {it.name: [kind.kind for kind in it.supported_kinds] for it in found.listeners} == {
        "tcp": ["TCPRoute"], "t": ["TLSRoute"],
    }  # fmt: skip


def test_udp_and_tcp_stand_side_by_side_on_one_port_and_two_of_udp_do_not() -> None:
    found = status(pipeline(gateway(listener("tcp", 9000, "TCP"), listener("udp", 9000, "UDP"))))
    assert of(found, "udp") == of(found, "tcp") == GOOD_LISTENER
    assert [it.kind for it in row(found, "udp").supported_kinds] == ["UDPRoute"]
    found = status(pipeline(gateway(listener("a", 9000, "UDP"), listener("b", 9000, "UDP"))))
    assert of(found, "a")["Conflicted"] == of(found, "b")["Conflicted"] == "True ProtocolConflict"


def test_kinds_that_cannot_attach_to_udp() -> None:
    kinds_ = {"kinds": [{"kind": "UDPRoute"}, {"kind": "TCPRoute"}]}
    found = status(pipeline(gateway(listener("udp", 9000, "UDP", allowedRoutes=kinds_))))
    assert of(found, "udp")["ResolvedRefs"] == "False InvalidRouteKinds"
    assert [it.kind for it in row(found, "udp").supported_kinds] == ["UDPRoute"]


# ---------------------------------------------------------------- certificates


def test_a_certificate_that_is_there_and_one_that_is_not() -> None:
    assert of(status(pipeline(gateway(https()), gateways.secret())), "https") == GOOD_LISTENER
    made = pipeline(gateway(https()))
    assert of(status(made), "https")["ResolvedRefs"] == "False InvalidCertificateRef"
    assert of(status(made), "https")["Programmed"] == "False Invalid"
    objects.put(made, gateways.secret())
    assert of(status(made), "https") == GOOD_LISTENER
    objects.put(made, objects.secret("cert", b"nonsense", Private(b"nonsense")))
    assert of(status(made), "https")["ResolvedRefs"] == "False InvalidCertificateRef"


@pytest.mark.parametrize("reference", [{"group": "g", "name": "cert"}, {"kind": "ConfigMap", "name": "cert"}])
def test_a_reference_of_an_odd_kind(reference: dict[str, str]) -> None:
    odd = listener("https", 443, "HTTPS", tls={"certificateRefs": [reference]})
    assert (
        of(status(pipeline(gateway(odd), gateways.secret())), "https")["ResolvedRefs"] == "False InvalidCertificateRef"
    )


def test_a_secret_of_another_namespace_needs_a_grant() -> None:
    made = pipeline(gateway(https(secret_namespace="safe")), gateways.secret(in_="safe"))
    assert of(status(made), "https")["ResolvedRefs"] == "False RefNotPermitted"
    assert Ref("safe", "cert") not in made.secrets_in_use.rows  # it is not even read
    for wrong in (
        gateways.grant("safe", "HTTPRoute", "Secret"),
        gateways.grant("safe", "Gateway", "Service"),
        gateways.grant("safe", "Gateway", "Secret", from_="other"),
        gateways.grant("safe", "Gateway", "Secret", name="another"),
        gateways.grant("elsewhere", "Gateway", "Secret"),
    ):
        objects.put(made, wrong)
        assert of(status(made), "https")["ResolvedRefs"] == "False RefNotPermitted"
    objects.put(made, gateways.grant("safe", "Gateway", "Secret", name="cert"))
    assert of(status(made), "https") == GOOD_LISTENER
    objects.drop(made, gateways.grant("safe", "Gateway", "Secret"))
    assert of(status(made), "https")["ResolvedRefs"] == "False RefNotPermitted"


def test_a_client_certificate_towards_backends() -> None:
    reference = {"backend": {"clientCertificateRef": {"name": "cert"}}}
    made = pipeline(gateway(listener(), tls=reference))
    found = words(status(made).conditions)
    assert (found["ResolvedRefs"], found["Accepted"]) == ("False InvalidClientCertificateRef", "True Accepted")
    objects.put(made, gateways.secret())
    assert words(status(made).conditions) == ADDRESSED


def frontend(**validation: Any) -> dict[str, Any]:
    references = [{"group": "", "kind": "ConfigMap", "name": "ca"}]
    return {"frontend": {"default": {"validation": {"caCertificateRefs": references, **validation}}}}


def test_without_a_good_authority_nobody_is_let_in() -> None:
    made = pipeline(gateway(https(), listener(), tls=frontend()), gateways.secret())
    found = of(status(made), "https")
    assert found["Accepted"] == "False NoValidCACertificate"
    assert found["ResolvedRefs"] == "False InvalidCACertificateRef"
    assert of(status(made), "http") == GOOD_LISTENER  # plain HTTP knows no certificates
    chain = pem.pair("a.com").chain.decode()
    objects.put(made, gateways.config_map("ca", {"ca.crt": chain}))
    assert of(status(made), "https") == GOOD_LISTENER
    (judged,) = [it for it in made.gateway_api.listeners.rows[Ref("shop", "edge")] if it.name == "https"]
    assert [str(it) for it in judged.authorities] == ["ConfigMap shop/ca"]
    assert not judged.optional


def test_the_insecure_fallback_is_told() -> None:
    made = pipeline(gateway(https(), tls=frontend(mode="AllowInsecureFallback")), gateways.secret())
    assert words(status(made).conditions)["InsecureFrontendValidationMode"] == "True ConfigurationChanged"


# ---------------------------------------------------------------- conflicts


def test_listeners_of_one_gateway_that_conflict_are_all_refused() -> None:
    found = status(pipeline(gateway(listener("a", 80), listener("b", 80, "TCP"), listener("c", 81))))
    for name in ("a", "b"):
        assert of(found, name)["Accepted"] == "False ProtocolConflict"
        assert of(found, name)["Conflicted"] == "True ProtocolConflict"
    assert of(found, "c") == GOOD_LISTENER


def test_hostnames_and_transports_keep_listeners_apart() -> None:
    tls = {"tls": {"certificateRefs": [{"name": "cert"}]}}
    many = [
        listener("a", 443, "HTTPS", hostname="a.com", **tls), listener("b", 443, "HTTPS", hostname="*.b.com", **tls),
        listener("c", 443, "TLS", hostname="c.com", tls={"mode": "Passthrough"}), listener("d", 443, "UDP"),
    ]  # fmt: skip
    found = status(pipeline(gateway(*many), gateways.secret()))
    assert {it.name for it in found.listeners if "True" in of(found, it.name)["Conflicted"]} == set()


def test_overlapping_names_under_tls_are_told() -> None:
    many = [https("a", hostname="x.a.com"), https("b", hostname="*.a.com"), https("c", hostname="c.com")]
    found = status(pipeline(gateway(*many), gateways.secret()))
    assert (
        of(found, "a")["OverlappingTLSConfig"] == of(found, "b")["OverlappingTLSConfig"] == "True OverlappingHostnames"
    )
    assert "OverlappingTLSConfig" not in of(found, "c")


def overlapping(made: Pipeline) -> set[str]:
    """The listeners that are told, wherever they are written."""
    found = [
        *status(made).listeners,
        *(it for row in made.gateway_api.set_statuses.rows.values() for it in row.listeners),
    ]
    return {it.name for it in found if any(one.type == "OverlappingTLSConfig" for one in it.conditions)}


def test_overlapping_names_of_other_objects_are_told_too() -> None:
    everyone = {"namespaces": {"from": "All"}}
    wide, narrow = https("wide", hostname="*.a.com"), https("narrow", hostname="x.y.a.com")
    apart, other_port = https("apart", hostname="b.com"), https("port", 444, hostname="z.a.com")
    made = pipeline(
        gateway(wide, apart, allowedListeners=everyone), listener_set(narrow, name="n"), gateways.secret(),
        listener_set(other_port, listener("plain", 80, hostname="z.a.com"), name="p"),
    )  # fmt: skip
    assert overlapping(made) == {"wide", "narrow"}
    objects.put(made, listener_set(https("any"), name="w"))
    assert overlapping(made) == {"wide", "narrow", "apart", "any"}
    objects.drop(made, listener_set(https("any"), name="w"))
    objects.drop(made, listener_set(narrow, name="n"))
    assert overlapping(made) == set()


def test_one_name_more_below_a_wildcard_wakes_nobody_who_overlaps_already() -> None:
    everyone = {"namespaces": {"from": "All"}}
    sets = [listener_set(https(hostname=f"h{number}.a.com"), name=f"s{number}") for number in range(20)]
    wide = listener_set(https("wide", hostname="*.a.com"), name="wide")
    made = pipeline(gateway(listener(), allowedListeners=everyone), wide, gateways.secret(), *sets)
    before = made.gateway_api.set_statuses.computed
    objects.put(made, listener_set(https(hostname="new.a.com"), name="new"))
    assert made.gateway_api.set_statuses.computed - before == 1
    assert len([it for it in overlapping(made) if it == "wide"]) == 1


# ---------------------------------------------------------------- ListenerSets


def allowing(from_: str, **more: Any) -> Any:
    return gateway(listener(hostname="a.com"), allowedListeners={"namespaces": {"from": from_, **more}})


def test_a_listener_set_adds_its_listeners() -> None:
    made = pipeline(allowing("Same"), listener_set(listener("more", 8080), listener("other", hostname="b.com")))
    assert words(set_status(made).conditions) == {"Accepted": "True Accepted", "Programmed": "True Programmed"}
    assert of(set_status(made), "more") == GOOD_LISTENER
    assert status(made).attached_listener_sets == 1
    assert [port.number for port in made.gateway_ports.rows[Ref("shop", "edge")]] == [80, 8080]


def test_nobody_is_let_in_by_default() -> None:
    made = pipeline(gateway(listener()), listener_set(listener("more", 8080)))
    assert words(set_status(made).conditions) == {"Accepted": "False NotAllowed", "Programmed": "False NotAllowed"}
    assert status(made).attached_listener_sets == 0
    assert [port.number for port in made.gateway_ports.rows[Ref("shop", "edge")]] == [80]


def test_namespaces_are_selected_by_their_labels_as_they_change() -> None:
    selector = {"selector": {"matchLabels": {"tenant": "yes"}}}
    other = listener_set(listener("more", 8080), namespace="blog")
    made = pipeline(allowing("Selector", **selector), other, gateways.namespace("blog"))
    assert words(set_status(made, namespace="blog").conditions)["Accepted"] == "False NotAllowed"
    objects.put(made, gateways.namespace("blog", tenant="yes"))
    assert words(set_status(made, namespace="blog").conditions)["Accepted"] == "True Accepted"


def test_the_gateway_comes_first_and_then_the_older_set() -> None:
    first = listener_set(
        listener("a", hostname="a.com"), listener("b", hostname="b.com"), created="2026-01-01T00:00:00Z"
    )
    second = listener_set(listener("b", hostname="b.com"), name="late", created="2026-01-02T00:00:00Z")
    made = pipeline(allowing("Same"), second, first)
    assert of(status(made), "http") == GOOD_LISTENER
    assert of(set_status(made), "a")["Accepted"] == "False HostnameConflict"
    assert of(set_status(made), "b") == GOOD_LISTENER
    assert words(set_status(made).conditions)["Accepted"] == "True ListenersNotValid"
    assert words(set_status(made, "late").conditions) == {
        "Accepted": "False ListenersNotValid", "Programmed": "False ListenersNotValid",
    }  # fmt: skip
    objects.drop(made, first)
    assert of(set_status(made, "late"), "b") == GOOD_LISTENER


def test_a_set_cannot_take_a_port_with_another_protocol() -> None:
    made = pipeline(allowing("Same"), listener_set(listener("tcp", 80, "TCP")))
    assert of(set_status(made), "tcp")["Conflicted"] == "True ProtocolConflict"
    assert of(status(made), "http") == GOOD_LISTENER


def test_a_listener_that_is_refused_takes_nothing_from_its_neighbours() -> None:
    row_ = listener_set(listener("web", 80, hostname="b.com"), listener("tcp", 80, "TCP"))
    made = pipeline(allowing("Same"), row_)
    assert of(set_status(made), "tcp")["Accepted"] == "False ProtocolConflict"
    assert of(set_status(made), "web") == GOOD_LISTENER
    assert words(set_status(made).conditions)["Programmed"] == "True Programmed"


def test_what_is_refused_stands_in_nobodys_way() -> None:
    early = listener_set(listener("tcp", 80, "TCP"), name="early", created="2026-01-01T00:00:00Z")
    late = listener_set(listener("web", 80, hostname="b.com"), name="late", created="2026-01-02T00:00:00Z")
    made = pipeline(allowing("Same"), early, late)
    assert of(set_status(made, "early"), "tcp")["Accepted"] == "False ProtocolConflict"
    assert of(set_status(made, "late"), "web") == GOOD_LISTENER


def test_on_a_port_of_its_own_the_older_set_decides() -> None:
    early = listener_set(listener("tcp", 81, "TCP"), name="early", created="2026-01-01T00:00:00Z")
    late = listener_set(listener("web", 81), name="late", created="2026-01-02T00:00:00Z")
    made = pipeline(allowing("Same"), late, early)
    assert of(set_status(made, "early"), "tcp") == GOOD_LISTENER
    assert of(set_status(made, "late"), "web")["Conflicted"] == "True ProtocolConflict"


def test_only_sets_that_add_something_are_counted() -> None:
    conflicting = listener_set(listener("a", hostname="a.com"), name="vain")
    made = pipeline(allowing("Same"), conflicting, listener_set(listener("b", hostname="b.com")))
    assert status(made).attached_listener_sets == 1


def test_a_set_needs_a_grant_of_its_own() -> None:
    """The grant for Gateways is none for ListenerSets."""
    made = pipeline(
        allowing("All"), listener_set(https(secret_namespace="safe")), gateways.secret(in_="safe"),
        gateways.grant("safe", "Gateway", "Secret"),
    )  # fmt: skip
    assert of(set_status(made), "https")["ResolvedRefs"] == "False RefNotPermitted"
    assert words(set_status(made).conditions)["Accepted"] == "False ListenersNotValid"
    objects.put(made, gateways.grant("safe", "ListenerSet", "Secret"))
    assert words(set_status(made).conditions)["Accepted"] == "True Accepted"


def test_a_set_of_a_gateway_that_is_not_accepted() -> None:
    bad = gateway(listener("odd", 99, "example.com/odd"), allowedListeners={"namespaces": {"from": "All"}})
    made = pipeline(bad, listener_set(listener("more", 8080)))
    assert words(set_status(made).conditions)["Accepted"] == "False ParentNotAccepted"


def test_one_set_more_wakes_only_its_own() -> None:
    """The cost of a ListenerSet does not depend on how many there are."""
    for many in (10, 200):
        sets = [listener_set(listener("l", hostname=f"h{number}.com"), name=f"s{number}") for number in range(many)]
        made = pipeline(allowing("Same"), *sets)
        api = made.gateway_api
        tables: list[Derived[Ref, Any]] = [api.set_claims, api.set_listeners, api.set_statuses]
        before = [it.computed for it in tables]
        objects.put(made, listener_set(listener("l", hostname="new.com"), name="new"))
        assert [it.computed - earlier for it, earlier in zip(tables, before, strict=True)] == [1, 1, 1]


# ---------------------------------------------------------------- selectors


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        (None, False),
        (LabelSelector(), True),
        (LabelSelector({"a": "1"}), True),
        (LabelSelector({"a": "2"}), False),
        (LabelSelector(None, (LabelSelectorRequirement("a", "In", ("1", "2")),)), True),
        (LabelSelector(None, (LabelSelectorRequirement("a", "NotIn", ("1",)),)), False),
        (LabelSelector(None, (LabelSelectorRequirement("b", "NotIn", ("1",)),)), True),
        (LabelSelector(None, (LabelSelectorRequirement("a", "Exists"),)), True),
        (LabelSelector(None, (LabelSelectorRequirement("a", "DoesNotExist"),)), False),
        (LabelSelector(None, (LabelSelectorRequirement("a", "Guess"),)), False),
        (LabelSelector({"a": "1"}, (LabelSelectorRequirement("b", "Exists"),)), False),
    ],
)
def test_labels_are_selected_as_kubernetes_does(selector: LabelSelector | None, selected: bool) -> None:
    assert selectors.matches(selector, {"a": "1"}) is selected


def test_a_listener_set_without_listeners_serves_nothing_and_says_so() -> None:
    everyone = {"namespaces": {"from": "All"}}
    made = pipeline(gateway(listener(), allowedListeners=everyone), listener_set())
    assert words(set_status(made).conditions) == {
        "Accepted": "False ListenersNotValid",
        "Programmed": "False ListenersNotValid",
    }
