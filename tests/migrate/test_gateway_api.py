"""Ingresses as Gateway API objects: each family of annotations is converted, and both forms are asked the same."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from sealos_gateway import explain
from sealos_gateway.cli import app
from sealos_gateway.migrate import reading
from sealos_gateway.migrate.findings import Finding, Severity
from sealos_gateway.migrate.gateway_api import backends, check, conversion, matches, writing
from sealos_gateway.migrate.gateway_api.conversion import Converted, Wanted
from sealos_gateway.migrate.gateway_api.names import Names
from sealos_gateway.migrate.gateway_api.objects import fields
from sealos_gateway.migrate.gateway_api.texts import InexpressibleError, duration, nginx
from sealos_gateway.model.backend_policy import BackendPolicy
from sealos_gateway.model.policy import Policy
from sealos_gateway.model.template import Of, Variable, joined, literal
from sealos_gateway.model.traffic import Conditions, Forward, Match, PathKind, Respond, Route, TextMatch
from sealos_gateway.nginx import variables
from sealos_gateway.nginx.lexer import Position, Word
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import core
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Metadata, Origin, Ref, Resource
from sealos_gateway.settings import DefaultCertificate, Settings, TlsSettings
from sealos_gateway.translate.gateway_api import durations
from tests import objects, pem
from tests.migrate.families import NGINX, SAME, SERVICES, ingress


def read(*resources: Resource, source: str = "ingress-nginx") -> Pipeline:
    return objects.pipeline(*SERVICES, *resources, settings=reading.settings_for(source, Settings(), []))


def convert(*resources: Resource) -> tuple[Converted, list[Finding], Pipeline]:
    """What is written, what both forms answer differently, and the new form."""
    old = read(*resources)
    assert old.hosts.rows, "nothing to convert"
    made = conversion.convert(old, Wanted("ingress-nginx"))
    new = check.pipeline(old, made.objects, "sealos")
    assert not new.graph.failures
    return made, list(check.findings(old, new, made.objects)), new


def of_kind(made: Converted, kind: str) -> list[dict[str, Any]]:
    return [one for one in made.objects if one["kind"] == kind]


def spec(made: Converted, kind: str) -> dict[str, Any]:
    (one,) = of_kind(made, kind)
    found: dict[str, Any] = one["spec"]
    return found


@pytest.mark.parametrize("case", SAME)
def test_both_forms_answer_the_same(case: str) -> None:
    made, differ, new = convert(*SAME[case])
    assert differ == []
    assert [it for it in made.findings if it.severity is Severity.REFUSED] == []
    told = [str(it) for it in new.problems() if it.origin.kind.endswith(("Route", "Policy", "Gateway", "ListenerSet"))]
    assert told == []


_SAID: list[dict[str, str]] = [
    {}, {}, {"use_regex": "true"}, {"rewrite_target": "/n/$1"}, {"tls": "cert"},
    {"tls": "cert", "ssl_redirect": "false"}, {"force_ssl_redirect": "true"},
    {"canary": "true", "canary_by_header": "x-c", "canary_weight": "30"},
    {"canary": "true", "canary_by_cookie": "early"}, {"whitelist_source_range": "10.0.0.0/8"},
    {"permanent_redirect": "https://new.test$request_uri"}, {"server_alias": "z.test"},
    {"from_to_www_redirect": "true"}, {"proxy_body_size": "3m"}, {"ignore_path_case": "true"},
    {"higress.io/match-method": "POST"}, {"higress.io/exact-match-header-x-a": "1"},
    {"higress.io/rewrite-path": "/r"}, {"limit_rps": "5"},
    {"configuration_snippet": "if ($http_x_b = 1) { add_header X-C 2 always; } more_set_headers 'X-D: 1';"},
]  # fmt: skip
_HOSTS = ("a.test", "b.test", "www.a.test", "*.c.test", "")
_PATHS = ("/", "/a", "/a/b", "/a/(.*)", "/ab", "/A", "/()(.*)", "/a[0-9]+", "/.well-known/acme-challenge/x", "/a/b/c")


@pytest.mark.parametrize("seed", range(40))
def test_whatever_comes_together_both_forms_answer_the_same_or_it_is_told(seed: int) -> None:
    chance = random.Random(seed)
    several = []
    for number in range(chance.randrange(1, 6)):
        said = {name: text for _ in range(chance.randrange(3)) for name, text in chance.choice(_SAID).items()}
        place = {"path": chance.choice(_PATHS), "kind": chance.choice(("Prefix", "Exact", "ImplementationSpecific"))}
        several.append(ingress(f"i{number}", chance.choice(_HOSTS), chance.choice(("web", "new")), **place, **said))
    made, differ, _ = convert(*several)
    told = {it.object for it in made.findings if it.severity is Severity.REFUSED or it.field.startswith("host ")}
    assert [it for it in differ if it.object not in told] == []


#: What cannot be said, or is said differently: the finding's field, and words of its message.
TOLD: dict[str, tuple[list[Ingress], Severity, str, str]] = {
    "an answer": (
        [ingress(configuration_snippet="if ($http_x_a = 1) { return 418; }")],
        Severity.REFUSED,
        "Prefix / if header x-a=1",
        "answer 418",
    ),
    "what is not": (
        [ingress(configuration_snippet="if ($http_a != 1) { add_header X-A 1; }")],
        Severity.REFUSED,
        "Prefix / if header not a=1",
        "is not",
    ),
    "a wildcard": ([ingress(host="*.a.test")], Severity.DIFFERS, "spec.rules", "one label"),
    "a fixed address": ([ingress(permanent_redirect="https://new.test/x")], Severity.DIFFERS, "redirect", "query"),
    "an odd status": (
        [ingress(permanent_redirect="https://new.test/x", permanent_redirect_code="305")],
        Severity.REFUSED,
        "Prefix /",
        "305",
    ),
    "variables in an address": (
        [ingress(temporal_redirect="https://$http_x_a/x")],
        Severity.REFUSED,
        "Prefix /",
        "redirect to",
    ),
    "other origins": ([ingress(enable_cors="true")], Severity.DIFFERS, "CORS", "permission"),
    "a hashed cookie": (
        [ingress(affinity="cookie", affinity_mode="balanced")],
        Severity.REFUSED,
        "Service web port 80",
        "hashed",
    ),
    "no certificate": (
        [
            objects.ingress(
                "i", objects.rule("a.test", objects.path("/")), class_name="nginx", tls=[objects.tls("", "a.test")]
            )
        ],
        Severity.REFUSED,
        "spec.tls",
        "default certificate",
    ),
    "a Service in two ways": (
        [ingress(), ingress("s", "b.test", backend_protocol="HTTPS")],
        Severity.REFUSED,
        "Service web port 80",
        "second Service",
    ),
    "TLS of one host": (
        [ingress(tls="cert", ssl_ciphers="AES128-SHA")],
        Severity.REFUSED,
        "host a.test",
        "for all hosts of a port",
    ),
    "a Service that is not there": ([ingress(to="gone")], Severity.DIFFERS, "no backend", "500"),
}


@pytest.mark.parametrize("case", TOLD)
def test_what_cannot_be_said_is_told(case: str) -> None:
    resources, severity, field, words = TOLD[case]
    found = [it for it in convert(*resources)[0].findings if it.field == field]
    assert found, convert(*resources)[0].findings
    assert (found[0].severity, words in found[0].message) == (severity, True)
    assert found[0].object.startswith("Ingress shop/")


def test_a_path_that_cannot_be_said_is_closed_as_a_whole() -> None:
    """Neither the other case of the snippet nor the shorter path of a neighbour takes its requests."""
    snippet = "if ($http_x_a != 1) { return 403; }"
    made, _, new = convert(ingress(path="/admin", configuration_snippet=snippet), ingress("rest", to="new"))
    asked = [("/admin", ()), ("/admin/x", (("x-a", "1"),)), ("/", ())]
    found = [explain.route(f"http://a.test{path}", new, headers=headers) for path, headers in asked]
    assert [it.action if it else None for it in found][:2] == [Respond(500), Respond(500)]
    assert isinstance(found[2].action, Forward)  # type: ignore[union-attr]
    assert [it.severity for it in made.findings] == [Severity.REFUSED]


def test_a_host_that_checks_its_clients_is_left_out() -> None:
    bundle = core.Secret(Metadata("clients", "shop"), data={"ca.crt": pem.pair("a.test").chain})
    old = read(ingress(tls="cert", auth_tls_secret="shop/clients"), ingress("b", "b.test"), bundle)
    made = conversion.convert(old, Wanted("ingress-nginx"))
    assert [it["spec"]["hostnames"] for it in of_kind(made, "HTTPRoute")] == [["b.test"]]
    assert of_kind(made, "ListenerSet") == []
    assert [(it.severity, it.field) for it in made.findings] == [(Severity.REFUSED, "host a.test")]


def test_hosts_of_tls_stand_in_the_namespace_of_their_secret() -> None:
    made, _, new = convert(ingress(tls="cert"), ingress("b", "b.test", tls="cert"), ingress("plain", "c.test"))
    (section, _) = spec(made, "ListenerSet")["listeners"]
    assert section == {
        "name": "a-test", "port": 443, "protocol": "HTTPS", "hostname": "a.test",
        "tls": {"certificateRefs": [{"name": "cert"}]},
    }  # fmt: skip
    assert of_kind(made, "ReferenceGrant") == []
    assert [it["name"] for it in spec(made, "Gateway")["listeners"]] == ["http"]
    assert {key.host for key in new.gateway_hosts.rows if "443" in key.gateway} == {"a.test", "b.test"}


def test_default_certificates_of_settings_need_a_grant() -> None:
    resource = objects.ingress(
        "i", objects.rule("a.test", objects.path("/")), class_name="nginx", tls=[objects.tls("", "a.test")]
    )
    chosen = Settings(tls=TlsSettings(default_certificates=(DefaultCertificate("*", "platform/wildcard"),)))
    old = objects.pipeline(*SERVICES, resource, settings=reading.settings_for("ingress-nginx", chosen, []))
    made = conversion.convert(old, Wanted("ingress-nginx"))
    (grant,) = of_kind(made, "ReferenceGrant")
    assert grant["metadata"]["namespace"] == "platform"
    assert grant["spec"]["from"] == [{"group": "gateway.networking.k8s.io", "kind": "ListenerSet", "namespace": "shop"}]
    assert spec(made, "ListenerSet")["listeners"][0]["tls"]["certificateRefs"][0]["namespace"] == "platform"


def test_a_canary_of_another_namespace_needs_a_grant() -> None:
    rule = objects.rule("a.test", objects.path("/", "new"))
    other = objects.ingress("c", rule, namespace="other", class_name="nginx",
                            annotations={f"{NGINX}canary": "true", f"{NGINX}canary-weight": "50"})  # fmt: skip
    made, differ, _ = convert(ingress(), other)
    assert differ == []
    (grant,) = of_kind(made, "ReferenceGrant")
    assert (grant["metadata"]["namespace"], grant["spec"]["to"][0]["name"]) == ("other", "new")


def test_more_hosts_than_one_set_takes_and_more_rules_than_one_route_takes() -> None:
    many = [ingress(f"i{n}", f"h{n}.test", tls="cert") for n in range(70)]
    paths = [objects.path(f"/p{n}", "web" if n % 2 else "new") for n in range(40)]
    made, differ, _ = convert(*many, objects.ingress("paths", objects.rule("p.test", *paths), class_name="nginx"))
    assert differ == []
    assert [len(it["spec"]["listeners"]) for it in of_kind(made, "ListenerSet")] == [64, 6]
    routes = [it for it in of_kind(made, "HTTPRoute") if it["spec"].get("hostnames") == ["p.test"]]
    assert [len(it["spec"]["rules"]) for it in routes] == [16, 16, 8]


def test_what_is_grpc_only_becomes_a_grpc_route() -> None:
    made, differ, _ = convert(
        ingress(backend_protocol="GRPC", tls="cert"), ingress("s", path="/pkg.Shop", to="new", backend_protocol="GRPC")
    )
    assert differ == []
    methods = [it.get("matches") for one in of_kind(made, "GRPCRoute") for it in one["spec"]["rules"]]
    assert methods == [[{"method": {"type": "Exact", "service": "pkg.Shop"}}], None]
    (plain,) = of_kind(made, "HTTPRoute")
    assert plain["spec"]["rules"][0]["filters"][0]["requestRedirect"] == {"scheme": "https", "statusCode": 308}


def test_tls_that_is_handed_through_becomes_a_tls_route() -> None:
    made, _, new = convert(ingress(ssl_passthrough="true", tls="cert"))
    route = spec(made, "TLSRoute")
    assert (route["hostnames"], route["rules"]) == (["a.test"], [{"backendRefs": [{"name": "web", "port": 80}]}])
    assert spec(made, "ListenerSet")["listeners"][0]["tls"] == {"mode": "Passthrough"}
    assert [it for it in new.problems() if it.origin.kind == "TLSRoute"] == []


def test_a_check_of_the_backends_certificate_becomes_a_backend_tls_policy() -> None:
    made, differ, _ = convert(*SAME["tls to a backend"])
    assert differ == []
    assert spec(made, "BackendTLSPolicy")["validation"] == {
        "hostname": "b.test", "caCertificateRefs": [{"group": "", "kind": "Secret", "name": "ca"}]
    }  # fmt: skip
    assert of_kind(made, "BackendPolicy") == []


def test_the_order_of_objects_does_not_matter_and_names_are_valid_and_distinct() -> None:
    long = "a-very-long-name-of-an-ingress-that-is-longer-than-a-label-may-be-by-far"
    several: list[Resource] = [
        ingress(long, "x.test", whitelist_source_range="10.0.0.0/8"), ingress(f"{long}-2", "y.test", tls="cert"),
        ingress("web-a", "b.test"), objects.ingress("web", objects.rule("a.test", objects.path("/")),
                                                    objects.rule("b.test", objects.path("/b")), class_name="nginx"),
        ingress("web-b-test", "c.test", auth_type="basic", auth_secret="users"), ingress("w", "*.d.test"),
    ]  # fmt: skip
    texts = set()
    for seed in range(5):
        random.Random(seed).shuffle(several)
        made, _, _ = convert(*several)
        texts.add(writing.text(made.objects))
    assert len(texts) == 1
    keys = [(it["kind"], it["metadata"]["namespace"], it["metadata"]["name"]) for it in made.objects]
    assert len(set(keys)) == len(keys)
    assert all(0 < len(name) <= 63 and name == name.strip("-").lower() for _, _, name in keys)


def test_every_field_of_a_policy_is_thought_of() -> None:
    """A new field of the model has to become something in `migrate/gateway_api`, or to be told; then add it here."""
    assert set(Policy.__struct_fields__) == {
        "timeouts", "retry", "request_headers", "response_headers", "rewrite", "cors", "body_limit", "buffer_request",
        "rate_limits", "connections", "bandwidth", "networks", "basic_auth", "external_auth", "satisfy_any", "affinity",
        "hash_by", "mirrors", "error_pages", "compression", "cookies", "location", "access_log", "tracing",
        "authorization",  # no Ingress has it
    }  # fmt: skip
    assert set(BackendPolicy.__struct_fields__) == {
        "protocol", "connect_timeout", "idle_timeout", "balance", "slow_start", "tls", "active", "passive", "limits",
        "requests_per_connection", "max_response_headers_kb", "buffer_bytes", "service_address", "fallback",
        "proxy_protocol", "tcp_keepalive",
        "for_questions",  # the other form says it, too, where it asks
    }  # fmt: skip


def test_what_annotations_cannot_say_of_a_backend_has_words_too() -> None:
    policy = BackendPolicy(
        idle_timeout=5.0,
        slow_start=2.0,
        max_response_headers_kb=8,
        buffer_bytes=4096,
        proxy_protocol=2,
        tcp_keepalive=30,
    )
    found = fields(backends.backend_policy(policy, "shop"))
    assert found["timeouts"] == {"connectionIdle": "5s"}
    assert found["loadBalancing"] == {"slowStart": "2s"}
    assert found["connection"] == {
        "bufferLimit": 4096, "maxResponseHeadersSize": "8Ki", "tcpKeepalive": "30s", "proxyProtocol": "V2"
    }  # fmt: skip


def test_a_difference_would_be_seen() -> None:
    """The check itself: objects that say something else give a finding for each aspect."""
    old = read(ingress(tls="cert", proxy_body_size="8m", proxy_connect_timeout="2"))
    made = conversion.convert(old, Wanted("ingress-nginx"))
    text = writing.text(made.objects).replace("value: /", "value: /other", 1)
    text = (
        text.replace("8388608", "8388609")
        .replace("connect: 2s", "connect: 3s")
        .replace("statusCode: 308", "statusCode: 301")
    )
    spoiled = list(yaml.safe_load_all(text))
    fields = {it.field for it in check.findings(old, check.pipeline(old, spoiled, "sealos"), spoiled)}
    assert fields >= {"checked: answer", "checked: body_limit", "checked: backend"}


def test_names() -> None:
    names = Names()
    assert names.name("HTTPRoute", "a", "*.Shop.test") == "any-shop-test"
    first, second = (names.name("HTTPRoute", "a", "x" * 70 + end) for end in ("1", "2"))
    assert first != second
    assert max(len(first), len(second)) <= 63
    assert names.name("HTTPRoute", "b", "*.Shop.test") == "any-shop-test"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (1.5, "1s500ms"), (3600, "1h"), (86_399, "23h59m59s")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
    assert durations.seconds(text) == seconds


@pytest.mark.parametrize("of", list(Of))
def test_a_text_with_variables_reads_as_it_was(of: Of) -> None:
    named = of in (Of.REQUEST_HEADER, Of.RESPONSE_HEADER, Of.COOKIE, Of.QUERY_PARAMETER, Of.CAPTURE)
    wanted = joined(("a ", Variable(of, "x-a" if "header" in of.value else "xa" if named else ""), "b"))
    if of is Of.CAPTURE:
        with pytest.raises(InexpressibleError):
            nginx(wanted)
    else:
        assert variables.parse(Word(nginx(wanted), Position(1, 1))) == wanted
    with pytest.raises(InexpressibleError):
        nginx(literal("1$"))


def test_a_pattern_that_comes_first_is_longer_than_what_comes_behind_it() -> None:
    """Also where both were as long: which of two Ingresses is older, or has the first name, must not decide."""
    made, differ, _ = convert(
        ingress("a", path="/A", ignore_path_case="true"),
        ingress("z", path="/a/b/c", kind="ImplementationSpecific", to="new"),
    )
    assert differ == []
    values = [
        rule["matches"][0]["path"]["value"] for one in of_kind(made, "HTTPRoute") for rule in one["spec"]["rules"]
    ]
    assert sorted(values) == ["(?i)/A(/.*)?", "/a/b/c.*(?:)(?:)"]


def test_an_order_that_no_form_keeps_is_refused() -> None:
    one, other = (
        objects_route(Conditions(headers=tuple(TextMatch(f"x-{n}", value="1") for n in range(count))))
        for count in (1, 2)
    )
    assert matches.paths([other, one])
    with pytest.raises(InexpressibleError):
        matches.paths([one, other])


def objects_route(conditions: Conditions) -> Route:
    match = Match(PathKind.PREFIX, "/", conditions=conditions)
    return Route(match, Respond(503), Origin("Ingress", Ref("shop", "web")))


def test_the_command_writes_a_file_for_each_namespace_and_reports(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    text = "\n---\n".join((SERVICE, INGRESS))
    (source / "all.yaml").write_text(text)
    options = ["migrate", "--from", "ingress-nginx", "--to", "gateway-api", "-f", str(source)]
    result = CliRunner().invoke(app, [*options, "--out", str(out), "-o", "json", "--gateway", "edge/main"])
    assert (result.exit_code, json.loads(result.stdout)["findings"]) == (0, [])
    assert sorted(path.name for path in out.iterdir()) == ["edge.yaml", "shop.yaml"]
    written = [it for path in sorted(out.iterdir()) for it in yaml.safe_load_all(path.read_text())]
    assert {it["kind"] for it in written} == {"Gateway", "HTTPRoute", "TrafficPolicy"}
    assert "# from Ingress shop/web" in (out / "shop.yaml").read_text()
    shown = CliRunner().invoke(app, options)
    assert [it["kind"] for it in yaml.safe_load_all(shown.stdout)] == ["Gateway", "HTTPRoute", "TrafficPolicy"]
    assert "from ingress-nginx: 1 Ingresses" in shown.stderr


@pytest.mark.parametrize("options", [["--to", "nginx"], ["--out", "x"], ["--to", "gateway-api", "--gateway", "x"]])
def test_usage_is_told(options: list[str]) -> None:
    result = CliRunner().invoke(app, ["migrate", "--from", "higress", "-f", ".", *options])
    assert (result.exit_code, "--gateway" in result.output) == (64, True)


SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  ingressClassName: nginx
  rules:
  - host: a.test
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
"""
