"""What a migration finds, from manifests as they stand in a cluster of today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sealos_gateway.cli import app
from sealos_gateway.migrate import configmaps, reading
from sealos_gateway.migrate.findings import Finding, Report, Severity, grouped
from sealos_gateway.resources.annotations import every
from sealos_gateway.resources.annotations.entry import NGINX, Verdict
from sealos_gateway.settings import Settings

OBJECTS = """\
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: edge}
spec: {controller: k8s.io/ingress-nginx}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: other}
spec: {controller: example.com/other}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ingress-nginx-controller, namespace: ingress-nginx}
data:
  hsts: "true"
  proxy-body-size: 1m
  proxy-read-timeout: "3600"
  use-forwarded-headers: "true"
  http-snippet: |
    map $a $b { default 1; }
  invented: "1"
"""


def ingress(name: str, klass: str, tls: bool = False, **annotations: str) -> str:
    said = json.dumps({f"{NGINX}{key.replace('_', '-')}": value for key, value in annotations.items()})
    secure = f"\n  tls: [{{hosts: [{name}.example.com]}}]" if tls else ""
    return f"""\
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}, namespace: shop, annotations: {said}}}
spec:
  ingressClassName: {klass}{secure}
  rules:
  - host: {name}.example.com
    http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: web, port: {{number: 80}}}}}}}}]}}
