"""HTTP towards backends: envoy.extensions.upstreams.http.v3.HttpProtocolOptions."""

from __future__ import annotations

from sealos_gateway.envoy import api
from sealos_gateway.envoy.types import HTTP_OPTIONS
from sealos_gateway.model.backend_policy import Protocol

#: The key under which a cluster keeps it.
OPTIONS = HTTP_OPTIONS
HTTP2 = (Protocol.H2C, Protocol.HTTPS2)
_IDLE_SECONDS = 60
#: Enough for any `proxy-buffer-size` that people write for nginx; it costs nothing until a backend sends so much.
_RESPONSE_HEADERS_KB = 256


def options(protocol: Protocol) -> api.Message:
    """HTTP/1.1 or HTTP/2, never guessed; connections that nobody uses are closed."""
    explicit = api.http_options.HttpProtocolOptions.ExplicitHttpConfig()
    if protocol in HTTP2:
        explicit.http2_protocol_options.allow_connect = True
    else:
        explicit.http_protocol_options.SetInParent()
    common = api.protocol.HttpProtocolOptions(
        idle_timeout=api.seconds(_IDLE_SECONDS), max_response_headers_kb=api.uint(_RESPONSE_HEADERS_KB)
    )
    return api.http_options.HttpProtocolOptions(explicit_http_config=explicit, common_http_protocol_options=common)
