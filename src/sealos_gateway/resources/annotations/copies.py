"""Annotations for copies of requests, and for error pages of another backend.

The names are those of ingress-nginx and Higress; the same words with our prefix mean the same.
"""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import Verdict, of_higress, shared

_E2E = "tests/e2e/policies/test_backends.py"
_GOLDEN = "tests/golden/annotations/{}.yaml"

ERROR_CODES = shared(
    "custom-http-errors",
    "status codes, separated by commas",
    "none",
    "Answers with these codes are replaced by what the default backend says to `X-Code` and its companions.",
    test=f"{_E2E}::test_error_pages",
)
NO_INTERCEPT = shared(
    "disable-proxy-intercept-errors",
    "`true`, `false`",
    "false",
    "Switches `custom-http-errors` off.",
    test=_GOLDEN.format("error_pages"),
)
MIRROR_SERVICE = of_higress(
    "mirror-target-service",
    "`service`, `service.namespace`, each with `:port`",
    "none",
    "Copies of requests go there.",
    note="Only Services of the same namespace.",
    test=f"{_E2E}::test_copies_of_requests",
)
MIRROR_PERCENTAGE = of_higress(
    "mirror-percentage", "0 to 100", "100", "The share of requests that is copied.", test=_GOLDEN.format("mirror")
)
MIRROR_NAME = of_higress(
    "mirror-target-fqdn",
    "a host name",
    "none",
    "Copies of requests go there, also outside of the cluster.",
    test=f"{_E2E}::test_copies_for_another_host",
)
MIRROR_NAME_PORT = of_higress(
    "mirror-target-fqdn-port", "1 to 65535", "80", "Its port.", test=f"{_E2E}::test_copies_for_another_host"
)
MIRROR_TARGET = shared(
    "mirror-target",
    "a URL: `http://name.namespace.svc:port$request_uri`, `https://copy.example.com$request_uri`",
    "none",
    "Copies of requests go there.",
    verdict=Verdict.DIFFERS,
    note="Copies keep path and query; Services of other namespaces are refused.",
    test=f"{_E2E}::test_copies_of_requests",
)
MIRROR_HOST = shared(
    "mirror-host",
    "a host name",
    "the host of `mirror-target`; with `mirror-target-service` that of the request",
    "Host of the copies.",
    test=f"{_E2E}::test_copies_for_another_host",
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

ALL = (
    ERROR_CODES,
    NO_INTERCEPT,
    MIRROR_SERVICE,
    MIRROR_PERCENTAGE,
    MIRROR_NAME,
    MIRROR_NAME_PORT,
    MIRROR_TARGET,
    MIRROR_HOST,
    MIRROR_BODY,
)
