"""Names: what a certificate of the control plane's authority calls its holder (read in `holder`).

A node is a URI in the SAN of its certificate, in the form of SPIFFE (`spiffe://sealos-gateway/<gateway>/node/<name>`).
The control plane has one DNS name, whatever address it is reached at: what counts is that its authority vouches for it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

#: The name in the server certificate of every replica; nodes ask for it.
CONTROL: Final = "control.sealos-gateway"
_DOMAIN: Final = "spiffe://sealos-gateway"
URI: Final = re.compile(rf"{_DOMAIN}/(?P<gateway>[a-z0-9.-]+)/node/(?P<name>[a-z0-9.-]+)")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class TrustError(Exception):
    """A key, a certificate or a name cannot be used; the message says why."""


class Identity(NamedTuple):
    """A node, and the gateway whose configuration it may read."""

    gateway: str
    node: str

    @property
    def uri(self) -> str:
        return f"{_DOMAIN}/{self.gateway}/node/{self.node}"


def node_name(text: str) -> str:
    """The name as it may stand in a certificate. Raises TrustError."""
    if not _NAME.fullmatch(text):
        raise TrustError(f"{text!r} is no name for a node: lower-case letters, digits, '-' and '.', at most 253")
    return text
