"""What a certificate of the control plane's authority says: who its holder is and until when.

A node is a URI in the SAN of its certificate, in the form of SPIFFE (`spiffe://sealos-gateway/<gateway>/node/<name>`).
The control plane has one DNS name, whatever address it is reached at: what counts is that its authority vouches for it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, NamedTuple

from cryptography import x509

#: The name in the server certificate of every replica; nodes ask for it.
CONTROL: Final = "control.sealos-gateway"
_DOMAIN: Final = "spiffe://sealos-gateway"
_URI = re.compile(rf"{_DOMAIN}/(?P<gateway>[a-z0-9.-]+)/node/(?P<name>[a-z0-9.-]+)")
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


class Holder(NamedTuple):
    """Who a certificate was made for, and when it ends."""

    identity: Identity
    not_after: datetime


def node_name(text: str) -> str:
    """The name as it may stand in a certificate. Raises TrustError."""
    if not _NAME.fullmatch(text):
        raise TrustError(f"{text!r} is no name for a node: lower-case letters, digits, '-' and '.', at most 253")
    return text


def holder(pem: bytes) -> Holder:
    """Who holds this certificate; its signature was checked by TLS. Raises TrustError."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound) as error:
        raise TrustError(f"the certificate does not say whose it is: {error}") from error
    for uri in names.get_values_for_type(x509.UniformResourceIdentifier):
        if found := _URI.fullmatch(uri):
            return Holder(Identity(found["gateway"], found["name"]), certificate.not_valid_after_utc)
    raise TrustError("the certificate is not that of a node")
