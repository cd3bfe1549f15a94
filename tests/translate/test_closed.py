"""What protects a route stays closed, whichever way the words come together."""

from __future__ import annotations

import pytest

from sealos_gateway.model.backend_policy import Protocol
from sealos_gateway.model.policy import Networks
from sealos_gateway.model.traffic import Route, VirtualHost, together
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import core
from sealos_gateway.resources.meta import Resource
from sealos_gateway.settings import IngressSettings, Settings
from tests import objects, pem

NGINX = "nginx.ingress.kubernetes.io/"
SNIPPETS = Settings(ingress=IngressSettings(snippet_namespaces=("*",)))


def ingress(host: str = "a.test", *paths: str, name: str = "web", **said: str) -> Resource:
    annotations = {NGINX + key.replace("_", "-"): text for key, text in said.items()}
    rule = objects.rule(host, *(objects.path(path) for path in paths or ("/",)))
    return objects.ingress(name, rule, annotations=annotations)


def made(*resources: Resource, service: Resource | None = None) -> Pipeline:
    return objects.pipeline(service or objects.service(), *resources, settings=SNIPPETS)


def routes(pipeline: Pipeline, host: str = "a.test") -> tuple[Route, ...]:
    (row,) = [row for key, row in pipeline.hosts.rows.items() if key.host == host]
    return row.routes


@pytest.mark.parametrize(
    ("annotations", "snippet", "allow", "deny"),
    [
        ({"whitelist_source_range": "10.0.0.0/8"}, "deny 10.1.1.1;", ("10.0.0.0/8",), ()),
        ({"denylist_source_range": "10.0.0.0/8"}, "deny 11.1.1.1;", (), ("10.0.0.0/8", "11.1.1.1/32")),
        ({}, "deny 10.1.1.1;", (), ("10.1.1.1/32",)),
    ],
)
def test_a_snippet_opens_no_list_of_an_annotation(
    annotations: dict[str, str], snippet: str, allow: tuple[str, ...], deny: tuple[str, ...]
) -> None:
    (route,) = routes(made(ingress(configuration_snippet=snippet, **annotations)))
    assert route.policy is not None
    assert route.policy.networks == Networks(allow, deny)


def test_backends_are_verified_too_where_the_service_says_https() -> None:
    port = core.ServicePort(name="http", port=80, app_protocol="https")
    pair = pem.pair("a.test")
    secret = objects.secret("ca", pair.chain, pair.key)
    secured = ingress(proxy_ssl_verify="on", proxy_ssl_secret="shop/ca", proxy_ssl_name="a.test")
    (backend,) = made(secret, secured, service=objects.service("web", port)).backends.rows.values()
    assert backend.protocol is Protocol.HTTPS
    assert backend.tls is not None
    assert backend.tls.verify


def test_tls_is_not_handed_through_where_a_snippet_checks_addresses() -> None:
    it = made(ingress(ssl_passthrough="true", configuration_snippet="deny 10.1.1.1;"))
    assert [row.client_tls for row in it.hosts.rows.values()] == [None]
    assert "NoPassthrough" in objects.reasons(it)


def test_a_challenge_is_reached_beside_patterns_of_a_neighbour() -> None:
    path = "/.well-known/acme-challenge/token"
    user = ingress("a.test", path, name="acme", auth_url="http://auth.shop.svc.cluster.local/check")
    neighbour = ingress("a.test", "/x(/|$)(.*)", name="web", rewrite_target="/$2")
    auth = objects.service("auth")
    found = {str(it.origin): it for it in routes(made(user, neighbour, auth))}
    challenge = found["Ingress shop/acme"]
    assert challenge.policy is None or challenge.policy.external_auth is None


def test_defaults_of_nginx_hold_for_a_default_class_too() -> None:
    default = objects.ingress_class("nginx", "sealos.io/gateway-controller", default=True)
    plain = objects.ingress("web", objects.rule("a.test", objects.path("/")), class_name=None)
    (route,) = routes(made(default, plain))
    assert route.policy is not None
    assert route.policy.body_limit == 1 << 20


def test_a_value_for_the_service_that_is_asked_has_no_line_break() -> None:
    it = made(
        ingress(auth_url="http://auth.shop.svc.cluster.local/", auth_request_redirect="https://x/\r\nX-Admin: 1"),
        objects.service("auth"),
    )
    assert any("control character" in str(problem) for problem in it.problems())


def test_rows_of_two_sides_keep_the_order_of_each() -> None:
    snippet = "if ($http_a = x) { return 401; } if ($http_b = y) { add_header X-B 1; } if ($http_c = y) { return 403; }"
    it = made(ingress(configuration_snippet=snippet), ingress("b.test", name="other"))
    first, second = (row for _, row in sorted(it.hosts.rows.items()))
    merged = together(first, VirtualHost(first.key, second.routes, second.origins))
    assert [route for route in merged.routes if route in first.routes] == list(first.routes)
