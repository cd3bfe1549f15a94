"""What may be the name of a header, and which headers nobody's configuration may change."""

from __future__ import annotations

import re
from typing import Final

#: `token` of RFC 9110, 5.6.2; names of cookies and methods are tokens, too.
TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
#: These belong to the connection or frame the message (RFC 9110, 7.6.1); whoever sets them can split requests.
FRAMING: Final = frozenset({
    "connection", "content-length", "http2-settings", "keep-alive", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
})  # fmt: skip


def token(text: str) -> str | None:
    """The text if it is a token."""
    return text if TOKEN.fullmatch(text) else None
