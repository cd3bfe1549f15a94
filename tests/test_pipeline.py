"""The whole flow, and THE PROMISE: what one change costs does not depend on how many hosts there are.

Costs are counted, not timed: rows computed over all tables, and resources that an Envoy would get to hear of.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sealos_gateway.envoy import names
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.core import EndpointSlice, Secret, Service
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Resource
from sealos_gateway.settings import DefaultCertificate, Settings, TlsSettings
from tests import costs, objects, pem
from tests.costs import Change

SIZES = (100, 5_000)
SECRETS = 20  # the last hosts have TLS: as many at every size, because checking a certificate costs time here
OLD, NEW = pem.pair("*.example.com"), pem.pair("*.example.com", number=1)


def site(number: int, host: str = "", path: str = "/", class_name: str = "sealos") -> Ingress:
    namespace, host = f"ns-{number}", host or f"h{number}.example.com"
    tls = [objects.tls("cert", host)] if number < SECRETS else []
    rule = objects.rule(host, objects.path(path))
    return objects.ingress("web", rule, namespace=namespace, tls=tls, class_name=class_name)


def service(number: int, note: str = "") -> Service:
    return objects.service("web", namespace=f"ns-{number}", annotations={"note": note} if note else None)


def pods(number: int, *addresses: str) -> EndpointSlice:
    return objects.slice_of("web", *addresses, namespace=f"ns-{number}")


def secret(number: int, pair: pem.Pair = OLD) -> Secret:
    return objects.secret("cert", pair.chain, pair.key, f"ns-{number}")


def everything(size: int) -> Iterator[Resource]:
    for number in range(size):
        yield site(number)
        yield service(number)
        yield pods(number, "10.0.0.1")
    for number in range(SECRETS):
        yield secret(number)


@pytest.fixture(scope="module")
def worlds() -> dict[int, Pipeline]:
    return {size: objects.pipeline(*everything(size)) for size in SIZES}


HOST = {"scopes": 1, "routes": 1}
CHANGES: list[Change] = [
    ("path edited", lambda p: objects.put(p, site(50, path="/b")), {"routes": 1}),
    ("path edited back", lambda p: objects.put(p, site(50)), {"routes": 1}),
    ("host moved", lambda p: objects.put(p, site(50, "moved.example.com")), {"scopes": 2, "routes": 2}),
    ("host moved back", lambda p: objects.put(p, site(50)), {"scopes": 2, "routes": 2}),
    ("pod added", lambda p: objects.put(p, pods(50, "10.0.0.1", "10.0.0.2")), {"endpoints": 1}),
    ("Service annotated", lambda p: objects.put(p, service(50, "hello")), {}),
    ("Service deleted", lambda p: objects.drop(p, service(50)), {"routes": 1, "clusters": 1, "endpoints": 1}),
    ("Service back", lambda p: objects.put(p, service(50)), {"routes": 1, "clusters": 1, "endpoints": 1}),
    ("Secret rotated", lambda p: objects.put(p, secret(5, NEW)), {"secrets": 1}),
    ("Secret deleted", lambda p: objects.drop(p, secret(5)), {"secrets": 1}),
    (
        "Ingress with TLS deleted",
        lambda p: objects.drop(p, site(6)),
        HOST | {"clusters": 1, "endpoints": 1, "secrets": 1},
    ),
    ("Ingress with TLS back", lambda p: objects.put(p, site(6)), HOST | {"clusters": 1, "endpoints": 1, "secrets": 1}),
    ("class flipped", lambda p: objects.put(p, site(50, class_name="off")), HOST | {"clusters": 1, "endpoints": 1}),
    ("class flipped back", lambda p: objects.put(p, site(50)), HOST | {"clusters": 1, "endpoints": 1}),
    ("nothing really", lambda p: objects.put(p, site(50)), {}),
    ("unused Secret", lambda p: objects.put(p, secret(90)), {}),
    ("unused Service", lambda p: objects.put(p, objects.service("idle", namespace="ns-50")), {}),
]


@pytest.mark.timeout(30)  # the fixture builds 5,000 hosts
def test_what_a_change_costs_does_not_depend_on_the_number_of_hosts(worlds: dict[int, Pipeline]) -> None:
    costs.alike(worlds.values(), CHANGES, most=9)


def test_nothing_is_rendered_that_nobody_asked_for(
    worlds: dict[int, Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = objects.pipeline(*everything(SECRETS))
    for type_ in (names.ROUTES, names.CLUSTER, names.ENDPOINTS, names.SECRET):
        rows = [made.snapshot.peek(type_, name) for name in made.snapshot.since(type_, 0)]
        assert rows
        assert not any(isinstance(row.body, bytes) for row in rows if row)


# The flow as a whole


def test_class_flipped_away_takes_the_routes_and_back_restores_the_very_same() -> None:
    made = objects.pipeline(*everything(3))
    before = objects.contents(made)
    objects.put(made, site(1, class_name="off"))
    gone = before.keys() - objects.contents(made).keys()
    assert {(names.SHORT[type_], name) for type_, name in gone} == {
        ("scopes", names.scope(names.parse_host("ingress|h1.example.com"))),
        ("routes", "ingress|h1.example.com"),
        ("clusters", "outbound|80||web.ns-1.svc.cluster.local"),
        ("endpoints", "outbound|80||web.ns-1.svc.cluster.local"),
        ("secrets", "h1.example.com"),
    }
    objects.put(made, site(1))
    assert objects.contents(made) == before


def test_an_ingress_class_that_comes_and_changes_takes_its_ingresses_along() -> None:
    made = objects.pipeline(site(50, class_name="mine"), site(51), service(50), service(51))
    assert len(made.hosts) == 1
    objects.put(made, objects.ingress_class("mine", "sealos.io/gateway-controller"))
    assert len(made.hosts) == 2
    objects.put(made, objects.ingress_class("mine", "k8s.io/other"))
    assert len(made.hosts) == 1


def test_a_listener_names_no_host_but_those_with_certificates_side_by_side() -> None:
    made = objects.pipeline(*everything(3))
    before = objects.contents(made)
    rsa = pem.pair("h1.example.com", kind="rsa")
    both = objects.ingress(
        "more", objects.rule("h1.example.com"), namespace="ns-1", tls=[objects.tls("rsa", "h1.example.com")]
    )
    objects.put(made, both, objects.secret("rsa", rsa.chain, rsa.key, "ns-1"))
    after = objects.contents(made)
    changed = {(names.SHORT[key[0]], key[1]) for key in after if after[key] != before.get(key)}
    assert ("listeners", "https") in changed
    assert ("listeners", "http") not in changed
    assert {("secrets", "rsa/h1.example.com"), ("secrets", "ecdsa/h1.example.com")} <= changed
    objects.drop(made, both)
    assert objects.contents(made) == before


def test_a_wildcard_with_both_algorithms_gets_no_filter_chain() -> None:
    """It would take the handshakes of hosts below it that have a certificate of their own."""
    pairs = {kind: pem.pair("*.example.com", kind=kind) for kind in ("rsa", "ecdsa")}
    tls = [objects.tls(kind, "*.example.com") for kind in pairs]
    made = objects.pipeline(
        objects.ingress("web", objects.rule("*.example.com"), tls=tls),
        objects.ingress("any", tls=[objects.tls(kind) for kind in pairs], default=objects.backend("web")),
        *(objects.secret(kind, pair.chain, pair.key) for kind, pair in pairs.items()),
    )
    ((_, own_context),) = [row for row in made.listeners.rows.values() if row[0].tls]
    assert own_context == ()
    for pattern in ("*.example.com", "*"):
        row = made.certificates.get(pattern)
        assert row is not None
        assert [pair.algorithm for pair in row.pairs] == ["ecdsa", "rsa"]


def test_settings_decide_about_listeners_and_default_certificates() -> None:
    defaults = (DefaultCertificate("*", "sys/any"),)
    made = objects.pipeline(settings=Settings(https_port=0, tls=TlsSettings(default_certificates=defaults)))
    assert list(made.listeners.rows) == ["http"]
    assert objects.reasons(made) == ["InvalidSecret"]


def test_other_kinds_are_taken_and_change_nothing() -> None:
    made = objects.pipeline(*everything(1))
    before = objects.contents(made)
    for kind in (kinds.NAMESPACE, kinds.CONFIG_MAP):
        made.put(kind, objects.metadata("x", "").ref, kind.struct(objects.metadata("x", "")))
    made.settle()
    assert objects.contents(made) == before


def test_problems_are_in_a_stable_order() -> None:
    bad = [objects.web(f"h{number}.com", f"web-{number}") for number in range(9)]
    assert objects.pipeline(*bad).problems() == objects.pipeline(*reversed(bad)).problems()
