"""Keys, and the certificates that are made for them. A node does this in a process of its own (`node.keymaker`)."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sealos_gateway.model.private import Private
from sealos_gateway.trust.credentials import Credentials
from sealos_gateway.trust.identity import TrustError


def new_key() -> ec.EllipticCurvePrivateKey:
    """EC P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def name(text: str) -> x509.Name:
    """The subject of a certificate."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class NodeKey:
    """A node's own key, never written anywhere, and the certificates it gets for it."""

    def __init__(self) -> None:
        self._key = new_key()

    def request(self) -> bytes:
        """A signing request (PEM): it proves that we have the key."""
        builder = x509.CertificateSigningRequestBuilder().subject_name(name("node"))
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def credentials(self, certificate: bytes) -> Credentials:
        """With the certificate that came back. Raises TrustError."""
        try:
            made = x509.load_pem_x509_certificate(certificate)
        except ValueError as error:
            raise TrustError(f"the certificate that came back cannot be read: {error}") from error
        if made.public_key() != self._key.public_key():
            raise TrustError("the certificate that came back is for another key")
        return credentials(made, self._key)


def credentials(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Credentials:
    """A certificate and its key as values."""
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    times = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return Credentials(certificate.public_bytes(pem), Private(private), *times)
