"""The size of requests."""

from __future__ import annotations

from sealos_gateway.resources.annotations import traffic
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values

_NGINX_BODY = 1 << 20


def read(values: Values, draft: Draft) -> None:
    """`proxy-body-size`: 0 is no limit."""
    limit = values.size(traffic.PROXY_BODY_SIZE)
    if limit is None and draft.nginx:
        limit = _NGINX_BODY
    if limit:
        draft.policy["body_limit"] = limit
