"""Explanations: the same answer that Envoy gives, and why."""

from __future__ import annotations

import pytest

from sealos_gateway.explain import Explanation, UrlError, explain
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.core import ServicePort
from sealos_gateway.resources.meta import Resource
from sealos_gateway.settings import HttpSettings, Settings
from tests import objects, pem
from tests.translate import gateways

PAIR = pem.pair("*.example.com")


@pytest.fixture(scope="module")
def made() -> Pipeline:
    return objects.pipeline(
        objects.ingress(
            "web",
            objects.rule("a.example.com", objects.path("/"), objects.path("/api", "api")),
            objects.rule("a.example.com", objects.path("/x", kind="Exact")),
            objects.rule("*.example.com", objects.path("/wild")),
            created="2020",
        ),
        objects.ingress("late", objects.rule("a.example.com", objects.path("/api")), created="2021"),
        objects.ingress("foreign", objects.rule("a.example.com", objects.path("/f")), class_name="nginx"),
        objects.ingress("safe", objects.rule("safe.org", objects.path("/s")), tls=[objects.tls("cert", "safe.org")]),
        objects.ingress("ext", objects.rule("ext.org", objects.path("/", "ext", 443), objects.path("/gone", "gone"))),
        objects.ingress("lost", objects.rule("lost.org", objects.path("/")), tls=[objects.tls("none", "lost.org")]),
        objects.ingress("wild", objects.rule("*.example.com"), tls=[objects.tls("cert", "*.example.com")],
                        annotations={"sealos.io/ssl-redirect": "false"}),
        objects.service(),
        objects.slice_of("web", "10.0.0.1", "fd00::1"),
        objects.service("api", ServicePort(80, app_protocol="grpc")),
        objects.external("ext", "db.example.org", ServicePort(443, app_protocol="https")),
        objects.secret("cert", PAIR.chain, PAIR.key),
    )  # fmt: skip


def answer(made: Pipeline, url: str) -> str:
    return explain(url, made).answer


def chosen(found: Explanation) -> list[str]:
    return [candidate.match for candidate in found.candidates if candidate.chosen]


def test_the_whole_way_from_url_to_endpoints(made: Pipeline) -> None:
    found = explain("https://a.example.com/api/v1?x=y", made)
    assert (found.host, found.host_why) == ("a.example.com", "the host itself")
    assert found.object == "Ingress shop/web"
    assert found.backend == "Service shop/api port 80 (h2c)"
    assert found.answer.startswith("503 no healthy upstream")
    assert found.certificate.startswith("*.example.com: Secret shop/cert (ecdsa, until 2040-01-01)")
    assert chosen(found) == ["Prefix /api"]


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("/x", "Exact /x"),
        ("/x/", "Prefix /"),
        ("/apiary", "Prefix /"),
        ("/api", "Prefix /api"),
        ("/api/", "Prefix /api"),
        ("", "Prefix /"),
        ("?q=/api", "Prefix /"),
        ("/b/../api", "Prefix /api"),
        ("/b/%2E%2e/api/", "Prefix /api"),
        ("/./x", "Exact /x"),
        ("/x/.", "Prefix /"),
        ("/../../api", "Prefix /api"),
        ("//api", "Prefix /"),
        ("/API", "Prefix /"),
        ("/api#frag", "Prefix /api"),
    ],
)
def test_the_same_path_that_envoy_takes(made: Pipeline, path: str, match: str) -> None:
    assert chosen(explain(f"https://a.example.com{path}", made)) == [match]


def test_paths_as_settings_say() -> None:
    rule = objects.rule("a.com", objects.path("/"), objects.path("/api"))
    chosen_settings = Settings(http=HttpSettings(normalize_path=False, merge_slashes=True))
    made = objects.pipeline(objects.ingress("web", rule), objects.service(), settings=chosen_settings)
    assert chosen(explain("a.com//api", made)) == ["Prefix /api"]
    assert chosen(explain("a.com/x/../api", made)) == ["Prefix /"]


@pytest.mark.parametrize(
    "url",
    [
        "a.example.com",
        "http://A.Example.COM:8080/",
        "ws://a.example.com.",
        "wss://user:pw@a.example.com",
        "http://a.example.com:99999999/",
    ],
)
def test_a_host_in_any_spelling(made: Pipeline, url: str) -> None:
    assert explain(url, made).host == "a.example.com"


@pytest.mark.parametrize(
    "url", ["", "http://", "ftp://a.com", "://", "/path", "http://[::1", "http://[zz]/", "\ud800://x", "http:///x"]
)
def test_what_is_no_url_is_said(made: Pipeline, url: str) -> None:
    with pytest.raises(UrlError):
        explain(url, made)


def test_the_wildcard_covers_one_label(made: Pipeline) -> None:
    found = explain("https://b.example.com/wild", made)
    assert (found.host, found.answer) == ("*.example.com", "forwarded")
    assert found.endpoints == ("10.0.0.1:8080", "[fd00::1]:8080")
    found = explain("http://x.b.example.com/wild", made)
    assert (found.host, found.answer) == ("", "404, empty body")
    assert "no Ingress claims x.b.example.com" in found.host_why


