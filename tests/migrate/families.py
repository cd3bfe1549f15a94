"""Ingresses with every family of annotations that has a form in the Gateway API or in our policy kinds.

The same ones are converted and compared as values, accepted by a real API server, and asked through a real Envoy.
"""

from __future__ import annotations

from sealos_gateway.resources import core
from sealos_gateway.resources.core import ServicePort
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Metadata, Resource
from tests import objects, pem

NGINX = "nginx.ingress.kubernetes.io/"
SERVICES: list[Resource] = [
    *(objects.service(name) for name in ("web", "new", "pages")),
    objects.service("both", ServicePort(80, "http"), ServicePort(81, "more")),
    objects.service("new", namespace="other"),
    objects.secret("cert", *pem.pair("a.test")),
    core.Secret(Metadata("ca", "shop"), data={"ca.crt": pem.pair("a.test").chain}),
    core.Secret(Metadata("users", "shop"), data={"auth": b"user:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="}),
    core.ConfigMap(Metadata("headers", "shop"), {"X-A": "$host"}),
]


def ingress(name: str = "web", host: str = "a.test", to: str = "web", **annotations: str) -> Ingress:
    """`path` and `kind` besides annotations, whose dashes are underscores here; `tls` names a Secret."""
    options = {key: annotations.pop(key, default) for key, default in (("path", "/"), ("kind", "Prefix"), ("tls", ""))}
    said = {(NGINX + key if "/" not in key else key).replace("_", "-"): value for key, value in annotations.items()}
    return objects.ingress(
        name,
        objects.rule(host, objects.path(options["path"], to, kind=options["kind"])),
        annotations=said,
        class_name="nginx",
        tls=[objects.tls(options["tls"], host)] if options["tls"] else (),
    )


