"""Every problem ends with the object that caused it, once, and goes when it is solved."""

from __future__ import annotations

from sealos_gateway.resources import kinds
from sealos_gateway.settings import DefaultCertificate, Settings, TlsSettings
from tests import objects, pem
from tests.translate import gateways

HOST = "a.example.com"


def test_problems_of_every_room_are_told_to_their_object_only() -> None:
    made = objects.pipeline(
        objects.ingress(
            "bad",
            objects.rule(HOST, objects.path("/"), objects.path("x", "web")),
            objects.rule("a b"),
            tls=[objects.tls("gone", HOST)],
            annotations={"sealos.io/ssl-redirect": "maybe"},
            created="2021",
        ),
        objects.ingress("good", objects.rule(HOST, objects.path("/")), created="2020"),
        objects.service(),
    )
    found = objects.problems(made)
    assert {origin for origin, _, _ in found} == {"Ingress shop/bad"}
    assert sorted(reason for _, _, reason in found) == [
        "InvalidAnnotation", "InvalidHost", "InvalidPath", "InvalidSecret", "PathConflict",
    ]  # fmt: skip


def test_one_mistake_on_two_hosts_is_told_for_each_place_once() -> None:
    rules = [objects.rule(host, objects.path("/", "gone")) for host in (HOST, "b.example.com")]
    made = objects.pipeline(objects.ingress("web", *rules))
    assert [field for _, field, _ in objects.problems(made)] == [
        f"spec.rules[{number}].http.paths[0].backend.service.name" for number in (0, 1)
    ]


def test_a_default_backend_that_is_missing_is_told_once_for_all_hosts() -> None:
    rules = [objects.rule(host) for host in (HOST, "b.example.com")]
    made = objects.pipeline(objects.ingress("web", *rules, default=objects.backend("gone")))
    assert objects.reasons(made) == ["ServiceNotFound"]


def test_problems_go_when_they_are_solved_and_when_the_object_goes() -> None:
    site = objects.web(HOST)
    made = objects.pipeline(site)
    assert objects.reasons(made) == ["ServiceNotFound"]
    objects.put(made, objects.service())
    assert not made.problems()
    objects.drop(made, objects.service())
    assert objects.reasons(made) == ["ServiceNotFound"]
    objects.drop(made, site)
    assert not made.problems()


def test_what_is_not_ours_is_not_judged() -> None:
    made = objects.pipeline(objects.ingress("bad", objects.rule("a b", objects.path("x")), class_name="nginx"))
    assert not made.problems()


def test_a_default_certificate_that_comes_later_solves_the_problem() -> None:
    wanted = (DefaultCertificate("*", "sys/any"),)
    made = objects.pipeline(settings=Settings(tls=TlsSettings(default_certificates=wanted)))
    assert objects.reasons(made) == ["InvalidSecret"]
    pair = pem.pair("any.com")
    objects.put(made, objects.secret("any", pair.chain, pair.key, "sys"))
    assert not made.problems()


def test_a_conflict_is_told_once() -> None:
    made = gateways.pipeline(gateways.gateway(gateways.listener("a", 80), gateways.listener("b", 80)))
    assert objects.reasons(made).count("HostnameConflict") == 2  # one for each listener


def test_what_names_something_that_does_not_exist_is_told_although_no_status_is_written() -> None:
    route = gateways.made(kinds.UDP_ROUTE, "dns", parentRefs=[{"name": "typo"}, {"name": "far", "namespace": "other"}])
    more = gateways.listener_set(gateways.listener("more", 81), parent="typo")
    lost = gateways.made(kinds.GATEWAY, "lost", gatewayClassName="seelos", listeners=[gateways.listener()])
    mesh = gateways.made(kinds.HTTP_ROUTE, "mesh", parentRefs=[{"name": "web", "kind": "Service", "group": ""}])
    made = gateways.pipeline(route, more, lost, mesh)
    assert sorted(objects.problems(made)) == [
        ("Gateway shop/lost", "spec.gatewayClassName", "NoSuchClass"),
        ("ListenerSet shop/more", "spec.parentRef", "NoSuchParent"),
        ("UDPRoute shop/dns", "spec.parentRefs[typo]", "NoSuchParent"),
    ]
    objects.put(made, gateways.gateway(gateways.listener("udp", 53, "UDP"), name="typo"))
    assert [it[0] for it in objects.problems(made) if it[2].startswith("NoSuch")] == ["Gateway shop/lost"]


def test_a_gateway_of_another_controller_is_not_ours_to_speak_of() -> None:
    other = gateways.made(kinds.GATEWAY_CLASS, "other", "", controllerName="example.com/other")
    theirs = gateways.made(kinds.GATEWAY, "theirs", gatewayClassName="other", listeners=[gateways.listener()])
    route = gateways.made(kinds.HTTP_ROUTE, "web", parentRefs=[{"name": "theirs"}])
    assert objects.problems(gateways.pipeline(other, theirs, route)) == []
