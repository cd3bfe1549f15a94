"""Snippets against a real nginx: the same requests to both, the same status, headers and request to the backend.

nginx runs the text as ingress-nginx would put it into a location; Envoy runs what `nginx.snippet` makes of it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from sealos_gateway.envoy import actions, api, matches
from sealos_gateway.envoy.policies import access, chain
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.statements import Statements
from sealos_gateway.model.traffic import Forward, Match, PathKind, Route
from sealos_gateway.nginx import snippet
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import variants
from sealos_gateway.translate.world import Interned
from tests.e2e.backends import Echo
from tests.e2e.bare import BareEnvoy
from tests.e2e.nginx import Nginx

_HEADERS_MORE = Path("/usr/lib/nginx/modules/ngx_http_headers_more_filter_module.so")
_CONTEXT = actions.Context("test")
_LOCATION = """
  server_name a.test; port_in_redirect off; default_type text/html;
  {server}
  location / {{ {location}
    proxy_set_header Host $host; proxy_pass http://127.0.0.1:{port}; }}
"""
#: Headers of an answer that say something about the proxy and not about the snippet.
_OWN = {
    "date",
    "server",
    "connection",
    "content-length",
    "keep-alive",
    "transfer-encoding",
    "x-envoy-upstream-service-time",
}
_OWN_OF_REQUEST = {
    "host",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-request-id",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "connection",
}


class Ask(NamedTuple):
    path: str = "/"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    host: str = "a.test"


class Case(NamedTuple):
    name: str
    location: str
    asks: tuple[Ask, ...]
    server: str = ""
    #: Response headers in which the two differ, as docs/snippets.md says.
    but: tuple[str, ...] = ()


STATIC = r'if ($request_uri ~* \.(js|css|gif|jpe?g|png)) { expires 30d; add_header Cache-Control "public"; }'
CSP = (
    'more_clear_headers "X-Frame-Options:"; more_set_headers "Content-Security-Policy: default-src * blob: data: '
    "*.example.com; img-src * data: blob: resource: *.example.com 'self'\"; "
    'more_set_headers "X-Xss-Protection: 1; mode=block";'
)
BUFFERS = "client_header_buffer_size 64k; large_client_header_buffers 4 128k;"
FRAME = "/?header=X-Frame-Options:DENY&header=X-Xss-Protection:0"
CASES = [
    Case(
        "sealos-static",
        STATIC,
        (
            Ask("/app.js"),
            Ask("/APP.CSS"),
            Ask("/x?file=a.png"),
            Ask("/page"),
            Ask("/a.js?status=404"),
            Ask("/a.js?status=500"),
            Ask("/a.js?header=Cache-Control:no-store&header=Expires:0"),
            Ask("/a.js?status=304"),
        ),
        BUFFERS,
        but=("expires",),
    ),
    Case("sealos-csp", CSP, (Ask(FRAME), Ask(FRAME + "&status=500")), BUFFERS),
    Case(
        "sealos-csp-and-static",
        CSP + "\n" + STATIC,
        (Ask("/a.css"), Ask("/a"), Ask("/a.css?status=404")),
        but=("expires",),
    ),
    Case(
        "sealos-forwarded-for",
        'more_set_headers "X-Forwarded-For $http_x_given";',
        (
            Ask(headers=(("x-given", "1.2.3.4, %REQ(x)%"),)),
            Ask(),
        ),
    ),
    Case(
        "add-header",
        'add_header X-A "$request_method $http_x_a %"; add_header X-B b always; add_header X-A 2;',
        (
            Ask("/?x=1", headers=(("x-a", "%"),)),
            Ask("/?status=404"),
            Ask("/?status=201"),
            Ask("/?status=308"),
            Ask("/?status=307"),
            Ask("/?header=X-B:0"),
        ),
    ),
    Case(
        "add-header-in-if-replaces",
        "add_header X-Out 1; if ($arg_in) { add_header X-In 1; }",
        (
            Ask("/"),
            Ask("/?in=1"),
            Ask("/?in=0"),
            Ask("/?in="),
            Ask("/?in=00"),
            Ask("/?b=1&in=2&c=3"),
        ),
    ),
    Case(
        "add-header-of-the-server",
        "expires 1h;",
        (Ask("/"),),
        "add_header X-Server 1; more_set_headers 'X-More: s';",
        but=("expires",),
    ),
    Case(
        "add-header-only-one-level",
        "add_header X-L 1; more_set_headers 'X-More: l';",
        (Ask("/"),),
        "add_header X-Server 1; more_set_headers 'X-More: s' 'X-Other: s'; expires 2h;",
        but=("expires",),
    ),
    Case(
        "the-last-if-wins",
        "if ($arg_a = 1) { add_header X-A 1; } if ($arg_b = 1) { add_header X-B 1; }",
        (
            Ask("/?a=1"),
            Ask("/?b=1"),
            Ask("/?a=1&b=1"),
            Ask("/"),
            Ask("/?A=1"),
        ),
    ),
    Case(
        "more-with-status-and-type",
        'more_set_headers -s "404 500" "X-E: 1"; more_set_headers -t "text/html application/json" '
        '"X-T: 1"; more_set_headers -t application/JSON "X-H: 1";',
        (
            Ask("/"),
            Ask("/?status=404"),
            Ask("/?sse=1"),
            Ask("/?status=500"),
        ),
    ),
    Case(
        "more-then-add",
        'add_header X-A add; more_set_headers "X-A: more"; more_clear_headers X-B; add_header X-B add;',
        (Ask("/?header=X-A:up&header=X-B:up"),),
    ),
    Case(
        "empty-value-clears",
        'more_set_headers "X-A:"; add_header X-C $http_none;',
        (Ask("/?header=X-A:1&header=X-C:1"),),
    ),
    Case(
        "expires-kinds",
        "if ($arg_e = max) { expires max; } if ($arg_e = epoch) { expires epoch; } if ($arg_e = neg) "
        "{ expires -1; } if ($arg_e = off) { expires off; } if ($arg_e = zero) { expires 0; } ",
        tuple(
            Ask(f"/?header=Cache-Control:private&e={kind}") for kind in ("max", "epoch", "neg", "off", "zero", "none")
        ),
        but=("expires",),
    ),
    Case(
        "to-the-backend",
        'more_set_input_headers "X-In: $scheme-$host" "X-In2: a"; more_clear_input_headers X-Secret; '
        'more_set_input_headers -r "X-Maybe: 2"; proxy_set_header X-Set "$remote_addr $request_uri"; proxy_set_header '
        'Accept-Encoding "";',
        (
            Ask("/p?q=1", headers=(("x-secret", "1"), ("x-in", "evil"))),
            Ask("/", headers=(("x-maybe", "1"),)),
        ),
    ),
    Case(
        "host-and-port",
        'more_set_input_headers "X-Name: $host" "X-Written: $http_host"; add_header X-Name "$host" always; '
        "if ($host = a.test) { add_header X-Plain 1; } if ($http_host = a.test:8081) { add_header X-Port 1; } "
        "if ($host ~ ^b) { add_header X-B 1; } if ($host !~ t$) { add_header X-End 1; }",
        tuple(
            Ask(host=host)
            for host in ("a.test", "A.test", "a.test:8081", "A.Test:80", "a.test.", "b.tes:1", "[::1]:80")
        ),
    ),
    Case(
        "redirect-with-port",
        "if ($arg_a) { return 301 https://$host/x; } if ($arg_b) { return 302 https://$http_host/y; } "
        "if ($arg_c) { return 302 $scheme://$http_host$request_uri; } return 308 https://$host$request_uri;",
        tuple(
            Ask(f"/p?{query}", host=host)
            for host in ("a.test", "A.test", "a.test:8081", "a.test.:81", "[::1]:80")
            for query in ("a=1", "b=1", "c=1", "d=1")
        ),
    ),
    Case("hide", "proxy_hide_header X-A;", (Ask("/?header=X-A:1&header=X-B:2"),)),
    Case(
        "return-text",
        "add_header X-R 1; add_header X-S 1 always; default_type text/plain; "
        'if ($arg_c) { return 403 "no: 100% {}"; } return 200 ok;',
        (Ask("/"), Ask("/?c=1")),
    ),
    Case(
        "return-url",
        "if ($http_x_old) { return 301 https://$host$request_uri; } if ($arg_t) { return 307 /new?a=$arg_t; } "
        "return https://b.test/x;",
        (
            Ask("/a/b?c=d", headers=(("x-old", "1"),)),
            Ask("/?t=1"),
            Ask("/"),
        ),
    ),
    Case(
        "rewrite-break",
        r"rewrite ^/old/(.*)$ /new/$1 break; rewrite /v([0-9]+)/(?:x|y) /api$1 break;",
        (
            Ask("/old/a/b?q=1"),
            Ask("/older/a"),
            Ask("/a/v12/x/y"),
            Ask("/a/v12/z"),
            Ask("/old/?x=/v1/x"),
            Ask("/?/old/v1/x"),
        ),
    ),
    Case(
        "rewrite-redirect",
        r"rewrite ^/a/(.*)\.html$ /b/$1 permanent; rewrite ^/c/(.*)$ https://c.test/$1? redirect; "
        r"rewrite ^/d http://d.test/all; rewrite (?i)^/E/(x)?(y) $scheme://e.test:8080/$1$2$3 permanent;",
        (
            Ask("/a/x.html?q=1"),
            Ask("/a/x.html5"),
            Ask("/c/1/2?q=1"),
            Ask("/d/e?q=2"),
            Ask("/e/y"),
            Ask("/E/xyz?a"),
        ),
    ),
    Case(
        "captures-of-an-if",
        r"if ($uri ~ ^/u/([a-z]+)/(.*)$) { return 302 https://u.test/$2/$1; }",
        (
            Ask("/u/ab/c/d?q=1"),
            Ask("/u/AB/c"),
            Ask("/?x=/u/a/b"),
        ),
    ),
    Case(
        "operators",
        'if ($request_method = POST) { add_header X-1 1; } if ($http_user_agent ~ "bot|Spider") { return 403; } '
        'if ($http_x_a != b) { add_header X-3 1; } if ($cookie_s !~ "^v[0-9]+$") { add_header X-4 1; } '
        "if ($host = A.test) { add_header X-5 1; }",
        (
            Ask(method="POST", headers=(("x-a", "b"), ("cookie", "s=v1"))),
            Ask(headers=(("user-agent", "a bot b"),)),
            Ask(headers=(("x-a", "b"), ("cookie", "r=1; s=v12; t=3"))),
            Ask(headers=(("x-a", "b"), ("cookie", "s=v1x"))),
            Ask(headers=(("x-a", "b"),)),
            Ask(headers=(("x-a", ""),)),
            Ask(headers=(("x-a", "b"), ("cookie", "as=v1"))),
        ),
    ),
    Case(
        "empty-and-bare",
        'if ($http_x_a = "") { add_header X-1 1; } if ($cookie_c) { add_header X-2 1; } '
        'if ($http_x_b) { add_header X-3 1; } if ($args = "a=1&b") { add_header X-4 1; } if ($args ~ "^z=") '
        '{ add_header X-5 1; } if ($arg_q !~* "^[a-z]$") { return 204; }',
        (
            Ask("/?q=A"),
            Ask("/?q=A", headers=(("x-a", "1"),)),
            Ask("/?q=A", headers=(("x-a", ""),)),
            Ask("/?q=A", headers=(("cookie", "c=0"),)),
            Ask("/?q=A", headers=(("cookie", "b=1; c=01"),)),
            Ask("/?q=A", headers=(("x-b", "0"),)),
            Ask("/?q=A", headers=(("x-b", "no"),)),
            Ask("/?a=1&b"),
            Ask("/?z=1&q=b"),
            Ask("/?q=AB"),
            Ask("/?qq=A"),
            Ask("/?x=1&q=c&q=dd"),
        ),
    ),
    Case(
        "set",
        'set $t ""; if ($arg_a) { set $t A; } if ($request_method = POST) { set $t "${t}B"; } if ($t = AB) '
        '{ return 409 both; } add_header X-T "[$t]";',
        (
            Ask("/"),
            Ask("/?a=1"),
            Ask("/", "POST"),
            Ask("/?a=1", "POST"),
        ),
    ),
    Case("break", "set $a 1; break; set $a 2; return 403;", (Ask("/"),)),
    Case(
        "server-steps-come-first",
        "return 200 location;",
        (Ask("/?s=1"), Ask("/")),
        "set $x server; if ($arg_s) { return 200 $x; }",
    ),
    Case(
        "access",
        "allow 10.0.0.0/8; deny 127.0.0.2; allow 127.0.0.0/8; deny all; if ($arg_r) { return 200 given; }",
        (
            Ask("/"),
            Ask("/?r=1"),
        ),
    ),
    Case(
        "nobody",
        "deny all; if ($arg_r) { return 200 given; } add_header X-A 1; add_header X-B 1 always;",
        (
            Ask("/?r=1"),
            Ask("/"),
        ),
    ),
]


def routes(statements: Statements) -> list[api.Message]:
    """The statements on a route for every path; its cluster is `upstream`."""
    route = Route(Match(PathKind.PREFIX, "/"), Forward(BackendKey("t", "web", 80)), Origin("Ingress", Ref("t", "i")))
    found = []
    for one in variants.routes(route, statements, Interned()):
        message = api.route_components.Route()
        matches.fill(message.match, one.match)
        actions.fill(message, one, _CONTEXT)
        if message.HasField("route"):
            message.route.cluster = "upstream"
        access.fill(message, one, _CONTEXT)
        if one.policy is not None and (filters := chain.per_route(one, _CONTEXT)) is not None:
            message.typed_per_filter_config[chain.FILTER].CopyFrom(filters)
        found.append(message)
    return found


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def both(request: pytest.FixtureRequest, tmp_path: Path, echo_a: Echo) -> Iterator[tuple[Case, Nginx, BareEnvoy]]:
    """nginx and Envoy with the same snippet before the same backend."""
    case: Case = request.param
    if not _HEADERS_MORE.exists():
        pytest.skip("no headers-more module; Debian's package libnginx-mod-http-headers-more-filter brings it")
    translation = snippet.translate(case.location, case.server)
    assert translation.mistakes == ()
    text = _LOCATION.format(server=case.server, location=case.location, port=echo_a.port)
    load = f"load_module {_HEADERS_MORE};"
    with (
        Nginx(tmp_path, text, main=load) as nginx,
        BareEnvoy(tmp_path, routes(translation.statements), echo_a.port) as envoy,
    ):
        yield case, nginx, envoy


async def test_the_same_as_nginx(both: tuple[Case, Nginx, BareEnvoy]) -> None:
    case, nginx, envoy = both
    for ask in case.asks:
        expected, found = await asyncio.gather(_answer(ask, nginx.port, case), _answer(ask, envoy.port, case))
        assert found == expected, ask


async def _answer(ask: Ask, port: int, case: Case) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        headers = [("host", ask.host), *ask.headers]
        found = await client.request(ask.method, ask.path, headers=headers)
    shown = [(name, value) for name, value in found.headers.multi_items() if name not in {*_OWN, *case.but}]
    body: Any = found.text
    if found.headers.get("x-echo-backend") or found.text.startswith("{"):
        said = json.loads(found.text)
        sent = sorted((n.lower(), value) for n, value in said["headers"] if n.lower() not in _OWN_OF_REQUEST)
        body = (said["method"], said["path"], said.get("query"), sent)
    elif found.status_code >= 300:
        body = ""  # nginx has a page for these
        shown = [(name, value) for name, value in shown if name != "content-type"]
    return {"status": found.status_code, "headers": _comparable(shown), "body": body}


def _comparable(shown: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A path alone and the URL it stands for are the same place; a list may be in several headers or one; the order of
    different names does not matter."""
    place = [(n, v.removeprefix("http://a.test") if n == "location" else v) for n, v in shown]
    one = ", ".join(value.strip() for n, v in place if n == "cache-control" for value in v.split(","))
    place = [pair for pair in place if pair[0] != "cache-control"] + ([("cache-control", one)] if one else [])
    return sorted(place, key=lambda pair: pair[0])
