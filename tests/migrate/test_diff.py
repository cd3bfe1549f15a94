"""Two configurations, and the requests that tell them apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from sealos_gateway.cli import app
from sealos_gateway.migrate.requests import requests
from sealos_gateway.migrate.samples import sample
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.traffic import Conditions, Forward, Match, PathKind, Route, TextKind, TextMatch
from sealos_gateway.nginx import regex
from sealos_gateway.resources.meta import Origin, Ref

SERVICES = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {ports: [{port: 80}]}
"""
NGINX = "nginx.ingress.kubernetes.io/"


def ingress(host: str, paths: dict[str, str], kind: str = "Prefix", **annotations: str) -> str:
    said = json.dumps({f"{NGINX}{key.replace('_', '-')}": value for key, value in annotations.items()})
    rules = ", ".join(
        f"{{path: {path}, pathType: {kind}, backend: {{service: {{name: {name}, port: {{number: 80}}}}}}}}"
        for path, name in paths.items()
    )
    return f"""\
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {host.replace("*", "any")}, namespace: shop, annotations: {said}}}
spec:
  ingressClassName: nginx
  rules: [{{host: "{host}", http: {{paths: [{rules}]}}}}]
"""


def compare(folder: Path, old: str, new: str) -> Result:
    for name, text in (("old", old), ("new", new)):
        (folder / name).mkdir()
        (folder / name / "all.yaml").write_text(SERVICES + text)
    options = ["-f", str(folder / "old"), "-f", str(folder / "new"), "-o", "json", "--ingress-class", "nginx"]
    return CliRunner().invoke(app, ["diff", *options])


def differences(result: Result) -> dict[str, dict[str, tuple[str, str]]]:
    return {
        it["request"]: {change["aspect"]: (change["old"], change["new"]) for change in it["changes"]}
        for it in json.loads(result.stdout)
    }


def test_the_same_is_no_difference(tmp_path: Path) -> None:
    text = ingress("a.example.com", {"/": "web", "/api": "api"}, configuration_snippet="add_header X 1;")
    result = compare(tmp_path, text, text)
    assert (result.exit_code, result.stdout.strip()) == (0, "[]")


def test_prefix_and_exact_differ_below_the_path(tmp_path: Path) -> None:
    old = ingress("a.example.com", {"/api": "api"})
    result = compare(tmp_path, old, ingress("a.example.com", {"/api": "api"}, "Exact"))
    assert result.exit_code == 1
    (one,) = differences(result).items()
    assert one[0] == "GET http://a.example.com/api/"
    assert one[1]["answer"][1].startswith("404")
    assert json.loads(result.stdout)[0]["requests"] == 4  # /api/ and /api/x, over both schemes


def test_another_backend_and_a_host_that_is_gone(tmp_path: Path) -> None:
    old = ingress("a.example.com", {"/": "web"}) + ingress("*.b.example.com", {"/": "web"})
    said = differences(compare(tmp_path, old, ingress("a.example.com", {"/": "api"})))
    assert "shop/api" in said["GET http://a.example.com/"]["backend"][1]
    assert said["GET http://sgw-diff.b.example.com/"]["answer"][1] == "404, empty body"


def test_conditions_get_requests_that_fulfil_them(tmp_path: Path) -> None:
    old = ingress("a.example.com", {"/": "web"})
    snippet = r'if ($request_uri ~* \.(js|css)) { add_header X-A 1; } if ($http_x_b ~ "^v[0-9]+$") { return 403; }'
    snippet += " if ($cookie_c = 1) { return 404; } if ($request_method = POST) { return 405; }"
    snippet += " if ($arg_q = z) { return 410; }"
    said = differences(compare(tmp_path, old, ingress("a.example.com", {"/": "web"}, configuration_snippet=snippet)))
    by_answer: dict[str, str] = {}
    for request, changes in said.items():
        if "answer" in changes:
            by_answer.setdefault(changes["answer"][1][:3], request)
    assert by_answer["403"] == "GET http://a.example.com/ x-b: v0"
    assert by_answer["404"] == "GET http://a.example.com/ cookie: c=1"
    assert by_answer["405"] == "POST http://a.example.com/"
    assert by_answer["410"] == "GET http://a.example.com/?q=z"
    assert "response_headers" in said["GET http://a.example.com/.js"]


