"""Annotations for which endpoint of a backend is chosen, and when one is left out.

The names are those of ingress-nginx and Higress; the same words with our prefix mean the same.
"""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import Verdict, nothing, ours, shared

_E2E = "tests/e2e/policies/test_backends.py"
_GOLDEN = "tests/golden/annotations/{}.yaml"
_SECONDS = "whole seconds"

LOAD_BALANCE = shared(
    "load-balance",
    "`round_robin`, `ewma`, `ip_hash`; also `least_request`, `random`",
    "least_request",
    "How an endpoint is chosen.",
    verdict=Verdict.DIFFERS,
    note="`ewma` is the least busy of two: Envoy measures requests in progress, not times.",
    test=f"{_E2E}::test_a_client_address_stays_with_its_endpoint",
)
HASH_BY = shared(
    "upstream-hash-by",
    "nginx variables as `$request_uri`, `$http_x_user`, `$arg_id`, `$cookie_s`, `$remote_addr`, `$host`",
    "no hashing",
    "Requests with the same value go to the same endpoint.",
    verdict=Verdict.DIFFERS,
    note="`$request_uri` and `$uri` are the path with its query; text between variables is not hashed.",
    test=f"{_E2E}::test_a_key_stays_with_its_endpoint",
)
HASH_SUBSET = shared(
    "upstream-hash-by-subset",
    "`true`, `false`",
    "false",
    "Hash to a group of endpoints instead of one.",
    verdict=Verdict.REFUSED,
    note="Not possible on Envoy: the key chooses one endpoint; leave the annotation out.",
    test=_GOLDEN.format("balance"),
)
HASH_SUBSET_SIZE = nothing(
    "upstream-hash-by-subset-size", "whole number", "Only together with `upstream-hash-by-subset`."
)
AFFINITY = shared(
    "affinity",
    "`cookie`",
    "none",
    "A cookie keeps a client with its endpoint.",
    test=f"{_E2E}::test_a_cookie_keeps_a_client_with_its_endpoint",
)
AFFINITY_MODE = shared(
    "affinity-mode",
    "`balanced`, `persistent`",
    "persistent",
    "Whether clients are spread anew when endpoints are added.",
    verdict=Verdict.DIFFERS,
    note="`persistent` where nothing is said: the cookie names the endpoint, nobody moves while it is there.",
    test=f"{_E2E}::test_clients_with_a_balanced_cookie_are_spread_anew",
)
AFFINITY_CANARY = shared(
    "affinity-canary-behavior",
    "`sticky`, `legacy`",
    "legacy",
    "Whether a client stays with the canary that served it.",
    verdict=Verdict.DIFFERS,
    note="The share is drawn anew for every request: `sticky` is told.",
    test=_GOLDEN.format("affinity"),
)
COOKIE_NAME = shared(
    "session-cookie-name", "a cookie name", "`INGRESSCOOKIE`", "Name of the cookie.", test=_GOLDEN.format("affinity")
)
COOKIE_PATH = shared(
    "session-cookie-path", "a path", "the path of the route", "Path of the cookie.", test=_GOLDEN.format("affinity")
)
COOKIE_DOMAIN = shared(
    "session-cookie-domain", "a domain", "none", "Domain of the cookie.", test=_GOLDEN.format("affinity")
)
COOKIE_MAX_AGE = shared(
    "session-cookie-max-age",
    _SECONDS,
    "until the browser ends",
    "Max-Age of the cookie.",
    test=_GOLDEN.format("affinity"),
)
COOKIE_EXPIRES = shared(
    "session-cookie-expires",
    _SECONDS,
    "as `session-cookie-max-age`",
    "The older way to say how long a cookie lasts.",
    verdict=Verdict.DIFFERS,
    note="Sent as Max-Age, which every browser prefers.",
    test=_GOLDEN.format("affinity"),
)
COOKIE_SAME_SITE = shared(
    "session-cookie-samesite",
    "`None`, `Lax`, `Strict`",
    "none",
    "SameSite of the cookie.",
    test=_GOLDEN.format("affinity"),
)
COOKIE_CONDITIONAL = nothing(
    "session-cookie-conditional-samesite-none",
    "`true`, `false`",
    "Browsers that misread `SameSite=None` (of 2018 and earlier) are not told apart.",
)
COOKIE_SECURE = shared(
    "session-cookie-secure", "`true`, `false`", "false", "Secure of the cookie.", test=_GOLDEN.format("affinity")
)
COOKIE_ON_FAILURE = shared(
    "session-cookie-change-on-failure",
    "`true`, `false`",
    "true",
    "Whether a client moves when its endpoint fails.",
    verdict=Verdict.DIFFERS,
    note="A client always moves when its endpoint is gone or unhealthy: `false` is told.",
    test=_GOLDEN.format("affinity"),
)
HEALTH_PATH = ours(
    "health-check-path",
    "a path",
    "no active checks",
    "Endpoints are asked for this path now and then.",
    test=f"{_E2E}::test_an_endpoint_that_fails_its_checks_gets_nothing",
)
HEALTH_INTERVAL = ours(
    "health-check-interval",
    _SECONDS,
    "10",
    "The time between two checks of an endpoint.",
    test=_GOLDEN.format("health"),
)
PASSIVE_ERRORS = ours(
    "passive-health-check-errors",
    "whole number",
    "no passive checks",
    "After so many 5xx in a row an endpoint gets nothing for 30 seconds and longer.",
    test=_GOLDEN.format("health"),
)
MAX_CONNECTIONS = ours(
    "max-connections",
    "whole number",
    "no limit",
    "Connections to the backend from one Envoy.",
    test=_GOLDEN.format("health"),
)
MAX_REQUESTS = ours(
    "max-requests",
    "whole number",
    "no limit",
    "Requests in progress at the backend from one Envoy; more get 503.",
    test=_GOLDEN.format("health"),
)
MAX_PENDING = ours(
    "max-pending-requests",
    "whole number",
    "no limit",
    "Requests that wait for a connection.",
    test=_GOLDEN.format("health"),
)

ALL = (
    LOAD_BALANCE,
    HASH_BY,
    HASH_SUBSET,
    HASH_SUBSET_SIZE,
    AFFINITY,
    AFFINITY_MODE,
    AFFINITY_CANARY,
    COOKIE_NAME,
    COOKIE_PATH,
    COOKIE_DOMAIN,
    COOKIE_MAX_AGE,
    COOKIE_EXPIRES,
    COOKIE_SAME_SITE,
    COOKIE_CONDITIONAL,
    COOKIE_SECURE,
    COOKIE_ON_FAILURE,
    HEALTH_PATH,
    HEALTH_INTERVAL,
    PASSIVE_ERRORS,
    MAX_CONNECTIONS,
    MAX_REQUESTS,
    MAX_PENDING,
)
