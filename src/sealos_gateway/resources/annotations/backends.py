"""Annotations for the way to a backend: times, repeats, which endpoint, TLS, buffering, copies, error pages.

The names are those of ingress-nginx and Higress; the same words with our prefix mean the same.
"""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import HIGRESS, NGINX, SEALOS, Annotation, Verdict, shared

_TIMES = "tests/e2e/policies/test_backends.py"
_GOLDEN = "tests/golden/annotations/{}.yaml"
_SECONDS = "whole seconds"


def _ours(short: str, values: str, default: str, meaning: str, **more: object) -> Annotation:
    return Annotation((SEALOS + short,), "Ingress", values, default, meaning, **more)  # type: ignore[arg-type]


def _higress(short: str, values: str, default: str, meaning: str, **more: object) -> Annotation:
    return Annotation((SEALOS + short, HIGRESS + short), "Ingress", values, default, meaning, **more)  # type: ignore[arg-type]


def _nothing(short: str, values: str, why: str) -> Annotation:
    names = (NGINX + short, HIGRESS + short)
    return Annotation(names, "Ingress", values, "–", why, verdict=Verdict.NOTHING)


CONNECT_TIMEOUT = shared(
    "proxy-connect-timeout",
    _SECONDS,
    "5",
    "How long a connection to the backend may take.",
    test=_GOLDEN.format("timeouts"),
)
READ_TIMEOUT = shared(
    "proxy-read-timeout",
    _SECONDS,
    "none; 60 for the classes in `ingress.nginx_classes`",
    "How long the backend may be silent; then the client gets 504.",
    verdict=Verdict.DIFFERS,
    note="One clock counts for both directions: the longer of this and `proxy-send-timeout` holds.",
    test=f"{_TIMES}::test_a_backend_that_is_silent_for_too_long",
)
SEND_TIMEOUT = shared(
    "proxy-send-timeout",
    _SECONDS,
    "as `proxy-read-timeout`",
    "How long the backend may take nothing of a request.",
    verdict=Verdict.DIFFERS,
    note="One clock for both directions, see `proxy-read-timeout`.",
    test=_GOLDEN.format("timeouts"),
)
REQUEST_TIMEOUT = _higress(
    "timeout",
    _SECONDS,
    "none",
    "How long the whole exchange may take; then the client gets 504.",
    test=f"{_TIMES}::test_an_exchange_that_takes_too_long",
)
NEXT_UPSTREAM = shared(
    "proxy-next-upstream",
    "words: `error`, `timeout`, `invalid_header`, `http_500`, `http_502`, `http_503`, `http_504`, `http_403`,"
    " `http_404`,"
    " `http_429`, `non_idempotent`, `off`",
    "`error timeout`",
    "When another endpoint is tried. What reached a backend is repeated only for methods that RFC 9110, 9.2.2 calls"
    " idempotent (GET, HEAD, OPTIONS, TRACE, PUT, DELETE), unless `non_idempotent`.",
    test=f"{_TIMES}::test_another_endpoint_is_tried",
)
NEXT_TRIES = shared(
    "proxy-next-upstream-tries",
    "whole number, the first try included; `0`: up to 10",
    "3",
    "How many endpoints are tried.",
    verdict=Verdict.DIFFERS,
    note="No limit (`0`) is a limit of 10 here.",
    test=_GOLDEN.format("retries"),
)
NEXT_TIMEOUT = shared(
    "proxy-next-upstream-timeout",
    _SECONDS,
    "none",
    "How long further tries may begin.",
    verdict=Verdict.DIFFERS,
    note="The number of tries and the timeouts of each bound them; this value is not used.",
    test=_GOLDEN.format("retries"),
)
LOAD_BALANCE = shared(
    "load-balance",
    "`round_robin`, `ewma`, `ip_hash`; also `least_request`, `random`",
    "least_request",
    "How an endpoint is chosen.",
    verdict=Verdict.DIFFERS,
    note="`ewma` is the least busy of two: Envoy measures requests in progress, not times.",
    test=f"{_TIMES}::test_a_client_address_stays_with_its_endpoint",
)
HASH_BY = shared(
    "upstream-hash-by",
    "nginx variables as `$request_uri`, `$http_x_user`, `$arg_id`, `$cookie_s`, `$remote_addr`, `$host`",
    "no hashing",
    "Requests with the same value go to the same endpoint.",
    verdict=Verdict.DIFFERS,
    note="`$request_uri` and `$uri` are the path with its query; text between variables is not hashed.",
    test=f"{_TIMES}::test_a_key_stays_with_its_endpoint",
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
HASH_SUBSET_SIZE = _nothing(
    "upstream-hash-by-subset-size", "whole number", "Only together with `upstream-hash-by-subset`."
)
AFFINITY = shared(
    "affinity",
    "`cookie`",
    "none",
    "A cookie keeps a client with its endpoint.",
    test=f"{_TIMES}::test_a_cookie_keeps_a_client_with_its_endpoint",
)
AFFINITY_MODE = shared(
    "affinity-mode",
    "`balanced`, `persistent`",
    "persistent",
    "Whether clients are spread anew when endpoints are added.",
    verdict=Verdict.DIFFERS,
    note="`persistent` where nothing is said: the cookie names the endpoint, nobody moves while it is there.",
    test=f"{_TIMES}::test_clients_with_a_balanced_cookie_are_spread_anew",
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
COOKIE_CONDITIONAL = _nothing(
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
BACKEND_PROTOCOL = shared(
    "backend-protocol",
    "`HTTP`, `HTTPS`, `GRPC`, `GRPCS`, `WS`, `WSS`, `H2C`, `AUTO_HTTP`",
    "`appProtocol` of the port, else HTTP",
    "What is spoken to the backend. `AUTO_HTTP` and `WS` are HTTP, `WSS` is HTTPS.",
    note="`FCGI` is refused: Envoy speaks no FastCGI; put a web server beside the program.",
    closed=True,
    test=f"{_TIMES}::test_protocols_of_backends",
)
SERVICE_UPSTREAM = shared(
    "service-upstream",
    "`true`, `false`",
    "false",
    "Use the cluster address of the Service instead of its endpoints.",
    test=_GOLDEN.format("service_upstream"),
)
DEFAULT_BACKEND = shared(
    "default-backend",
    "name of a Service of the same namespace",
    "none",
    "Answers while the backend has no endpoint, and gives the pages of `custom-http-errors`.",
    test=f"{_TIMES}::test_the_default_backend_answers_while_there_is_no_endpoint",
)
ERROR_CODES = shared(
    "custom-http-errors",
    "status codes, separated by commas",
    "none",
    "Answers with these codes are replaced by what the default backend says to `X-Code` and its companions.",
    test=f"{_TIMES}::test_error_pages",
)
NO_INTERCEPT = shared(
    "disable-proxy-intercept-errors",
    "`true`, `false`",
    "false",
    "Switches `custom-http-errors` off.",
    test=_GOLDEN.format("error_pages"),
)
SSL_SECRET = shared(
    "proxy-ssl-secret",
    "`namespace/name` of a Secret with `tls.crt`, `tls.key` and `ca.crt`",
    "no client certificate",
    "The certificate shown to the backend, and the authorities its own is checked against.",
    closed=True,
    test=f"{_TIMES}::test_tls_to_a_backend_that_is_checked",
)
SSL_VERIFY = shared(
    "proxy-ssl-verify",
    "`on`, `off`",
    "off",
    "Whether the certificate of the backend is checked.",
    closed=True,
    test=f"{_TIMES}::test_tls_to_a_backend_that_is_checked",
)
SSL_DEPTH = shared(
    "proxy-ssl-verify-depth",
    "whole number",
    "no limit",
    "How long the chain of the backend may be.",
    verdict=Verdict.DIFFERS,
    note="Without it there is no limit here; nginx has 1.",
    test=_GOLDEN.format("backend_tls"),
)
SSL_NAME = shared(
    "proxy-ssl-name",
    "a DNS name",
    "the host of the Ingress",
    "The name that is asked for and checked.",
    test=_GOLDEN.format("backend_tls"),
)
SSL_SERVER_NAME = shared(
    "proxy-ssl-server-name",
    "`on`, `off`",
    "off",
    "Whether the name is sent in the handshake (SNI).",
    test=_GOLDEN.format("backend_tls"),
)
SSL_PROTOCOLS = shared(
    "proxy-ssl-protocols",
    "`TLSv1`, `TLSv1.1`, `TLSv1.2`, `TLSv1.3`",
    "TLS 1.2 and 1.3",
    "Versions towards the backend.",
    verdict=Verdict.DIFFERS,
    note="Envoy takes a range: from the lowest to the highest of the list.",
    test=_GOLDEN.format("backend_tls"),
)
SSL_CIPHERS = shared(
    "proxy-ssl-ciphers",
    "OpenSSL names, separated by colons",
    "Envoy's",
    "Ciphers towards the backend, TLS 1.2 and below.",
    verdict=Verdict.DIFFERS,
    note="Names that BoringSSL does not have, and words as `DEFAULT` or `!aNULL`, are left out and told.",
    test=_GOLDEN.format("backend_tls"),
)
REQUEST_BUFFERING = shared(
    "proxy-request-buffering",
    "`on`, `off`",
    "off",
    "Whether a request is read as a whole before the backend gets it.",
    verdict=Verdict.DIFFERS,
    note="Only an explicit `on` buffers, in memory, and at most 64 MiB: a larger body gets 413.",
    test=_GOLDEN.format("buffering"),
)
HTTP_VERSION = shared(
    "proxy-http-version",
    "`1.1`",
    "1.1",
    "HTTP version towards the backend.",
    verdict=Verdict.DIFFERS,
    note="`1.0` cannot be sent by Envoy; 1.1 is used.",
    test=_GOLDEN.format("buffering"),
)
CONNECTION_HEADER = shared(
    "connection-proxy-header",
    "`keep-alive`, `close`",
    "keep-alive",
    "`close`: a connection for each request to the backend.",
    test=_GOLDEN.format("buffering"),
)
ACCESS_LOG = shared(
    "enable-access-log",
    "`true`, `false`",
    "true",
    "Whether requests are in the access log.",
    test=f"{_TIMES}::test_requests_that_are_not_in_the_access_log",
)
MIRROR_SERVICE = _higress(
    "mirror-target-service",
    "`service`, `service.namespace`, each with `:port`",
    "none",
    "Copies of requests go there.",
    note="Only Services of the same namespace.",
    test=f"{_TIMES}::test_copies_of_requests",
)
MIRROR_PERCENTAGE = _higress(
    "mirror-percentage", "0 to 100", "100", "The share of requests that is copied.", test=_GOLDEN.format("mirror")
)
MIRROR_NAME = _higress(
    "mirror-target-fqdn",
    "a host name",
    "none",
    "Copies of requests go there, also outside of the cluster.",
    test=f"{_TIMES}::test_copies_for_another_host",
)
MIRROR_NAME_PORT = _higress(
    "mirror-target-fqdn-port", "1 to 65535", "80", "Its port.", test=f"{_TIMES}::test_copies_for_another_host"
)
MIRROR_TARGET = shared(
    "mirror-target",
    "a URL: `http://name.namespace.svc:port$request_uri`, `https://copy.example.com$request_uri`",
    "none",
    "Copies of requests go there.",
    verdict=Verdict.DIFFERS,
    note="Copies keep path and query; Services of other namespaces are refused.",
    test=f"{_TIMES}::test_copies_of_requests",
)
MIRROR_HOST = shared(
    "mirror-host",
    "a host name",
    "the host of `mirror-target`; with `mirror-target-service` that of the request",
    "Host of the copies.",
    test=f"{_TIMES}::test_copies_for_another_host",
)
MIRROR_BODY = shared(
    "mirror-request-body",
    "`on`, `off`",
    "on",
    "Whether copies have the body.",
    verdict=Verdict.DIFFERS,
    note="Copies always have it.",
    test=_GOLDEN.format("mirror"),
)
HEALTH_PATH = _ours(
    "health-check-path",
    "a path",
    "no active checks",
    "Endpoints are asked for this path now and then.",
    test=f"{_TIMES}::test_an_endpoint_that_fails_its_checks_gets_nothing",
)
HEALTH_INTERVAL = _ours(
    "health-check-interval",
    _SECONDS,
    "10",
    "The time between two checks of an endpoint.",
    test=_GOLDEN.format("health"),
)
PASSIVE_ERRORS = _ours(
    "passive-health-check-errors",
    "whole number",
    "no passive checks",
    "After so many 5xx in a row an endpoint gets nothing for 30 seconds and longer.",
    test=_GOLDEN.format("health"),
)
MAX_CONNECTIONS = _ours(
    "max-connections",
    "whole number",
    "no limit",
    "Connections to the backend from one Envoy.",
    test=_GOLDEN.format("health"),
)
MAX_REQUESTS = _ours(
    "max-requests",
    "whole number",
    "no limit",
    "Requests in progress at the backend from one Envoy; more get 503.",
    test=_GOLDEN.format("health"),
)
MAX_PENDING = _ours(
    "max-pending-requests",
    "whole number",
    "no limit",
    "Requests that wait for a connection.",
    test=_GOLDEN.format("health"),
)
COMPRESSION = _ours(
    "compression",
    "`true`, `false`",
    "false",
    "Compress responses with Brotli or gzip.",
    test=f"{_TIMES}::test_compressed_responses",
)

IGNORED = (
    _nothing("proxy-buffering", "`on`, `off`", "Responses stream; memory is bounded by flow control."),
    _nothing("proxy-buffer-size", "a size", "Response headers of up to 256 KiB are taken from every backend."),
    _nothing("proxy-buffers-number", "whole number", "Envoy has no such buffers."),
    _nothing("proxy-busy-buffers-size", "a size", "Envoy has no such buffers."),
    _nothing("proxy-max-temp-file-size", "a size", "Nothing is written to disk."),
    _nothing("client-body-buffer-size", "a size", "Bodies stream; nothing is written to disk."),
    _nothing("http2-push-preload", "`true`, `false`", "Server push is gone from browsers and from Envoy."),
    _nothing("enable-rewrite-log", "`true`, `false`", "A log of nginx' own."),
)

ALL = (
    CONNECT_TIMEOUT,
    READ_TIMEOUT,
    SEND_TIMEOUT,
    REQUEST_TIMEOUT,
    NEXT_UPSTREAM,
    NEXT_TRIES,
    NEXT_TIMEOUT,
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
    BACKEND_PROTOCOL,
    SERVICE_UPSTREAM,
    DEFAULT_BACKEND,
    ERROR_CODES,
    NO_INTERCEPT,
    SSL_SECRET,
    SSL_VERIFY,
    SSL_DEPTH,
    SSL_NAME,
    SSL_SERVER_NAME,
    SSL_PROTOCOLS,
    SSL_CIPHERS,
    REQUEST_BUFFERING,
    HTTP_VERSION,
    CONNECTION_HEADER,
    ACCESS_LOG,
    MIRROR_SERVICE,
    MIRROR_PERCENTAGE,
    MIRROR_NAME,
    MIRROR_NAME_PORT,
    MIRROR_TARGET,
    MIRROR_HOST,
    MIRROR_BODY,
    HEALTH_PATH,
    HEALTH_INTERVAL,
    PASSIVE_ERRORS,
    MAX_CONNECTIONS,
    MAX_REQUESTS,
    MAX_PENDING,
    COMPRESSION,
    *IGNORED,
)
