"""Annotations that ask who a client is: passwords, and an external service."""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import Annotation, Verdict, shared

_BASIC = "tests/e2e/policies/test_basic_auth.py"
_EXTERNAL = "tests/e2e/policies/test_external_auth.py"
_GOLDEN = "tests/golden/annotations/auth.yaml"

AUTH_TYPE = shared(
    "auth-type",
    values="`basic`",
    default="no password is asked for",
    meaning="Ask for a name and a password, which must be among those of `auth-secret`. The backend does not see them.",
    verdict=Verdict.DIFFERS,
    note="`digest` is refused; write `basic`, and serve the host over TLS.",
    test=f"{_BASIC}::test_as_nginx_answers",
    closed=True,
)
AUTH_SECRET = shared(
    "auth-secret",
    values="name of a Secret, or `namespace/name` where `ingress.cross_namespace` allows it",
    default="none",
    meaning="Where names and passwords are.",
    verdict=Verdict.DIFFERS,
    note="Passwords may be `{SHA}` (`htpasswd -s`), `{SSHA}`, `{PLAIN}`, `$apr1$` (`htpasswd -m`) or `$1$`; with the"
    " setting `ingress.slow_passwords` also bcrypt up to cost 12, SHA-crypt up to 100,000 rounds, and DES. Other users"
    " are told and cannot sign in.",
    test=f"{_BASIC}::test_every_form_of_htpasswd",
    closed=True,
)
AUTH_SECRET_TYPE = shared(
    "auth-secret-type",
    values="`auth-file` (an htpasswd file under the key `auth`) or `auth-map` (a key for each user)",
    default="`auth-file`",
    meaning="How the Secret is laid out.",
    test=f"{_BASIC}::test_a_user_for_each_key",
    closed=True,
)
AUTH_REALM = shared(
    "auth-realm",
    values="text",
    default="empty",
    meaning="What browsers show when they ask for the password.",
    test=f"{_BASIC}::test_as_nginx_answers",
)
SATISFY = shared(
    "satisfy",
    values="`all`, `any`",
    default="`all`",
    meaning="Whether a request must pass every check (source range, password, external service) or one of them.",
    test="tests/e2e/policies/test_satisfy.py",
    closed=True,
)
AUTH_URL = shared(
    "auth-url",
    values="URL, with nginx' variables after the host",
    default="nobody is asked",
    meaning="Ask this URL first, with the headers of the request and without its body. 2xx lets it pass, 401 and 403"
    " are given to the client, anything else is 500."
    " Also sent: X-Original-URL, X-Original-Method, X-Sent-From, X-Real-IP, X-Forwarded-For, X-Auth-Request-Redirect.",
    verdict=Verdict.DIFFERS,
    note="`$host` as host of the URL needs an Ingress with one host; no other variable may stand there.",
    test=f"{_EXTERNAL}::test_as_nginx_asks",
    closed=True,
)
AUTH_METHOD = shared(
    "auth-method",
    values="a method of HTTP",
    default="`GET`",
    meaning="How `auth-url` is asked; X-Original-URI and X-Scheme are then sent too.",
    test=f"{_EXTERNAL}::test_the_method_of_the_question",
    closed=True,
)
AUTH_SIGNIN = shared(
    "auth-signin",
    values="URL with nginx' variables",
    default="401 is given to the client",
    meaning="Where a client is redirected instead of 401; where it came from is added as `rd=`.",
    test=f"{_EXTERNAL}::test_who_must_sign_in_is_redirected",
    closed=True,
)
AUTH_SIGNIN_REDIRECT_PARAM = shared(
    "auth-signin-redirect-param",
    values="name of a parameter",
    default="`rd`",
    meaning="Under which name `auth-signin` is told where the client came from.",
    test=_GOLDEN,
)
AUTH_RESPONSE_HEADERS = shared(
    "auth-response-headers",
    values="names of headers, separated by commas",
    default="none",
    meaning="Headers of the answer that the backend gets. What a client sends under these names is removed.",
    test=f"{_EXTERNAL}::test_nobody_but_the_service_says_who_the_user_is",
    closed=True,
)
AUTH_PROXY_SET_HEADERS = shared(
    "auth-proxy-set-headers",
    values="name of a ConfigMap, or `namespace/name` where `ingress.cross_namespace` allows it",
    default="none",
    meaning="Further headers of the question: a key and value for each, with nginx' variables.",
    test=f"{_EXTERNAL}::test_headers_of_a_config_map_are_sent_along",
    closed=True,
)
AUTH_REQUEST_REDIRECT = shared(
    "auth-request-redirect",
    values="text with nginx' variables",
    default="`$request_uri`",
    meaning="What X-Auth-Request-Redirect says.",
    test=_GOLDEN,
)
AUTH_CACHE_KEY = shared(
    "auth-cache-key",
    values="text with nginx' variables",
    default="every request is asked for",
    meaning="Answers are remembered for each value of this, at most 8,192 in each worker thread.",
    verdict=Verdict.DIFFERS,
    note="Every worker thread remembers for itself. What must not be stored (Cache-Control, Set-Cookie, Vary) is not.",
    test=f"{_EXTERNAL}::test_answers_are_remembered",
    closed=True,
)
AUTH_CACHE_DURATION = shared(
    "auth-cache-duration",
    values="as `200 202 401 5m, 403 30s`",
    default="`200 202 401 5m`",
    meaning="How long which answers are remembered.",
    test=_GOLDEN,
)
AUTH_ALWAYS_SET_COOKIE = shared(
    "auth-always-set-cookie",
    values="`true`, `false`",
    default="`false`: with 200, 201, 204, 206, 301, 302, 303, 304, 307, 308",
    meaning="Whether cookies of the service are given to the client with every status.",
    test=f"{_EXTERNAL}::test_cookies_of_the_service_reach_the_client",
)
AUTH_SNIPPET = shared(
    "auth-snippet",
    values="`proxy_set_header NAME VALUE;`, also several",
    default="none",
    meaning="Further headers of the question, after `auth-proxy-set-headers`; an empty value: it is not sent.",
    verdict=Verdict.DIFFERS,
    note="Any other directive is refused with line and column. The setting `ingress.snippet_namespaces` holds, too.",
    test=f"{_EXTERNAL}::test_headers_of_a_snippet_are_sent_along",
    closed=True,
)
ENABLE_GLOBAL_AUTH = shared(
    "enable-global-auth",
    values="`true`, `false`",
    default="`true`",
    meaning="Whether the setting `ingress.global_auth` holds for this Ingress.",
    test=f"{_EXTERNAL}::test_global_authentication",
    closed=True,
)


