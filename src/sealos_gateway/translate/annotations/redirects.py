"""Redirects to HTTPS."""

from __future__ import annotations

from sealos_gateway.resources.annotations import traffic
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values


def read(values: Values, draft: Draft) -> None:
    """`ssl-redirect`."""
    draft.ssl_redirect = values.boolean(traffic.SSL_REDIRECT)