#: What is the same in both forms: no finding, and the same answer to every request that tells routes apart.
SAME: dict[str, list[Ingress]] = {
    "a host": [ingress()],
    "no host": [ingress(host="")],
    "kinds of paths": [
        ingress(path="/a"),
        ingress("exact", path="/a/b", kind="Exact"),
        ingress("text", path="/a/t", kind="ImplementationSpecific"),
        ingress("deep", path="/a/t/deep"),
        ingress("root", path="/", to="new"),
    ],
    "patterns": [
        ingress(path="/v[0-9]+/(items|users)", kind="ImplementationSpecific", use_regex="true"),
        ingress("plain", path="/plain"),
        ingress("exact", path="/v1/items", kind="Exact", to="new"),
        ingress("long", path="/v1/items/all/of/them", to="new"),
    ],
    "rewriting": [
        ingress(path="/api(/|$)(.*)", kind="ImplementationSpecific", rewrite_target="/$2"),
        ingress("rest", path="/()(.*)", rewrite_target="/x/$2", x_forwarded_prefix="/x"),
    ],
    "higress paths": [
        ingress(**{"higress.io/rewrite-path": "/new"}, path="/old"),
        ingress("case", path="/Case", ignore_path_case="true"),
    ],
    "host of the backend": [
        ingress(upstream_vhost="inner.test"),
        ingress("b", "b.test", upstream_vhost="$http_x_tenant.test"),
    ],
    "redirects": [
        ingress(permanent_redirect="https://new.test:8443$request_uri"),
        ingress("t", "b.test", temporal_redirect="http://other.test$request_uri"),
    ],
    "www": [ingress(from_to_www_redirect="true")],
    "aliases": [ingress(server_alias="b.test, c.test")],
    "https": [ingress(tls="cert")],
    "https, but not only": [ingress(tls="cert", ssl_redirect="false")],
    "https before the gateway": [ingress(force_ssl_redirect="true")],
    "https with a challenge": [
        ingress(tls="cert"),
        ingress("acme", path="/.well-known/acme-challenge/x", kind="Exact", to="new"),
    ],
    "canary by weight": [
        ingress(),
        ingress("c", to="new", canary="true", canary_weight="7", canary_weight_total="1000"),
    ],
    "canary by header and cookie": [
        ingress(),
        ingress("c", to="new", canary="true", canary_by_header="x-c", canary_by_cookie="early", canary_weight="20"),
    ],
    "canary by value": [
        ingress(),
        ingress("c", to="new", canary="true", canary_by_header="x-c", canary_by_header_value="v2"),
    ],
    "canary by pattern": [
        ingress(),
        ingress("c", to="new", canary="true", canary_by_header="x-c", canary_by_header_pattern="^v[23]"),
    ],
    "conditions of higress": [
        ingress(**{"higress.io/match-method": "GET POST", "higress.io/exact-match-header-x-a": "1"}),
        ingress("q", path="/q", **{"higress.io/prefix-match-query-q": "a", "higress.io/regex-match-header-x-b": "b+"}),
    ],
    "headers": [
        ingress(
            **{
                "higress.io/request-header-control-update": "x-a 1\nx-b 2",
                "higress.io/response-header-control-remove": "server",
            }
        ),
    ],
    "times": [ingress(proxy_read_timeout="7", **{"higress.io/timeout": "9"}, proxy_connect_timeout="2")],
    "repeats": [ingress(proxy_next_upstream="error http_502 non_idempotent", proxy_next_upstream_tries="4")],
    "bodies": [ingress(proxy_body_size="8m", proxy_request_buffering="on")],
    "limits": [ingress(limit_rps="5", limit_whitelist="10.0.0.0/8", limit_connections="3", limit_rate="100")],
    "addresses": [ingress(whitelist_source_range="10.0.0.0/8", denylist_source_range="10.1.0.0/16")],
    "passwords": [
        ingress(
            auth_type="basic",
            auth_secret="users",
            auth_realm="Team",
            satisfy="any",
            whitelist_source_range="10.0.0.0/8",
        )
    ],
    "a service that is asked": [
        ingress(
            auth_url="http://new.shop.svc.cluster.local/check?u=$request_uri",
            auth_signin="https://login.test/start",
            auth_response_headers="x-user",
            auth_cache_key="$http_authorization",
            auth_cache_duration="200 5m, any 1m",
            auth_proxy_set_headers="headers",
            auth_method="POST",
        ),
    ],
    "a service outside": [ingress(auth_url="https://auth.example.com/check")],
    "copies": [ingress(**{"higress.io/mirror-target-service": "new", "higress.io/mirror-percentage": "20"})],
    "answers": [
        ingress(
            proxy_redirect_from="http://inner/",
            proxy_redirect_to="/",
            proxy_cookie_path="/a /b",
            proxy_cookie_domain="a.test b.test",
            custom_http_errors="404,503",
            default_backend="pages",
            enable_access_log="false",
            **{"sealos.io/compression": "true"},
        ),
    ],
    "protocols": [ingress(backend_protocol="HTTPS"), ingress("g", "g.test", "new", backend_protocol="GRPC")],
    "balance": [
        ingress(load_balance="round_robin"),
        ingress("h", "h.test", "new", upstream_hash_by="$http_x_user$cookie_s"),
    ],
    "affinity": [
        ingress(affinity="cookie", session_cookie_name="S", session_cookie_max_age="60", session_cookie_samesite="Lax")
    ],
    "checks": [ingress(**{f"sealos.io/{k}": v for k, v in (("health-check-path", "/live"), ("max-connections", "5"))})],
    "tls to a backend": [
        ingress(
            backend_protocol="HTTPS",
            proxy_ssl_verify="on",
            proxy_ssl_secret="shop/ca",
            proxy_ssl_name="b.test",
            proxy_ssl_server_name="on",
        ),
    ],
    "snippets": [
        ingress(configuration_snippet="more_set_headers 'X-A: $host'; proxy_set_header X-B 1;"),
        ingress(
            "c",
            "b.test",
            "new",
            configuration_snippet="if ($http_x_a = 1) { add_header X-C 2 always; } proxy_connect_timeout 3;",
        ),
    ],
}
