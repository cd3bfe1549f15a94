"""Annotations for the connection to a backend: protocol, TLS, what else stands behind it, buffering, compression.

The names are those of ingress-nginx and Higress; the same words with our prefix mean the same.
"""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import Verdict, nothing, ours, shared

_E2E = "tests/e2e/policies/test_backends.py"
_GOLDEN = "tests/golden/annotations/{}.yaml"

BACKEND_PROTOCOL = shared(
    "backend-protocol",
    "`HTTP`, `HTTPS`, `GRPC`, `GRPCS`, `WS`, `WSS`, `H2C`, `AUTO_HTTP`",
    "`appProtocol` of the port, else HTTP",
    "What is spoken to the backend. `AUTO_HTTP` and `WS` are HTTP, `WSS` is HTTPS.",
    note="`FCGI` is refused: Envoy speaks no FastCGI; put a web server beside the program.",
    closed=True,
    test=f"{_E2E}::test_protocols_of_backends",
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
    test=f"{_E2E}::test_the_default_backend_answers_while_there_is_no_endpoint",
)
SSL_SECRET = shared(
    "proxy-ssl-secret",
    "`namespace/name` of a Secret with `tls.crt`, `tls.key` and `ca.crt`",
    "no client certificate",
    "The certificate shown to the backend, and the authorities its own is checked against.",
    closed=True,
    test=f"{_E2E}::test_tls_to_a_backend_that_is_checked",
)
SSL_VERIFY = shared(
    "proxy-ssl-verify",
    "`on`, `off`",
    "off",
    "Whether the certificate of the backend is checked.",
    closed=True,
    test=f"{_E2E}::test_tls_to_a_backend_that_is_checked",
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
    test=f"{_E2E}::test_requests_that_are_not_in_the_access_log",
)
COMPRESSION = ours(
    "compression",
    "`true`, `false`",
    "false",
    "Compress responses with Brotli or gzip.",
    test=f"{_E2E}::test_compressed_responses",
)

IGNORED = (
    nothing("proxy-buffering", "`on`, `off`", "Responses stream; memory is bounded by flow control."),
    nothing("proxy-buffer-size", "a size", "Response headers of up to 256 KiB are taken from every backend."),
    nothing("proxy-buffers-number", "whole number", "Envoy has no such buffers."),
    nothing("proxy-busy-buffers-size", "a size", "Envoy has no such buffers."),
    nothing("proxy-max-temp-file-size", "a size", "Nothing is written to disk."),
    nothing("client-body-buffer-size", "a size", "Bodies stream; nothing is written to disk."),
    nothing("http2-push-preload", "`true`, `false`", "Server push is gone from browsers and from Envoy."),
    nothing("enable-rewrite-log", "`true`, `false`", "A log of nginx' own."),
)

ALL = (
    BACKEND_PROTOCOL,
    SERVICE_UPSTREAM,
    DEFAULT_BACKEND,
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
    COMPRESSION,
    *IGNORED,
)