def _kept_alive(short: str, values: str, default: str, meaning: str) -> Annotation:
    note = "Connections to the service are kept alive anyhow, as many as are needed."
    return shared(short, values, default, meaning, verdict=Verdict.NOTHING, note=note, test=_GOLDEN)


AUTH_KEEPALIVE = _kept_alive("auth-keepalive", "a whole number", "0", "Idle connections to the service.")
AUTH_KEEPALIVE_REQUESTS = _kept_alive("auth-keepalive-requests", "a whole number", "1000", "Requests of each of them.")
AUTH_KEEPALIVE_TIMEOUT = _kept_alive("auth-keepalive-timeout", "seconds", "60", "How long they are kept.")
AUTH_KEEPALIVE_SHARE_VARS = _kept_alive(
    "auth-keepalive-share-vars", "`true`, `false`", "`false`", "Whether nginx shares variables with the question."
)

ALL = (
    AUTH_TYPE, AUTH_SECRET, AUTH_SECRET_TYPE, AUTH_REALM, SATISFY, AUTH_URL, AUTH_METHOD, AUTH_SIGNIN,
    AUTH_SIGNIN_REDIRECT_PARAM, AUTH_RESPONSE_HEADERS, AUTH_PROXY_SET_HEADERS, AUTH_REQUEST_REDIRECT, AUTH_CACHE_KEY,
    AUTH_CACHE_DURATION, AUTH_ALWAYS_SET_COOKIE, AUTH_SNIPPET, ENABLE_GLOBAL_AUTH, AUTH_KEEPALIVE,
    AUTH_KEEPALIVE_REQUESTS, AUTH_KEEPALIVE_TIMEOUT, AUTH_KEEPALIVE_SHARE_VARS,
)  # fmt: skip
