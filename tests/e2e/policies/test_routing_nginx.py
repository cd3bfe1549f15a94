"""Paths, rewriting and redirects held against a real nginx with the configuration that ingress-nginx makes of them."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.nginx import Nginx

NGINX = "nginx.ingress.kubernetes.io/"
ASKED = (
    "/", "/?a=b", "/api", "/api/", "/api/x/y?c=d%20e", "/API/X", "/apix", "/a%20b/c", "/v1/items", "/V12/items/7",
    "/vx/items", "/x/api/y",
)  # fmt: skip


def answer(reply: httpx.Response) -> tuple[int, str, str]:
    """Status, and where the request went: the path and query that the backend got, or Location."""
    if reply.status_code != 200:
        return reply.status_code, reply.headers.get("location", ""), ""
    found = reply.json()
    return 200, str(found["path"]), str(found["query"])


async def test_patterns_and_rewriting(site: Site, echo_a: Echo, tmp_path: Path) -> None:
    site.backend("web", echo_a.port)
    patterns = {"/api(/|$)(.*)": "/new/$2", "/v[0-9]+/(items)(.*)": "/$1/of$2", "/()(.*)": "/$2"}
    for number, (path, target) in enumerate(patterns.items()):
        annotations = {f"{NGINX}rewrite-target": target, f"{NGINX}use-regex": "true"}
        site.ingress(
            [manifests.path(path, "web:80", "ImplementationSpecific")], name=f"w{number}", annotations=annotations
        )
    await site.gateway.settled()
    locations = [
        f'location ~* "^{path}" {{ rewrite "(?i){path}" {target} break; proxy_pass http://127.0.0.1:{echo_a.port}; }}'
        for path, target in sorted(patterns.items(), key=lambda it: -len(it[0]))
    ]
    with Nginx(tmp_path, "\n".join(locations)) as nginx:
        for path in ASKED:
            ours, theirs = await site.get(path), await nginx.get(path)
            assert answer(ours) == answer(theirs), path


async def test_redirects_of_a_whole_host(site: Site, tmp_path: Path) -> None:
    site.backend("web")
    target = "https://new.test$request_uri"
    site.ingress(annotations={f"{NGINX}permanent-redirect": target, f"{NGINX}permanent-redirect-code": "308"})
    await site.gateway.settled()
    with Nginx(tmp_path, f"location / {{ return 308 {target}; }}") as nginx:
        for path in ASKED:
            ours, theirs = await site.get(path), await nginx.get(path)
            assert answer(ours) == answer(theirs), path


async def test_requests_from_other_origins(site: Site, echo_a: Echo, tmp_path: Path) -> None:
    """`add_header … always` stands for the `more_set_headers` of ingress-nginx."""
    site.backend("web", echo_a.port)
    said = {"enable-cors": "true", "cors-allow-origin": "https://*.a.test, http://b.test:8080", "cors-max-age": "600"}
    site.ingress(annotations={NGINX + name: value for name, value in said.items()})
    await site.gateway.settled()
    methods = "GET, PUT, POST, DELETE, PATCH, OPTIONS"
    headers = (
        "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization"
    )
    added = " ".join(
        f"add_header Access-Control-{name} '{value}' always;"
        for name, value in (
            ("Allow-Origin", "$http_origin"), ("Allow-Credentials", "true"), ("Allow-Methods", methods),
            ("Allow-Headers", headers), ("Max-Age", "600"),
        )
    )  # fmt: skip
    location = (
        r"if ($http_origin ~* ((https://[^.]+\.a\.test)|(http://b\.test:8080))$) { set $cors 'true'; }"
        " if ($request_method = 'OPTIONS') { set $cors ${cors}options; }"
        f" if ($cors = 'true') {{ {added} }} if ($cors = 'trueoptions') {{ {added} return 204; }}"
        f" proxy_pass http://127.0.0.1:{echo_a.port};"
    )
    origins = (None, "https://x.a.test", "https://x.y.a.test", "http://x.a.test", "http://b.test:8080", "http://b.test")
    with Nginx(tmp_path, f"set $cors ''; location / {{ {location} }}") as nginx:
        for method in ("GET", "OPTIONS", "POST"):
            for origin in origins:
                named = {"Origin": origin} if origin else {}
                ours = await site.gateway.request(method, site.host, "/?status=404", headers=named)
                theirs = await nginx.get("/?status=404", method=method, headers=named)
                assert cross_origin(ours) == cross_origin(theirs), (method, origin)


def cross_origin(reply: httpx.Response) -> tuple[int, dict[str, str]]:
    """Status, and what a browser reads; spaces in lists mean nothing."""
    found = {name: value for name, value in reply.headers.items() if name.startswith("access-control-")}
    return reply.status_code, {name: value.replace(" ", "") for name, value in found.items()}
