"""Annotations for what a client sees of a backend's answer: its headers, where it redirects to, its cookies."""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import Verdict, shared

_E2E = "tests/e2e/policies/test_answers.py"

CUSTOM_HEADERS = shared(
    "custom-headers",
    "a ConfigMap, as `name` or `namespace/name`",
    "none",
    "Each of its entries is a header of every response. Only names in `ingress.allowed_response_headers`.",
    test=f"{_E2E}::test_headers_of_a_config_map",
)
REDIRECT_FROM = shared(
    "proxy-redirect-from",
    "the beginning of a Location, or `off`",
    "`off`",
    "A Location (or Refresh) of the backend that begins so begins with `proxy-redirect-to` instead.",
    verdict=Verdict.DIFFERS,
    note="Variables, patterns and `default` are refused: write the text.",
    test=f"{_E2E}::test_locations_as_nginx_rewrites_them",
)
REDIRECT_TO = shared(
    "proxy-redirect-to",
    "what stands there instead",
    "`proxy-redirect-from` has no effect",
    "See `proxy-redirect-from`.",
    verdict=Verdict.DIFFERS,
    note="Variables are refused: write the text.",
    test=f"{_E2E}::test_locations_as_nginx_rewrites_them",
)
COOKIE_DOMAIN = shared(
    "proxy-cookie-domain",
    "two domains, or `off`",
    "`off`",
    "Cookies of the backend for the first domain are for the second one.",
    verdict=Verdict.DIFFERS,
    note="Variables and patterns are refused: write the text.",
    test=f"{_E2E}::test_cookies_as_nginx_rewrites_them",
)
COOKIE_PATH = shared(
    "proxy-cookie-path",
    "two paths, or `off`",
    "`off`",
    "Paths of cookies of the backend that begin with the first begin with the second.",
    verdict=Verdict.DIFFERS,
    note="Variables and patterns are refused: write the text.",
    test=f"{_E2E}::test_cookies_as_nginx_rewrites_them",
)

ALL = (CUSTOM_HEADERS, REDIRECT_FROM, REDIRECT_TO, COOKIE_DOMAIN, COOKIE_PATH)
