"""Annotations for TLS with clients: their certificates, versions and ciphers. They hold for all of a host."""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import HIGRESS, NGINX, SEALOS, Annotation, Verdict, shared

_E2E = "tests/e2e/policies/test_client_tls.py"
_GOLDEN = "tests/golden/annotations/client_tls.yaml"
_HOST = (
    "It holds for the whole host, which must have a name (no wildcard). Requests for it over a connection that was"
    " opened for another host are answered 421."
)

AUTH_TLS_SECRET = shared(
    "auth-tls-secret",
    values="`namespace/name` of a Secret with `ca.crt`, and `ca.crl` where there is one",
    default="no certificate is asked for",
    meaning="Ask clients for a certificate that one of these authorities has signed; else 400.",
    verdict=Verdict.DIFFERS,
    note=f"{_HOST} Over plain HTTP, where nginx lets everybody pass, the answer is 400 (or a redirect to HTTPS).",
    test=f"{_E2E}::test_as_nginx_answers",
    closed=True,
)
AUTH_TLS_VERIFY_CLIENT = shared(
    "auth-tls-verify-client",
    values="`on`, `off`, `optional`, `optional_no_ca`",
    default="`on`",
    meaning="`optional`: who has no certificate passes; `optional_no_ca`: who has one of another authority, too.",
    verdict=Verdict.DIFFERS,
    note="With `optional_no_ca` the backend reads FAILED without a reason.",
    test=f"{_E2E}::test_as_nginx_answers",
    closed=True,
)
AUTH_TLS_VERIFY_DEPTH = shared(
    "auth-tls-verify-depth",
    values="a whole number from 1",
    default="1",
    meaning="How many authorities may stand between the certificate and one of the Secret.",
    test=f"{_E2E}::test_the_depth_of_a_chain",
    closed=True,
)
AUTH_TLS_ERROR_PAGE = shared(
    "auth-tls-error-page",
    values="URL with nginx' variables",
    default="400",
    meaning="Where clients are redirected whose certificate is missing or unknown.",
    test=f"{_E2E}::test_a_page_instead_of_an_error",
)
AUTH_TLS_PASS_CERTIFICATE = shared(
    "auth-tls-pass-certificate-to-upstream",
    values="`true`, `false`",
    default="`false`",
    meaning="Whether the backend gets the certificate as `ssl-client-cert` (PEM, URL-encoded), besides"
    " `ssl-client-verify`, `-subject-dn`, `-issuer-dn`. What a client sends under these names is removed.",
    test=f"{_E2E}::test_what_the_backend_reads",
)
AUTH_TLS_MATCH_CN = shared(
    "auth-tls-match-cn",
    values="`CN=` and a regular expression (RE2)",
    default="any certificate that is signed",
    meaning="The subject must have a match, else 403.",
    test=f"{_E2E}::test_the_name_in_the_certificate",
    closed=True,
)
SSL_CIPHERS = shared(
    "ssl-ciphers",
    values="names of OpenSSL, separated by colons",
    default="the setting `tls.ciphers`",
    meaning="Ciphers of TLS 1.2 for this host, in order of preference.",
    verdict=Verdict.DIFFERS,
    note=f"{_HOST} Names and groups that Envoy has not are told and left out.",
    test=f"{_E2E}::test_versions_and_ciphers_of_one_host",
)
SSL_PREFER_SERVER_CIPHERS = shared(
    "ssl-prefer-server-ciphers",
    values="`true`, `false`",
    default="`true`",
    meaning="Whose order of ciphers counts.",
    verdict=Verdict.NOTHING,
    note="In Envoy it is the server's.",
    test=_GOLDEN,
)
SSL_CIPHER = Annotation(
    (SEALOS + "ssl-cipher", HIGRESS + "ssl-cipher", NGINX + "ssl-cipher"),
    kind="Ingress",
    values="as `ssl-ciphers`, also separated by commas",
    default="as `ssl-ciphers`",
    meaning="Higress' name of `ssl-ciphers`.",
    verdict=Verdict.DIFFERS,
    note=_HOST,
    test=_GOLDEN,
)

SSL_PASSTHROUGH = shared(
    "ssl-passthrough",
    values="`true`, `false`",
    default="`false`",
    meaning="TLS for this host goes unread to the backend of its path `/`. Plain HTTP is served as usual.",
    verdict=Verdict.DIFFERS,
    note="The host must have a name (no wildcard). Together with annotations that check clients it is refused: they"
    " could not hold. nginx needs a flag for it, the gateway does not.",
    test=f"{_E2E}::test_tls_that_is_not_read",
    closed=True,
)


def _version(which: str, what: str, default: str) -> Annotation:
    short = f"tls-{which}-protocol-version"
    values = "`TLSv1.0`, `TLSv1.1`, `TLSv1.2`, `TLSv1.3`"
    test = f"{_E2E}::test_versions_and_ciphers_of_one_host"
    return shared(short, values, default, what, verdict=Verdict.DIFFERS, note=_HOST, test=test, closed=True)


TLS_MIN_VERSION = _version("min", "The lowest version of TLS for this host.", "the setting `tls.min_version`")
TLS_MAX_VERSION = _version("max", "The highest version of TLS for this host.", "TLS 1.3")

ALL = (
    AUTH_TLS_SECRET, AUTH_TLS_VERIFY_CLIENT, AUTH_TLS_VERIFY_DEPTH, AUTH_TLS_ERROR_PAGE, AUTH_TLS_PASS_CERTIFICATE,
    AUTH_TLS_MATCH_CN, SSL_PASSTHROUGH,
    SSL_CIPHERS, SSL_PREFER_SERVER_CIPHERS, SSL_CIPHER, TLS_MIN_VERSION, TLS_MAX_VERSION,
)  # fmt: skip
