"""Annotations for how long a backend may take, and what is repeated.

The names are those of ingress-nginx and Higress; the same words with our prefix mean the same.
"""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import Verdict, of_higress, shared

_E2E = "tests/e2e/policies/test_backends.py"
_GOLDEN = "tests/golden/annotations/{}.yaml"
_SECONDS = "whole seconds"

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
    test=f"{_E2E}::test_a_backend_that_is_silent_for_too_long",
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
REQUEST_TIMEOUT = of_higress(
    "timeout",
    _SECONDS,
    "none",
    "How long the whole exchange may take; then the client gets 504.",
    test=f"{_E2E}::test_an_exchange_that_takes_too_long",
)
NEXT_UPSTREAM = shared(
    "proxy-next-upstream",
    "words: `error`, `timeout`, `invalid_header`, `http_500`, `http_502`, `http_503`, `http_504`, `http_403`,"
    " `http_404`,"
    " `http_429`, `non_idempotent`, `off`",
    "`error timeout`",
    "When another endpoint is tried. What reached a backend is repeated only for methods that RFC 9110, 9.2.2 calls"
    " idempotent (GET, HEAD, OPTIONS, TRACE, PUT, DELETE), unless `non_idempotent`.",
    test=f"{_E2E}::test_another_endpoint_is_tried",
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

ALL = (
    CONNECT_TIMEOUT,
    READ_TIMEOUT,
    SEND_TIMEOUT,
    REQUEST_TIMEOUT,
    NEXT_UPSTREAM,
    NEXT_TRIES,
    NEXT_TIMEOUT,
)