def test_redirects(made: Pipeline) -> None:
    assert answer(made, "http://safe.org/s").startswith("308")
    assert answer(made, "http://safe.org/other").startswith("308"), "the whole host is https only"
    assert answer(made, "https://safe.org/other").startswith("404")


def test_external_names_and_missing_services(made: Pipeline) -> None:
    assert explain("http://ext.org/", made).endpoints == ("db.example.org:443 (DNS)",)
    assert answer(made, "http://ext.org/gone") == "503 from the gateway itself: no healthy upstream"


def test_why_others_do_not_answer(made: Pipeline) -> None:
    found = explain("http://a.example.com/api", made)
    assert any("Ingress shop/foreign: its class 'nginx' is not ours" in other for other in found.others)
    assert any("PathConflict" in problem for problem in found.problems)
    reasons = {candidate.match: candidate.why for candidate in found.candidates}
    assert reasons["Prefix /api"].startswith("matches, and comes first")
    assert reasons["Prefix /"].startswith("matches too")
    assert reasons["Exact /x"] == "does not match /api"


def test_no_certificate_is_said(made: Pipeline) -> None:
    assert explain("https://unknown.org/", made).certificate == "none covers unknown.org: the handshake is refused"
    assert explain("https://lost.org/", made).certificate.startswith("none covers lost.org")
    assert explain("http://a.example.com/", made).certificate == ""


def test_an_empty_gateway() -> None:
    assert answer(objects.pipeline(), "http://a.com/") == "404, empty body"


def test_hosts_of_gateways_are_explained_and_a_written_port_is_theirs() -> None:
    made = gateways.pipeline(
        gateways.gateway(gateways.listener(port=80), gateways.listener("other", 9090)),
        gateways.made(
            kinds.HTTP_ROUTE, "web", parentRefs=[{"name": "edge", "sectionName": "other"}], hostnames=["*.gw.test"],
            rules=[{"backendRefs": [{"name": "absent", "port": 80}]}],
        ),
        objects.web("a.gw.test"),
    )  # fmt: skip
    deep = explain("http://x.y.gw.test:9090/", made)
    assert (deep.object, deep.answer) == ("HTTPRoute shop/web", "500 from the gateway itself: empty body")
    assert deep.host_why == "a wildcard above it, on port 9090 of the shared Gateways"
    assert explain("http://a.gw.test:9090/", made).object == "HTTPRoute shop/web"
    assert explain("http://a.gw.test/", made).object == "Ingress shop/web"
    assert explain("http://a.gw.test:8080/", made).object == "Ingress shop/web"


