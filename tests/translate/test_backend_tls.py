"""BackendTLSPolicies: whom a backend must prove to be, who has the say, what the status says, what a change costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sealos_gateway.envoy import names
from sealos_gateway.model.backend_policy import AS_IT_IS, BackendTls, Protocol
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.upstream import Backend
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import core, kinds
from sealos_gateway.resources.meta import Origin, Ref, Resource
from sealos_gateway.settings import GatewayApiSettings, Settings
from sealos_gateway.xds.planes import OWN, View
from tests import costs, objects, pem
from tests.costs import cost
from tests.translate import gateways
from tests.translate.gateways import gateway, https, listener, pipeline, words
from tests.translate.test_routes import backend, route, rule, to

GOOD = {"Accepted": "True Accepted", "ResolvedRefs": "True ResolvedRefs"}
CA = Origin("ConfigMap", Ref("shop", "ca"))
USUAL = BackendTls("web.test", verify=True, authorities=(CA,), names=("web.test",))


def authority(name: str = "ca", in_: str = "shop", number: int = 0) -> Resource:
    return gateways.config_map(name, {"ca.crt": pem.pair("ca.test", number=number).chain.decode()}, in_)


def target(service: str = "web", section: str = "", **more: str) -> dict[str, Any]:
    return {"group": "", "kind": "Service", "name": service, **({"sectionName": section} if section else {}), **more}


def refs(*names: str, kind: str = "ConfigMap", group: str = "") -> dict[str, Any]:
    return {"caCertificateRefs": [{"group": group, "kind": kind, "name": name} for name in names or ("ca",)]}


def policy(
    name: str = "tls", *targets: dict[str, Any], created: str = "", in_: str = "shop", **validation: Any
) -> Resource:
    wanted = {"hostname": "web.test", **(validation or refs())}
    if not {"caCertificateRefs", "wellKnownCACertificates"} & set(wanted):
        wanted |= refs()
    return gateways.made(
        kinds.BACKEND_TLS_POLICY, name, in_, created, targetRefs=list(targets or (target(),)), validation=wanted
    )


def world(*more: Resource, **ports: int) -> Pipeline:
    """A Gateway, a route to each of the ports of the Service `web`, and what is given."""
    chosen = ports or {"": 80}
    service = objects.service("web", *(core.ServicePort(number, name) for name, number in chosen.items()))
    to_each = [rule(f"/{number}", to("web", port=number)) for number in chosen.values()]
    return pipeline(gateway(listener()), route("web", *to_each), service, objects.slice_of("web", "10.0.0.1"), *more)


def reached(made: Pipeline, port: int = 80, service: str = "web") -> Backend:
    (found,) = [it for it in made.backends.rows.values() if (it.key.service, it.key.port) == (service, port)]
    return found


def told(made: Pipeline, name: str = "tls") -> dict[str, str]:
    """The conditions at its one Gateway."""
    status = made.backend_tls.statuses.get(Ref("shop", name))
    assert status is not None
    (entry,) = status.ancestors
    assert entry.controller_name == "sealos.io/gateway-controller"
    parent = entry.ancestor_ref
    assert (parent.kind, parent.namespace, parent.name, parent.section_name) == ("Gateway", "shop", "edge", None)
    return words(entry.conditions)


def test_a_policy_makes_a_backend_prove_who_it_is() -> None:
    made = world()
    assert reached(made).tls is None
    objects.put(made, authority(), policy())
    found = reached(made)
    assert (found.protocol, found.tls, found.shut) == (Protocol.HTTPS, USUAL, "")
    assert told(made) == GOOD
    assert made.problems() == []
    objects.drop(made, policy())
    assert (reached(made).protocol, reached(made).tls) == (Protocol.HTTP1, None)


def test_alternative_names_take_the_place_of_the_hostname() -> None:
    wanted = [{"type": "Hostname", "hostname": "Other.test"}, {"type": "URI", "uri": "spiffe://a/b"}]
    found = reached(world(authority(), policy(subjectAltNames=wanted))).tls
    assert found == BackendTls("web.test", True, (CA,), names=("other.test",), uris=("spiffe://a/b",))


def test_the_authorities_of_the_machine() -> None:
    made = world(policy(wellKnownCACertificates="System"))
    assert reached(made).tls == BackendTls("web.test", True, system_trust=True, names=("web.test",))
    assert told(made) == GOOD


def test_authorities_may_stand_in_secrets_and_in_several_places() -> None:
    secret = core.Secret(objects.metadata("more", "shop"), data={"ca.crt": pem.pair("b.test", number=1).chain})
    several: dict[str, Any] = {
        "caCertificateRefs": [*refs()["caCertificateRefs"], *refs("more", kind="Secret")["caCertificateRefs"]]
    }
    made = world(authority(), secret, policy(**several))
    found = reached(made).tls
    assert found is not None
    assert found.authorities == (CA, Origin("Secret", Ref("shop", "more")))
    (bundle,) = made.bundles.rows.values()
    assert bundle.roots.count(b"BEGIN CERTIFICATE") == 2
    assert set(made.secrets_in_use.rows) == {Ref("shop", "more")}


BROKEN = [
    ("no such ConfigMap", refs("absent"), "NoValidCACertificate", "InvalidCACertificateRef"),
    ("nothing in it", refs("empty"), "NoValidCACertificate", "InvalidCACertificateRef"),
    ("rubbish in it", refs("rubbish"), "NoValidCACertificate", "InvalidCACertificateRef"),
    ("another kind", refs(kind="Service"), "NoValidCACertificate", "InvalidKind"),
    ("another group", refs(group="odd.test"), "NoValidCACertificate", "InvalidKind"),
    ("an unknown word", {"wellKnownCACertificates": "odd.test/all"}, "Invalid", ""),
    ("both", refs() | {"wellKnownCACertificates": "System"}, "Invalid", ""),
    ("neither", {"caCertificateRefs": []}, "Invalid", ""),
    ("a pattern", {"hostname": "*.web.test"}, "Invalid", ""),
    ("no name of a host", {"hostname": "web test"}, "Invalid", ""),
    ("a name without a name", {"subjectAltNames": [{"type": "Hostname"}]}, "Invalid", ""),
    ("another type", {"subjectAltNames": [{"type": "Email", "hostname": "a.test"}]}, "Invalid", ""),
]


@pytest.mark.parametrize(
    ("validation", "accepted", "resolved"), [it[1:] for it in BROKEN], ids=[it[0] for it in BROKEN]
)
def test_what_cannot_be_checked_is_never_sent(validation: dict[str, Any], accepted: str, resolved: str) -> None:
    maps = [authority(), gateways.config_map("empty", {}), gateways.config_map("rubbish", {"ca.crt": "rubbish"})]
    made = world(*maps, policy(**validation))
    found = reached(made)
    assert found.tls is None
    assert found.shut.startswith("BackendTLSPolicy shop/tls: ")
    assert told(made) == {
        "Accepted": f"False {accepted}",
        "ResolvedRefs": f"False {resolved}" if resolved else "True ResolvedRefs",
    }
    assert accepted in {it.reason for it in made.problems()}
    objects.put(made, policy())
    assert (reached(made).tls, told(made)) == (USUAL, GOOD)
    assert made.problems() == []


def test_one_good_authority_is_enough_and_the_bad_one_is_told() -> None:
    made = world(authority(), policy(**refs("absent", "ca")))
    assert reached(made).tls == USUAL
    assert told(made) == GOOD | {"ResolvedRefs": "False InvalidCACertificateRef"}


def test_an_authority_that_comes_later_opens_the_backend() -> None:
    made = world(policy())
    assert reached(made).shut
    objects.put(made, authority())
    assert (reached(made).tls, told(made)) == (USUAL, GOOD)
    objects.drop(made, authority())
    assert reached(made).shut


def test_a_new_authority_changes_only_its_own_resource() -> None:
    made = world(authority(), policy())
    assert cost(made, lambda it: objects.put(it, authority(number=1))).pushed == {"secrets": 1}


# ---------------------------------------------------------------- who has the say

OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"
CONFLICTED = GOOD | {"Accepted": "False Conflicted"}


def test_the_older_of_two_policies_has_the_say_then_the_first_by_name() -> None:
    made = world(authority(), policy("b", created=OLD), policy("a", created=NEW, hostname="other.test"))
    assert reached(made).tls == USUAL
    assert (told(made, "b"), told(made, "a")) == (GOOD, CONFLICTED)
    objects.drop(made, policy("b"))
    found = reached(made).tls
    assert found is not None
    assert found.server_name == "other.test"
    assert told(made, "a") == GOOD
    objects.put(made, policy("b", created=NEW))
    assert (told(made, "b"), told(made, "a")) == (CONFLICTED, GOOD)


def test_a_policy_for_a_port_comes_before_one_for_the_service_and_both_are_accepted() -> None:
    whole = policy("whole", created=OLD)
    narrow = policy("narrow", target(section="two"), created=NEW, hostname="two.test")
    made = world(authority(), whole, narrow, one=81, two=82)
    assert [found.server_name for port in (81, 82) if (found := reached(made, port).tls)] == ["web.test", "two.test"]
    assert (told(made, "whole"), told(made, "narrow")) == (GOOD, GOOD)


def test_a_refused_policy_keeps_its_precedence() -> None:
    """Or whoever breaks the older one would let another decide who is believed."""
    made = world(authority(), policy("a", created=OLD, **refs("absent")), policy("b", created=NEW))
    assert reached(made).shut
    assert told(made, "b") == CONFLICTED


def test_a_policy_that_lost_one_of_its_targets_says_so_and_holds_for_the_other() -> None:
    both = policy("both", target(section="one"), target(section="two"), created=NEW)
    made = world(
        authority(), policy("first", target(section="one"), created=OLD, hostname="first.test"), both, one=81, two=82
    )
    assert [found.server_name for port in (81, 82) if (found := reached(made, port).tls)] == ["first.test", "web.test"]
    assert told(made, "both") == GOOD
    assert [it.reason for it in made.problems()] == ["Conflicted"]


# ---------------------------------------------------------------- who is told


def test_without_a_route_nobody_writes_and_what_is_wrong_is_a_problem_all_the_same() -> None:
    odd = policy("odd", target(kind="Pod"), target("absent"), target(section="none"))
    made = world(authority(), policy("other", target("unused")), odd, objects.service("unused"))
    for name in ("other", "odd"):
        status = made.backend_tls.statuses.get(Ref("shop", name))
        assert status is not None
        assert status.ancestors == ()
    assert sorted(it.reason for it in made.problems()) == ["InvalidKind", "TargetNotFound", "TargetNotFound"]


def test_options_are_not_known() -> None:
    known = policy()
    unknown = gateways.made(
        kinds.BACKEND_TLS_POLICY, "tls",
        targetRefs=[target()], validation={"hostname": "web.test", **refs()}, options={"odd.test/version": "1.0"},
    )  # fmt: skip
    made = world(authority(), unknown)
    assert (told(made), [it.reason for it in made.problems()]) == (GOOD, ["UnknownOption"])
    objects.put(made, known)
    assert made.problems() == []


def test_every_gateway_that_leads_there_is_an_ancestor() -> None:
    second = gateway(listener(port=81), name="second")
    elsewhere = [{"name": "second", "namespace": "shop"}]
    other = gateways.made(kinds.HTTP_ROUTE, "other", parentRefs=elsewhere, rules=[rule("/", to("web"))])
    made = world(authority(), policy(), second, other)

    def ancestors() -> list[str]:
        status = made.backend_tls.statuses.get(Ref("shop", "tls"))
        return [it.ancestor_ref.name for it in status.ancestors] if status else []

    assert ancestors() == ["edge", "second"]
    objects.drop(made, other)
    assert ancestors() == ["edge"]


def test_a_route_of_a_listener_set_counts_for_its_gateway() -> None:
    everybody = {"namespaces": {"from": "All"}}
    edge = gateway(listener(), allowedListeners=everybody)
    more = gateways.listener_set(listener("more", 81))
    parent = [{"kind": "ListenerSet", "name": "more"}]
    through = gateways.made(kinds.HTTP_ROUTE, "web", parentRefs=parent, rules=[rule()])
    made = pipeline(edge, more, through, *backend(), authority(), policy())
    assert told(made) == GOOD


# ---------------------------------------------------------------- for whom it holds


def test_it_holds_for_grpc_over_http2() -> None:
    grpc = route(kind=kinds.GRPC_ROUTE)
    made = pipeline(gateway(listener()), grpc, *backend(), authority(), policy())
    assert (reached(made).protocol, reached(made).tls) == (Protocol.HTTPS2, USUAL)
    assert told(made) == GOOD


def test_grpc_to_a_service_that_says_https_is_http2_over_tls() -> None:
    web = objects.service("web", core.ServicePort(80, app_protocol="https"))
    made = pipeline(gateway(listener()), route(kind=kinds.GRPC_ROUTE), web)
    assert reached(made).protocol is Protocol.HTTPS2


def test_it_holds_for_ingresses_and_their_own_certificate_stays() -> None:
    annotations = {"sealos.io/backend-protocol": "HTTPS", "sealos.io/proxy-ssl-secret": "me"}
    plain = objects.web("a.com")
    own = objects.ingress("own", objects.rule("b.com", objects.path("/")), annotations=annotations)
    made = objects.pipeline(*backend(), authority(), policy(), plain, own, gateways.secret("me"))
    found = sorted((str(it.tls.certificate), it.tls.authorities) for it in made.backends.rows.values() if it.tls)
    assert found == [("None", (CA,)), ("shop/me", (CA,))]
    status = made.backend_tls.statuses.get(Ref("shop", "tls"))
    assert status is not None
    assert status.ancestors == (), "no Gateway leads there"


def test_bytes_that_are_only_handed_on_stay_as_they_are() -> None:
    """A client that speaks TCP or TLS with a backend would be answered by a second handshake inside of the first."""
    unread = listener("unread", 8443, "TLS", hostname="a.com", tls={"mode": "Passthrough"})
    ends = listener("ends", 8444, "TLS", hostname="b.com", tls={"certificateRefs": [{"name": "cert"}]})
    tcp = gateways.made(
        kinds.TCP_ROUTE, "tcp", parentRefs=[{"name": "edge", "sectionName": "tcp"}],
        rules=[{"backendRefs": [to("web")]}],
    )  # fmt: skip
    sections = [{"name": "edge", "sectionName": name} for name in ("unread", "ends")]
    tls = gateways.made(kinds.TLS_ROUTE, "tls", parentRefs=sections, rules=[{"backendRefs": [to("web")]}])
    edge = gateway(listener("tcp", 9000, "TCP"), unread, ends)
    made = pipeline(edge, tcp, tls, *backend(), gateways.secret(), authority(), policy())
    found = {it.key.policy: (it.protocol, it.tls) for it in made.backends.rows.values()}
    assert found == {AS_IT_IS: (Protocol.HTTP1, None), None: (Protocol.HTTPS, USUAL)}
    assert told(made) == GOOD
    objects.drop(made, tls)
    status = made.backend_tls.statuses.get(Ref("shop", "tls"))
    assert status is not None
    assert status.ancestors == (), "it holds for nothing that the Gateway hands on"


def test_datagrams_have_nothing_to_do_with_it() -> None:
    both = objects.service("web", core.ServicePort(80), core.ServicePort(80, "dns", "UDP"))
    udp = gateways.made(
        kinds.UDP_ROUTE, "udp", parentRefs=[{"name": "edge"}], rules=[{"backendRefs": [to("web")]}]
    )  # fmt: skip
    made = pipeline(gateway(listener("udp", 5353, "UDP")), udp, both, authority(), policy())
    assert [(it.key.transport, it.tls) for it in made.backends.rows.values()] == [("UDP", None)]


def test_an_external_name_is_checked_too() -> None:
    made = pipeline(
        gateway(listener()), route(), objects.external("web", "db.example.org", core.ServicePort(80)),
        authority(), policy(),
    )  # fmt: skip
    assert (reached(made).dns_name, reached(made).tls) == ("db.example.org", USUAL)


# ---------------------------------------------------------------- what the Gateway shows

SHOWN = {"backend": {"clientCertificateRef": {"name": "me"}}}


def test_a_gateway_shows_its_certificate_to_backends_with_tls() -> None:
    edge = gateway(listener(), tls=SHOWN)
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": to("copy")}}
    split = rule("/", to("web"), to("plain"), filters=[mirror])
    made = pipeline(
        edge, route("web", split), *backend(), *backend("plain"), *backend("copy"), gateways.secret("me"),
        authority(), policy("tls", target("web"), target("copy")),
    )  # fmt: skip
    shown = {it.key.service: it.tls.certificate if it.tls else None for it in made.backends.rows.values()}
    assert shown == {"web": Ref("shop", "me"), "copy": Ref("shop", "me"), "plain": None}
    assert {it.conditions[2].reason for it in [gateways.status(made)]} == {"ResolvedRefs"}
    objects.drop(made, gateways.secret("me"))
    assert reached(made).tls == USUAL, "a certificate that is gone is not shown"
    assert gateways.words(gateways.status(made).conditions)["ResolvedRefs"] == "False InvalidClientCertificateRef"


def test_two_gateways_each_show_their_own() -> None:
    edge = gateway(listener(), tls=SHOWN)
    second = gateway(listener(port=81), name="second")
    to_both = [{"name": "edge"}, {"name": "second"}]
    both = gateways.made(kinds.HTTP_ROUTE, "web", parentRefs=to_both, rules=[rule()])
    made = pipeline(edge, second, both, *backend(), gateways.secret("me"), authority(), policy())
    found = sorted(str(it.tls.certificate) for it in made.backends.rows.values() if it.tls)
    assert found == ["None", "shop/me"]


def test_a_certificate_of_another_namespace_needs_a_grant() -> None:
    shown = {"backend": {"clientCertificateRef": {"name": "me", "namespace": "safe"}}}
    made = pipeline(
        gateway(listener(), tls=shown), route(), *backend(), gateways.secret("me", "safe"), authority(), policy()
    )
    assert reached(made).tls == USUAL
    assert gateways.words(gateways.status(made).conditions)["ResolvedRefs"] == "False RefNotPermitted"
    objects.put(made, gateways.grant("safe", "Gateway", "Secret"))
    found = reached(made).tls
    assert found is not None
    assert found.certificate == Ref("safe", "me")


def test_it_is_shown_where_tls_ends_at_a_tls_listener() -> None:
    ends = listener("ends", 8444, "TLS", hostname="b.com", tls={"certificateRefs": [{"name": "cert"}]})
    tls = gateways.made(kinds.TLS_ROUTE, "tls", parentRefs=[{"name": "edge"}], rules=[{"backendRefs": [to("web")]}])
    made = pipeline(
        gateway(ends, tls=SHOWN), tls, *backend(), gateways.secret(), gateways.secret("me"), authority(), policy()
    )
    found = reached(made).tls
    assert found is not None
    assert found.certificate == Ref("shop", "me")


# ---------------------------------------------------------------- where it is, and what it costs


def test_authorities_are_where_their_backends_are() -> None:
    settings = Settings(gateway_api=GatewayApiSettings(control="control.test"))
    made = objects.pipeline(
        gateways.gateway_class(), gateway(listener()), route(), *backend(), authority(), policy(), settings=settings
    )
    name = names.trust(CA)
    assert name in View(made.snapshot, "shop.edge").names(names.SECRET)
    assert name not in View(made.snapshot, OWN).names(names.SECRET)
    objects.put(made, objects.web("b.com"))
    assert name in View(made.snapshot, OWN).names(names.SECRET)


SIZES = (20, 200)


def everything(size: int) -> Iterator[Resource]:
    yield gateway(listener(port=8080))
    yield authority()
    for number in range(size):
        service = f"s{number}"
        yield route(f"r{number}", rule("/", to(service)), hosts=(f"h{number}.com",))
        yield from backend(service)
        yield numbered(number)


def numbered(number: int, **more: Any) -> Resource:
    return policy(f"p{number}", target(f"s{number}"), **more)


def more() -> tuple[Resource, ...]:
    return (policy("more", target("more")),)


CHANGES: list[tuple[str, Callable[[Pipeline], object], dict[str, int]]] = [
    ("another hostname", lambda p: objects.put(p, numbered(7, hostname="b.test")), {"clusters": 1}),
    ("back", lambda p: objects.put(p, numbered(7)), {"clusters": 1}),
    ("deleted", lambda p: objects.drop(p, numbered(7)), {"clusters": 1}),
    ("made", lambda p: objects.put(p, numbered(7)), {"clusters": 1}),
    ("a rival", lambda p: objects.put(p, policy("q", target("s7"))), {}),
    ("a pod", lambda p: objects.put(p, objects.slice_of("s7", "10.0.0.1", "10.0.0.2")), {"endpoints": 1}),
    (
        "a Service more with a policy",
        lambda p: objects.put(p, route("more", rule("/", to("more")), hosts=("more.com",)), *backend("more"), *more()),
        {"scopes": 1, "routes": 1, "clusters": 1, "endpoints": 1},
    ),
    ("its policy gone", lambda p: objects.drop(p, *more()), {"clusters": 1}),
    ("a path", lambda p: objects.put(p, route("r7", rule("/b", to("s7")), hosts=("h7.com",))), {"routes": 1}),
]


@pytest.mark.timeout(60)
def test_what_a_change_costs_does_not_depend_on_the_number_of_policies() -> None:
    costs.alike([pipeline(*everything(size)) for size in SIZES], CHANGES, most=24)


def test_what_a_route_more_to_the_same_backend_costs_does_not_depend_on_how_many_there_are() -> None:
    found = []
    for size in SIZES:
        routes = [route(f"r{number}", rule("/", to("web")), hosts=(f"h{number}.com",)) for number in range(size)]
        made = pipeline(gateway(listener(port=8080)), *backend(), authority(), policy(), *routes)
        found.append(cost(made, lambda it: objects.put(it, route("new", rule("/", to("web")), hosts=("new.com",)))))
    assert found[0] == found[1]


def test_a_backend_key_does_not_depend_on_policies() -> None:
    made = world()
    before = set(made.backends.rows)
    objects.put(made, authority(), policy())
    assert set(made.backends.rows) == before == {BackendKey("shop", "web", 80)}


def test_a_frontend_with_several_authorities_believes_all() -> None:
    frontend = {"default": {"validation": {"caCertificateRefs": [
        {"group": "", "kind": "ConfigMap", "name": name} for name in ("ca", "two")
    ]}}}  # fmt: skip
    made = pipeline(
        gateway(https(), tls={"frontend": frontend}), route(), *backend(), gateways.secret(),
        authority(), authority("two", number=1),
    )  # fmt: skip
    (bundle,) = made.bundles.rows.values()
    assert bundle.roots.count(b"BEGIN CERTIFICATE") == 2
