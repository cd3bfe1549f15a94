"""What is wrong with a filter by itself, whatever else there is, in words; empty where nothing is."""

from __future__ import annotations

import re
from typing import Final

from sealos_gateway.resources.gateway_api.filters import ExternalAuth

#: As in the API, and it has to start with a slash.
_PREFIX: Final = re.compile(r"/(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*")

#: How much of a body may be held in memory for a question: others share this memory.
MOST_BODY: Final = 64 << 20


def external_auth(field: str, wanted: ExternalAuth | None) -> str:
    """Of a filter of type ExternalAuth; what it refers to is looked for in `authorization`."""
    if wanted is None or wanted.protocol not in ("HTTP", "GRPC"):
        return f"{field}.externalAuth: write it, with protocol HTTP or GRPC"
    prefix = wanted.http.path if wanted.http else ""
    if prefix and not _PREFIX.fullmatch(prefix):
        return f"{field}.externalAuth.http.path: {prefix[:60]!a} is not the beginning of a path; it starts with /"
    if wanted.forward_body and wanted.forward_body.max_size > MOST_BODY:
        return f"{field}.externalAuth.forwardBody.maxSize: it is held in memory; more than {MOST_BODY} cannot be"
    return ""
