"""Annotations for the way of a request: redirects, timeouts, sizes, who may pass.

The names are those of ingress-nginx; the same words with our prefix or that of Higress mean the same.
"""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import shared

SSL_REDIRECT = shared(
    "ssl-redirect",
    values="`true`, `false`; anything else is reported and read as absent",
    default="the setting `ingress.ssl_redirect`",
    meaning="Whether plain HTTP requests to the paths of this Ingress are redirected to HTTPS with 308."
    " Only for hosts that have TLS.",
    test="tests/golden/ingress/tls_redirect_annotation.yaml",
)
PROXY_BODY_SIZE = shared(
    "proxy-body-size",
    values="a size as `8m`, `512k`, `1g`; `0` for no limit",
    default="no limit; `1m` for the classes in `ingress.nginx_classes`",
    meaning="A request with a larger body is answered 413, without being buffered.",
    test="tests/golden/annotations/proxy_body_size.yaml",
)
ALLOWLIST = shared(
    "allowlist-source-range",
    values="addresses and networks, separated by commas",
    default="everybody",
    meaning="Clients from elsewhere are answered 403. Which address a client has is decided by `http.trusted_hops`.",
    test="tests/golden/annotations/source_range.yaml",
    closed=True,
)
WHITELIST = shared(
    "whitelist-source-range",
    values="as `allowlist-source-range`",
    default="everybody",
    meaning="The older name of `allowlist-source-range`, which wins where both are present.",
    test="tests/golden/annotations/source_range.yaml",
    closed=True,
)
DENYLIST = shared(
    "denylist-source-range",
    values="addresses and networks, separated by commas",
    default="nobody",
    meaning="Clients from there are answered 403.",
    test="tests/golden/annotations/source_range.yaml",
    closed=True,
)

ALL = (SSL_REDIRECT, PROXY_BODY_SIZE, ALLOWLIST, WHITELIST, DENYLIST)
