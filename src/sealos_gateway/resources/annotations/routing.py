"""Annotations for where a request goes: paths as patterns, rewriting, redirects, further hosts, canaries, other"
" origins."""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import Verdict, shared

_E2E = "tests/e2e/policies/test_routing.py"
_CANARY = "tests/e2e/policies/test_canary.py"
_CORS = "tests/e2e/policies/test_cors.py"
_GOLDEN = "tests/golden/annotations/{}.yaml"
_BOOLEAN = "`true`, `false`"
_URL = "a URL or a path, with nginx variables"

REWRITE_TARGET = shared(
    "rewrite-target",
    "a path, with `$1` … `$9` for what groups of the path matched",
    "the path stays",
    "The path that the backend gets; all paths of the host become regular expressions.",
    note="RE2: no look-around, no back-references; other variables than captures are refused.",
    test=f"{_E2E}::test_a_rewrite_as_sealos_writes_it",
)
USE_REGEX = shared(
    "use-regex",
    _BOOLEAN,
    "false",
    "All paths of the host are regular expressions: any letter case, from the beginning, the longest text first.",
    note="RE2: no look-around, no back-references. Paths are compared as they were sent: `%20` is not a space.",
    test=f"{_E2E}::test_all_paths_of_a_host_become_patterns",
)
APP_ROOT = shared("app-root", "a path", "none", "`/` is redirected there with 302.", test=f"{_E2E}::test_app_root")
FORWARDED_PREFIX = shared(
    "x-forwarded-prefix",
    "a path",
    "none",
    "The header X-Forwarded-Prefix of requests whose path is rewritten.",
    verdict=Verdict.DIFFERS,
    note="Captures are refused in it.",
    test=_GOLDEN.format("rewrite"),
)
SERVER_ALIAS = shared(
    "server-alias",
    "hosts, separated by commas",
    "none",
    "The Ingress answers for these hosts too, unless they are hosts of an Ingress themselves.",
    test=f"{_E2E}::test_aliases",
)
UPSTREAM_VHOST = shared(
    "upstream-vhost",
    "a host, with nginx variables",
    "the Host of the request",
    "Host towards the backend.",
    test=f"{_E2E}::test_host_towards_the_backend",
)
WWW_REDIRECT = shared(
    "from-to-www-redirect",
    _BOOLEAN,
    "false",
    "`www.x` is redirected to `x`, or `x` to `www.x`, with 308, unless both are hosts of an Ingress.",
    test=f"{_E2E}::test_www",
)
PERMANENT_REDIRECT = shared(
    "permanent-redirect", _URL, "none", "All paths are redirected there, for ever.", test=f"{_E2E}::test_redirects"
)
PERMANENT_CODE = shared(
    "permanent-redirect-code", "300 to 308", "301", "Status of `permanent-redirect`.", test=f"{_E2E}::test_redirects"
)
TEMPORAL_REDIRECT = shared(
    "temporal-redirect",
    _URL,
    "none",
    "All paths are redirected there; wins over the permanent one.",
    test=f"{_E2E}::test_redirects",
)
TEMPORAL_CODE = shared(
    "temporal-redirect-code", "300 to 308", "302", "Status of `temporal-redirect`.", test=_GOLDEN.format("redirects")
)
RELATIVE_REDIRECTS = shared(
    "relative-redirects",
    _BOOLEAN,
    "false",
    "The Location of `app-root` is only a path.",
    test=_GOLDEN.format("redirects"),
)
FORCE_SSL_REDIRECT = shared(
    "force-ssl-redirect",
    _BOOLEAN,
    "false",
    "Redirect plain HTTP to HTTPS with 308 also where the host has no TLS here.",
    test=f"{_E2E}::test_forced_redirect_to_https",
)
TRAILING_SLASH = shared(
    "preserve-trailing-slash",
    _BOOLEAN,
    "true",
    "The redirect to HTTPS keeps a slash at the end.",
    verdict=Verdict.NOTHING,
    note="The path is never changed.",
)
PORT_IN_REDIRECTS = shared(
    "use-port-in-redirects",
    _BOOLEAN,
    "as `http.https_redirect_port` says",
    "Whether redirects name the port.",
    verdict=Verdict.NOTHING,
    note="The port is named where it is not the usual one.",
)
CANARY = shared(
    "canary",
    _BOOLEAN,
    "false",
    "Requests of the same host and path of another Ingress go here by turns.",
    verdict=Verdict.DIFFERS,
    note="All other annotations are inherited from that Ingress, those for load balancing and affinity too.",
    test=f"{_CANARY}::test_weight",
)
CANARY_WEIGHT = shared(
    "canary-weight",
    "0 to `canary-weight-total`",
    "0",
    "The share of requests that go to the canary.",
    test=f"{_CANARY}::test_weight",
)
CANARY_TOTAL = shared(
    "canary-weight-total",
    "whole number",
    "100",
    "What all shares add up to.",
    verdict=Verdict.DIFFERS,
    note="A total below 100 holds here; ingress-nginx takes 100 instead.",
    test=f"{_CANARY}::test_weight_of_a_total",
)
CANARY_HEADER = shared(
    "canary-by-header",
    "a header",
    "none",
    "`always` goes to the canary, `never` does not.",
    test=f"{_CANARY}::test_header",
)
CANARY_VALUE = shared(
    "canary-by-header-value", "a value", "none", "This value goes to the canary.", test=f"{_CANARY}::test_header"
)
CANARY_PATTERN = shared(
    "canary-by-header-pattern",
    "a regular expression",
    "none",
    "Values that it finds something in go to the canary.",
    note="RE2: no look-around, no back-references.",
    test=f"{_CANARY}::test_header_pattern",
)
CANARY_COOKIE = shared(
    "canary-by-cookie",
    "a cookie",
    "none",
    "`always` goes to the canary, `never` does not.",
    test=f"{_CANARY}::test_cookie",
)
CORS = shared(
    "enable-cors",
    _BOOLEAN,
    "false",
    "Answer what browsers ask about requests from other origins.",
    test=f"{_CORS}::test_as_nginx",
)
CORS_ORIGIN = shared(
    "cors-allow-origin",
    "origins or `*`; `https://*.x` for one label",
    "`*`; nobody, where it cannot be read",
    "Who may ask.",
    test=f"{_CORS}::test_origins",
)
CORS_METHODS = shared(
    "cors-allow-methods",
    "methods",
    "GET, PUT, POST, DELETE, PATCH, OPTIONS",
    "What may be asked.",
    test=f"{_CORS}::test_as_nginx",
)
CORS_HEADERS = shared(
    "cors-allow-headers",
    "headers",
    "DNT, Keep-Alive, User-Agent, X-Requested-With, If-Modified-Since, Cache-Control, Content-Type, Range,"
    " Authorization",
    "Which headers may be sent.",
    test=f"{_CORS}::test_as_nginx",
)
CORS_EXPOSE = shared(
    "cors-expose-headers", "headers", "none", "Which headers scripts may read.", test=_GOLDEN.format("cors")
)
CORS_CREDENTIALS = shared(
    "cors-allow-credentials", _BOOLEAN, "true", "Whether cookies may be sent.", test=f"{_CORS}::test_origins"
)
CORS_MAX_AGE = shared(
    "cors-max-age", "whole seconds", "1728000", "How long browsers remember the answer.", test=f"{_CORS}::test_as_nginx"
)

ALL = (
    REWRITE_TARGET,
    USE_REGEX,
    APP_ROOT,
    FORWARDED_PREFIX,
    SERVER_ALIAS,
    UPSTREAM_VHOST,
    WWW_REDIRECT,
    PERMANENT_REDIRECT,
    PERMANENT_CODE,
    TEMPORAL_REDIRECT,
    TEMPORAL_CODE,
    RELATIVE_REDIRECTS,
    FORCE_SSL_REDIRECT,
    TRAILING_SLASH,
    PORT_IN_REDIRECTS,
    CANARY,
    CANARY_WEIGHT,
    CANARY_TOTAL,
    CANARY_HEADER,
    CANARY_VALUE,
    CANARY_PATTERN,
    CANARY_COOKIE,
    CORS,
    CORS_ORIGIN,
    CORS_METHODS,
    CORS_HEADERS,
    CORS_EXPOSE,
    CORS_CREDENTIALS,
    CORS_MAX_AGE,
)