def test_policies_are_part_of_the_answer(tmp_path: Path) -> None:
    old = ingress("a.example.com", {"/": "web"}, proxy_body_size="1m")
    said = differences(compare(tmp_path, old, ingress("a.example.com", {"/": "web"}, proxy_body_size="2m")))
    assert said["GET http://a.example.com/"]["body_limit"] == ("1048576", "2097152")


def test_usage() -> None:
    assert CliRunner().invoke(app, ["diff", "-f", "."]).exit_code == 64


def test_boundaries_of_a_path() -> None:
    route = Route(
        Match(PathKind.PREFIX, "/foo"), Forward(BackendKey("ns", "web", 80)), Origin("Ingress", Ref("a", "b"))
    )
    urls = {ask.url for ask in requests("a.com", [route])}
    paths = ("/", "/foo", "/foo/", "/foobar", "/foo/x", "/sgw-diff")
    assert urls == {f"{scheme}://a.com{path}" for scheme in ("http", "https") for path in paths}


def test_conditions_of_one_route_are_asked_together() -> None:
    conditions = Conditions(("POST",), (TextMatch("x-a", TextKind.PRESENT),), (TextMatch("q", value="1"),))
    route = Route(
        Match(PathKind.EXACT, "/a", conditions=conditions), Forward(BackendKey("n", "s", 1)), Origin("I", Ref("a", "b"))
    )
    asks = {str(ask) for ask in requests("a.com", [route])}
    assert "POST http://a.com/a?q=1 x-a: x" in asks


@pytest.mark.parametrize(
    "pattern", [r"(?is).*(?:\.(js|css)).*", "(?i)^/()(.*)", "[^/]+", r"\d{2,3}[a-c]?", "(?:/old/([^?]*))(?:\\?.*)?"]
)
def test_samples_match(pattern: str) -> None:
    text = sample(pattern)
    assert text is not None
    assert regex.compiled(pattern).fullmatch(text)


@given(st.text(alphabet=st.sampled_from(r"ab/\.d[]^()?*+|{2}$-"), max_size=12))
def test_a_sample_matches_or_there_is_none(pattern: str) -> None:
    if not regex.problem(pattern) and (text := sample(pattern)) is not None:
        assert regex.compiled(pattern).fullmatch(text)


def test_a_backend_that_changes_under_equal_routes(tmp_path: Path) -> None:
    """The routes are the same values; what the gateway speaks to the Service is not."""
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    text = SERVICES + ingress("a.example.com", {"/": "web"})
    (tmp_path / "old" / "all.yaml").write_text(text)
    (tmp_path / "new" / "all.yaml").write_text(text.replace("[{port: 80}]", "[{port: 80, appProtocol: https}]", 1))
    options = ["-f", str(tmp_path / "old"), "-f", str(tmp_path / "new"), "-o", "json", "--ingress-class", "nginx"]
    result = CliRunner().invoke(app, ["diff", *options])
    assert result.exit_code == 1
    assert "https" in differences(result)["GET http://a.example.com/"]["backend"][1]


def test_a_service_may_be_reached_in_two_ways_on_one_host(tmp_path: Path) -> None:
    old = ingress("a.example.com", {"/": "web"}) + ingress(
        "a.example.com", {"/s": "web"}, backend_protocol="HTTPS"
    ).replace("name: a.example.com", "name: secure")
    result = compare(
        tmp_path, old, old + ingress("a.example.com", {"/new": "api"}).replace("name: a.exa", "name: b.exa")
    )
    assert result.exit_code == 1
    assert "GET http://a.example.com/new" in result.stdout