"""


def migrate(folder: Path, text: str, *options: str, source: str = "ingress-nginx") -> Result:
    (folder / "all.yaml").write_text(text)
    return CliRunner().invoke(app, ["migrate", "--from", source, "-f", str(folder), *options])


def found(result: Result) -> dict[tuple[str, str], tuple[str, str]]:
    said = json.loads(result.stdout)
    return {(it["object"], it["field"]): (it["severity"], it["message"]) for it in said["findings"]}


def test_nothing_to_do_is_status_0(tmp_path: Path) -> None:
    text = OBJECTS.partition("  proxy-read")[0] + ingress("a", "edge", proxy_body_size="32m", ssl_redirect="false")
    result = migrate(tmp_path, text, "-o", "json")
    assert (result.exit_code, json.loads(result.stdout)["severity"]) == (0, "works")
    assert json.loads(result.stdout)["works"] == 4  # two annotations, two keys
    assert json.loads(result.stdout)["ingresses"] == 1


def test_what_differs_is_status_1_and_says_how(tmp_path: Path) -> None:
    text = OBJECTS.replace("  http-snippet: |\n    map $a $b { default 1; }\n", "") + ingress(
        "a", "nginx", configuration_snippet="expires 30d;", server_snippet="more_set_headers 'X-A: 1';"
    )
    result = migrate(tmp_path, text, "-o", "json")
    assert result.exit_code == 1
    said = found(result)
    name = f"metadata.annotations[{NGINX}configuration-snippet]"
    assert said["Ingress shop/a", name][0] == "differs"
    assert "no date in Expires" in said["Ingress shop/a", name][1]
    assert ("Ingress shop/a", f"metadata.annotations[{NGINX}server-snippet]") not in said
    place = "ConfigMap ingress-nginx/ingress-nginx-controller"
    assert said[place, "proxy-read-timeout"][1].startswith("is 3600: write the annotation")
    assert "http.trusted_hops" in said[place, "use-forwarded-headers"][1]
    assert "has to be looked at" in said[place, "invented"][1]
    assert (place, "proxy-body-size") not in said


def test_what_is_refused_is_status_2_and_says_what_to_do(tmp_path: Path) -> None:
    text = OBJECTS + "".join((
        ingress("a", "edge", configuration_snippet="proxy_pass http://x;"),
        ingress("b", "nginx", stream_snippet="x"),
        ingress("c", "nginx", invented="1"),
        ingress("d", "other", stream_snippet="x"),
    ))  # fmt: skip
    result = migrate(tmp_path, text, "-o", "json")
    assert result.exit_code == 2
    said = found(result)
    severity, message = said["Ingress shop/a", f"metadata.annotations[{NGINX}configuration-snippet]"]
    assert (severity, "line 1, column 1: proxy_pass is not translated" in message) == ("refused", True)
    assert said["Ingress shop/b", f"metadata.annotations[{NGINX}stream-snippet]"][0] == "refused"
    assert said["Ingress shop/c", f"metadata.annotations[{NGINX}invented]"][0] == "differs"
    assert not [key for key in said if key[0] == "Ingress shop/d"], "of another controller"
    assert said["ConfigMap ingress-nginx/ingress-nginx-controller", "http-snippet"][0] == "refused"


def test_hsts_is_as_there_unless_the_controller_says_something_else(tmp_path: Path) -> None:
    place = "ConfigMap ingress-nginx/ingress-nginx-controller"
    assert (place, "hsts") not in found(migrate(tmp_path, OBJECTS + ingress("a", "nginx", tls=True), "-o", "json"))
    text = OBJECTS.replace('hsts: "true"', 'hsts: "false"\n  hsts-max-age: "1"')
    said = found(migrate(tmp_path, text + ingress("a", "nginx", tls=True), "-o", "json"))
    assert "ingress.hsts" in said[place, "hsts"][1]
    assert "ingress.hsts" in said[place, "hsts-max-age"][1]


def test_what_higress_ignores_takes_effect_here(tmp_path: Path) -> None:
    text = OBJECTS + ingress("a", "nginx", proxy_body_size="32m", enable_cors="true")
    said = found(migrate(tmp_path, text, "-o", "json", source="higress"))
    severity, message = said["Ingress shop/a", f"metadata.annotations[{NGINX}proxy-body-size]"]
    assert (severity, message.startswith("Higress does not read it")) == ("differs", True)
    assert ("Ingress shop/a", f"metadata.annotations[{NGINX}enable-cors]") not in said


def test_the_text_groups_objects_and_names_three(tmp_path: Path) -> None:
    text = OBJECTS + "".join(ingress(f"i{n}", "nginx", stream_snippet="x") for n in range(5))
    result = migrate(tmp_path, text)
    assert "from ingress-nginx: 5 Ingresses, 5 hosts" in result.stdout
    assert "Ingress shop/i0, Ingress shop/i1, Ingress shop/i2 and 2 more" in result.stdout
    assert result.stdout.count("stream-snippet]") == 1
    assert result.stdout.index("refused ") < result.stdout.index("differs ")


@pytest.mark.parametrize(
    "options", [["--from", "traefik", "-f", "."], ["--from", "higress"], ["--from", "higress", "-f", "/no/such"]]
)
def test_usage_has_a_status_of_its_own(options: list[str]) -> None:
    assert CliRunner().invoke(app, ["migrate", *options]).exit_code in (2, 64)


def test_settings_and_annotations_that_keys_name_exist() -> None:
    settings = Settings()
    for table in configmaps.TABLES.values():
        for key, known in table.items():
            for name in known.do.split("`")[1::2]:
                if "/" in name:
                    assert every.find(name) is not None, (key, name)
                    continue
                place: object = settings
                for part in name.split("."):
                    assert hasattr(place, part), (key, name)
                    place = getattr(place, part)


def test_what_is_said_of_tracing_has_settings() -> None:
    said = {
        "enable-opentelemetry": "true", "otlp-collector-host": "collector.svc", "otlp-collector-port": "4317",
        "otel-sampler": "TraceIdRatioBased", "otel-sampler-ratio": "0.05", "otel-service-name": "edge",
        "opentelemetry-trust-incoming-span": "true", "opentelemetry-operation-name": "$request_method $uri",
        "otel-max-queuesize": "2048",
    }  # fmt: skip
    told = {it.field: it.message for it in configmaps.findings("ingress-nginx", "a/b", said) if it is not None}
    silent = {"otlp-collector-port", "opentelemetry-trust-incoming-span", "otel-max-queuesize"}
    assert told.keys() == said.keys() - silent
    assert "tracing.collector" in told["otlp-collector-host"]
    assert "tracing.sampling_percent" in told["otel-sampler-ratio"]
    assert "opentelemetry-operation-name` on the Ingresses" in told["opentelemetry-operation-name"]


def test_every_verdict_has_words_where_it_needs_them() -> None:
    silent = [it.name for it in every.ALL if it.verdict in (Verdict.DIFFERS, Verdict.REFUSED) and not it.note]
    assert silent == []


def test_places_of_configmaps() -> None:
    assert [str(ref) for ref in reading.places("ingress-nginx", [])] == ["ingress-nginx/ingress-nginx-controller"]
    assert [str(ref) for ref in reading.places("higress", ["a/b"])] == ["a/b"]


def test_groups_come_worst_first() -> None:
    findings = [
        Finding(Severity.DIFFERS, "f", "m", "o1"), Finding(Severity.REFUSED, "g", "m", "o2"),
        Finding(Severity.DIFFERS, "f", "m", "o3"),
    ]  # fmt: skip
    assert [(it.field, it.objects) for it in grouped(findings)] == [("g", ("o2",)), ("f", ("o1", "o3"))]
    assert Report("x", findings=tuple(findings)).severity is Severity.REFUSED
    assert Report("x").severity is Severity.WORKS