def test_tls_that_a_policy_asks_for_is_told_and_why_nobody_is_sent_there() -> None:
    policy = gateways.made(
        kinds.BACKEND_TLS_POLICY, "tls", targetRefs=[{"group": "", "kind": "Service", "name": "web"}],
        validation={"hostname": "web.test", "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]},
    )  # fmt: skip
    made = objects.pipeline(objects.web("a.com"), objects.service(), objects.slice_of("web", "10.0.0.1"), policy)
    shut = explain("http://a.com/", made)
    assert shut.answer.startswith("503 no healthy upstream: BackendTLSPolicy shop/tls: no authority can be used")
    assert shut.endpoints == ()
    objects.put(made, gateways.config_map("ca", {"ca.crt": pem.pair("ca.test").chain.decode()}))
    found = explain("http://a.com/", made)
    assert (found.answer, found.endpoints) == ("forwarded", ("10.0.0.1:8080",))
    assert found.backend == ("Service shop/web port 80 (https, verified as web.test by BackendTLSPolicy shop/tls)")


def test_policies_that_hold_are_named() -> None:
    """Those of the route, of the listener it comes in by, of the Gateway, and of the Service; and of an Ingress."""
    api = "gateway.networking.k8s.io"
    places = {
        "rule": ("HTTPRoute", "web", "one"), "listener": ("Gateway", "edge", "http"), "all": ("Gateway", "edge", ""),
        "elsewhere": ("Gateway", "edge", "b"),
    }  # fmt: skip
    targets = {
        name: {"group": api, "kind": kind, "name": target, **({"sectionName": section} if section else {})}
        for name, (kind, target, section) in places.items()
    }
    traffic = [
        gateways.made(kinds.TRAFFIC_POLICY, name, targetRefs=[target], maxRequestBodySize=1)
        for name, target in targets.items()
    ]
    to = [{"group": "", "kind": "Service", "name": "web"}]
    old = [{"group": "networking.k8s.io", "kind": "Ingress", "name": "old"}]
    made = objects.pipeline(
        gateways.gateway_class(), gateways.gateway(gateways.listener(port=8000), gateways.listener("b", 9001)),
        gateways.made(kinds.HTTP_ROUTE, "web", parentRefs=[{"name": "edge", "sectionName": "http"}],
                      hostnames=["web.test"], rules=[{"name": "one", "backendRefs": [{"name": "web", "port": 80}]}]),
        objects.ingress("old", objects.rule("old.test", objects.path("/"))),
        gateways.made(kinds.SECURITY_POLICY, "old", targetRefs=old, ipRestriction={"deny": ["192.0.2.1"]}),
        gateways.made(kinds.BACKEND_POLICY, "service", targetRefs=to, protocol="H2C"),
        objects.service(), *traffic, settings=gateways.SETTINGS,
    )  # fmt: skip
    assert explain("http://web.test:8000/", made).policies == (
        "TrafficPolicy shop/rule (at HTTPRoute shop/web, section one)",
        "TrafficPolicy shop/all (at Gateway shop/edge)",
        "TrafficPolicy shop/listener (at Gateway shop/edge, section http)",
        "BackendPolicy shop/service (at Service shop/web)",
    )
    assert explain("http://old.test/", made).policies == (
        "SecurityPolicy shop/old (at Ingress shop/old)",
        "BackendPolicy shop/service (at Service shop/web)",
    )


def test_a_backend_with_a_share_of_its_own_is_shown_beside_the_answer_of_the_rest() -> None:
    rewrite = {"type": "URLRewrite", "urlRewrite": {"hostname": "b.internal"}}
    backends = [{"name": "b", "port": 80, "filters": [rewrite], "weight": 1}, {"name": "web", "port": 80, "weight": 3}]
    made = gateways.pipeline(
        gateways.gateway(gateways.listener(port=9090)),
        gateways.made(
            kinds.HTTP_ROUTE, "web", parentRefs=[{"name": "edge"}], hostnames=["a.com"],
            rules=[{"backendRefs": backends}],
        ),
        objects.service(), objects.slice_of("web", "10.0.0.1"), objects.service("b"), objects.slice_of("b", "10.0.0.2"),
    )  # fmt: skip
    found = explain("http://a.com:9090/", made)
    assert found.backend.startswith("Service shop/web")
    assert [(it.match, it.chosen) for it in found.candidates] == [
        ("Prefix /, 25% of the requests", False), ("Prefix /", True),
    ]  # fmt: skip


def test_a_port_that_is_written_is_part_of_the_host_header() -> None:
    snippet = "nginx.ingress.kubernetes.io/configuration-snippet"
    told = {snippet: "if ($http_host = a.com:8080) { return 403; } if ($host = b.com) { return 405; }"}
    hosts = [objects.rule(name, objects.path("/")) for name in ("a.com", "b.com")]
    made = objects.pipeline(objects.ingress("web", *hosts, annotations=told), objects.service())
    assert answer(made, "http://a.com:8080/").startswith("403")
    assert not answer(made, "http://a.com/").startswith("403")
    assert answer(made, "http://b.com:8080/").startswith("405")


def test_a_route_that_answers_with_an_error_says_why() -> None:
    made = gateways.pipeline(gateways.gateway(gateways.listener(port=80)), http_route("web", "edge", "a.test"))
    found = explain("http://a.test/", made)
    assert found.answer == "500 from the gateway itself: empty body"
    assert any("Service shop/web does not exist" in it for it in found.problems)


def test_routes_that_name_the_host_and_serve_it_nowhere_are_named() -> None:
    made = gateways.pipeline(
        gateways.gateway(gateways.listener(port=80, hostname="b.test")),
        http_route("astray", "nowhere", "a.test"), http_route("other", "edge", "a.test"),
    )  # fmt: skip
    found = explain("http://a.test/", made)
    assert found.host_why.startswith("no Ingress and no route claims a.test")
    assert sorted(found.others) == [
        "HTTPRoute shop/astray spec.parentRefs[nowhere]: NoSuchParent: Gateway shop/nowhere does not exist; "
        "make it, or name another",
        "HTTPRoute shop/other: no listener of Gateway edge has a hostname in common with a.test",
    ]


def test_connections_that_are_handed_on() -> None:
    through = gateways.listener("tls", 9443, "TLS", hostname="*.t.test", tls={"mode": "Passthrough"})
    rules = [{"backendRefs": [{"name": "web", "port": 80}, {"name": "gone", "port": 80, "weight": 3}]}]
    parents = [{"name": "edge", "sectionName": "tls"}]
    made = gateways.pipeline(
        gateways.gateway(through, gateways.listener("tcp", 9000, "TCP")), objects.service("web"),
        gateways.made(kinds.TLS_ROUTE, "tls", parentRefs=parents, hostnames=["a.t.test"], rules=rules),
    )  # fmt: skip
    found = explain("https://a.t.test:9443/", made)
    assert (found.host, found.answer) == ("a.t.test", "the connection is handed on as it is")
    assert found.backend == "Service shop/web port 80 (http/1.1) x 1, nothing (closed) x 3"
    assert explain("https://b.t.test:9443/", made).answer == "the connection is closed: no route has it"
    assert explain("http://any.test:9000/", made).host == "any connection"


def http_route(name: str, parent: str, host: str) -> Resource:
    rules = [{"backendRefs": [{"name": "web", "port": 80}]}]
    return gateways.made(kinds.HTTP_ROUTE, name, parentRefs=[{"name": parent}], hostnames=[host], rules=rules)
