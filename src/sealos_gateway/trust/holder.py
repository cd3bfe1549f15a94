"""What a certificate of the control plane's authority says: who its holder is and until when."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from cryptography import x509

from sealos_gateway.trust.identity import URI, Identity, TrustError


class Holder(NamedTuple):
    """Who a certificate was made for, and when it ends."""

    identity: Identity
    not_after: datetime


def holder(pem: bytes) -> Holder:
    """Who holds this certificate; its signature was checked by TLS. Raises TrustError."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound) as error:
        raise TrustError(f"the certificate does not say whose it is: {error}") from error
    for uri in names.get_values_for_type(x509.UniformResourceIdentifier):
        if found := URI.fullmatch(uri):
            return Holder(Identity(found["gateway"], found["name"]), certificate.not_valid_after_utc)
    raise TrustError("the certificate is not that of a node")
