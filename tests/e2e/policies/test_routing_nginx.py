"""Paths, rewriting and redirects held against a real nginx with the configuration that ingress-nginx makes of them."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway, Site
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


async def test_several_paths_of_one_ingress_as_patterns(site: Site, echo_a: Echo, tmp_path: Path) -> None:
    """`use-regex` alone: the longest text first, in any letter case, from the beginning; nothing is rewritten."""
    paths = ("/v[0-9]+/items$", "/v1/items/([a-z]+)", "/v1", "/files/.*[.](png|jpg)", "/files", "/x(y)?z")
    site.backend("web", echo_a.port)
    for number in range(len(paths)):
        site.backend(f"w{number}", echo_a.port)
    site.ingress(
        [manifests.path(path, f"w{number}:80", "ImplementationSpecific") for number, path in enumerate(paths)],
        annotations={f"{NGINX}use-regex": "true"},
    )
    await site.gateway.settled()
    locations = [
        f'location ~* "^{path}" {{ proxy_pass http://127.0.0.1:{echo_a.port}; }}'
        for path in sorted(paths, key=lambda it: -len(it))
    ]
    asked = (
        "/v1/items", "/V22/Items", "/v1/items/", "/v1/items/abc", "/v1x", "/v2", "/files/a.PNG", "/files/x",
        "/filesystem", "/xz", "/xyz/1", "/xyyz", "/y/v1/items", "/",
    )  # fmt: skip
    with Nginx(tmp_path, "\n".join(locations)) as nginx:
        for path in asked:
            ours, theirs = await site.get(path), await nginx.get(path)
            assert answer(ours) == answer(theirs), path


async def test_which_of_several_patterns_answers(site: Site, echo_a: Echo, echo_b: Echo, tmp_path: Path) -> None:
    paths = {"/api": echo_a, "/api/v[0-9]+": echo_b, "/(api|app)/v1/(x|y)": echo_a, "/": echo_b}
    site.backend("a", echo_a.port)
    site.backend("b", echo_b.port)
    site.ingress(
        [
            manifests.path(path, "a:80" if echo is echo_a else "b:80", "ImplementationSpecific")
            for path, echo in paths.items()
        ],
        annotations={f"{NGINX}use-regex": "true"},
    )
    await site.gateway.settled()
    locations = [
        f'location ~* "^{path}" {{ proxy_pass http://127.0.0.1:{paths[path].port}; }}'
        for path in sorted(paths, key=lambda it: -len(it))
    ]
    with Nginx(tmp_path, "\n".join(locations)) as nginx:
        for path in ("/", "/api", "/apis", "/API/V2/z", "/api/v", "/app/v1/x", "/app/v1/z", "/api/v1/y", "/other"):
            ours, theirs = await site.get(path), await nginx.get(path)
            assert ours.json()["name"] == theirs.json()["name"], path


async def test_app_root(site: Site, echo_a: Echo, tmp_path: Path) -> None:
    site.backend("web", echo_a.port)
    site.ingress(annotations={f"{NGINX}app-root": "/app/start"})
    await site.gateway.settled()
    location = (
        "location / { if ($uri = /) { return 302 $scheme://$http_host/app/start; }"
        f" proxy_pass http://127.0.0.1:{echo_a.port}; }}"
    )
    with Nginx(tmp_path, location) as nginx:
        for path in (*ASKED, "/app/start"):
            ours, theirs = await site.get(path), await nginx.get(path, host=site.host)
            assert answer(ours) == answer(theirs), path


async def test_www_in_both_directions(site: Site, echo_a: Echo, tmp_path: Path) -> None:
    """`x` with the annotation redirects `www.x`, and `www.y` redirects `y`; who asks for the host itself is served."""
    bare, www = site.host, f"www.y{site.host}"
    site.backend("web", echo_a.port)
    said = {f"{NGINX}from-to-www-redirect": "true"}
    site.ingress(annotations=said)
    site.ingress(name="www", host=www, annotations=said)
    await site.gateway.settled()
    redirects = " ".join(
        f"server {{ listen 127.0.0.1:{{port}}; server_name {other}; return 308 $scheme://{own}$request_uri; }}"
        for own, other in ((bare, f"www.{bare}"), (www, www.removeprefix("www.")))
    )
    with Nginx(tmp_path, f"location / {{ proxy_pass http://127.0.0.1:{echo_a.port}; }}", redirects) as nginx:
        for host in (bare, f"www.{bare}", www, www.removeprefix("www.")):
            for path in ASKED:
                ours, theirs = await site.get(path, host=host), await nginx.get(path, host=host)
                assert answer(ours) == answer(theirs), (host, path)


async def test_aliases_answer_as_the_host_does(site: Site, echo_a: Echo, tmp_path: Path) -> None:
    site.backend("web", echo_a.port)
    aliases = (f"other.{site.host}", f"third.{site.host}")
    site.ingress([manifests.path("/a", "web:80")], annotations={f"{NGINX}server-alias": ", ".join(aliases)})
    await site.gateway.settled()
    locations = "".join(
        f"location {path} {{ proxy_pass http://127.0.0.1:{echo_a.port}; }} " for path in ("= /a", "/a/")
    )
    names = " ".join((site.host, *aliases))
    served = f"server {{ listen 127.0.0.1:{{port}}; server_name {names}; {locations} location / {{ return 404; }} }}"
    with Nginx(tmp_path, "return 404;", served) as nginx:
        for host in (site.host, *aliases, f"none.{site.host}"):
            for path in ("/", "/a", "/a/", "/a/b?c", "/ab"):
                ours, theirs = await site.get(path, host=host), await nginx.get(path, host=host)
                assert (ours.status_code, said_host(ours)) == (theirs.status_code, said_host(ours)), (host, path)


def said_host(reply: httpx.Response) -> str:
    return str(dict(reply.json()["headers"])["host"]) if reply.status_code == 200 else ""


async def test_kinds_of_paths_of_the_class_nginx(new_gateway: NewGateway, echo_a: Echo, tmp_path: Path) -> None:
    """ImplementationSpecific is a prefix of the text there, Prefix one of whole elements."""
    paths = {
        "/text": "ImplementationSpecific",
        "/deep/": "ImplementationSpecific",
        "/whole": "Prefix",
        "/only": "Exact",
    }
    gateway = new_gateway(
        manifests.service("web", "shop"),
        manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo_a.port}),
        manifests.ingress(
            "web", "shop", {"a.test": [manifests.path(path, "web:80", kind) for path, kind in paths.items()]},
            class_name="nginx",
        ),
        settings={"ingress": {"classes": ["sealos", "nginx"]}},
    ).start()  # fmt: skip
    await gateway.settled()
    places = ("/text", "/deep/", "= /whole", "/whole/", "= /only")
    locations = "".join(f"location {place} {{ proxy_pass http://127.0.0.1:{echo_a.port}; }} " for place in places)
    asked = (
        "/text", "/texts", "/text/x", "/Text", "/deep/", "/deep/x", "/whole", "/whole/", "/whole/x", "/wholes",
        "/only", "/only/", "/onlyx", "/",
    )  # fmt: skip
    with Nginx(tmp_path, f"{locations} location / {{ return 404; }}") as nginx:
        for path in asked:
            ours, theirs = await gateway.get("a.test", path), await nginx.get(path)
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
