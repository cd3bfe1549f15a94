"""How large a request may be: envoy.extensions.filters.http.body_size_limit.v3.BodySizeLimit and .buffer.v3.Buffer."""

from __future__ import annotations

from collections.abc import Iterator

from sealos_gateway.envoy import api
from sealos_gateway.model.policy import Policy

_BODY_LIMIT = "envoy.extensions.filters.http.body_size_limit.v3.BodySizeLimit"
_MOST = (1 << 32) - 1
_BUFFERED = 64 << 20


def filters(policy: Policy) -> Iterator[tuple[str, api.Message]]:
    """413 for a larger body, whether its length is told or not; nothing is buffered unless the policy says so."""
    if policy.buffer_request:
        buffered = api.buffer.Buffer(max_request_bytes=api.uint(min(policy.body_limit or _BUFFERED, _BUFFERED)))
        yield "envoy.filters.http.buffer", api.pack(buffered)
    elif policy.body_limit:
        yield at_most(policy.body_limit)


def at_most(size: int) -> tuple[str, api.Message]:
    """413 for more bytes."""
    return "envoy.filters.http.body_size_limit", api.pack_struct(_BODY_LIMIT, {"max_request_bytes": min(size, _MOST)})
