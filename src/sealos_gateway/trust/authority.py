"""The control plane's own small authority: it vouches for its replicas and for nodes, and for nobody else.

Keys are EC P-256 (`keys`). Certificates begin `SKEW` before they are made, so that clocks may differ a little. Nothing
here knows what time it is, or where keys are kept.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from sealos_gateway.trust import keys
from sealos_gateway.trust.credentials import Credentials
from sealos_gateway.trust.identity import CONTROL, Identity, TrustError

#: By how much the clocks of two machines may differ.
SKEW: Final = timedelta(minutes=5)
_AUTHORITY_LIFE: Final = timedelta(days=3650)


class Authority:
    """A key that signs, and its certificate, which is what others trust."""

    def __init__(self, certificate: bytes, key: bytes) -> None:
        """Raises TrustError when they cannot be used, or do not belong together."""
        try:
            self._certificate = x509.load_pem_x509_certificate(certificate)
            loaded = serialization.load_pem_private_key(bytes(key), None)
        except (ValueError, TypeError) as error:
            raise TrustError(f"the authority cannot be read: {error}") from error
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise TrustError("the key of the authority is not an EC key")
        if loaded.public_key() != self._certificate.public_key():
            raise TrustError("the authority's key is not that of its certificate")
        self._key = loaded
        self.bundle = certificate

    @property
    def not_after(self) -> datetime:
        return self._certificate.not_valid_after_utc

    def server(self, now: datetime, life: timedelta) -> Credentials:
        """A replica's own certificate and key. Raises TrustError."""
        key = keys.new_key()
        names: list[x509.GeneralName] = [x509.DNSName(CONTROL)]
        made = self._issue(key.public_key(), CONTROL, names, ExtendedKeyUsageOID.SERVER_AUTH, now, life)
        return keys.credentials(made, key)

    def node(self, request: bytes, identity: Identity, now: datetime, life: timedelta) -> bytes:
        """A node's certificate (PEM) for the key of its signing request; what else that says is ignored.

        Raises TrustError.
        """
        try:
            asked = x509.load_pem_x509_csr(request)
        except ValueError as error:
            raise TrustError(f"the signing request cannot be read: {error}") from error
        key = asked.public_key()
        if not asked.is_signature_valid or not isinstance(key, ec.EllipticCurvePublicKey):
            raise TrustError("the signing request is not signed with an EC key of its own")
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(identity.uri)]
        made = self._issue(key, identity.node[:64], names, ExtendedKeyUsageOID.CLIENT_AUTH, now, life)
        return made.public_bytes(serialization.Encoding.PEM)

    def _issue(
        self,
        key: ec.EllipticCurvePublicKey,
        name: str,
        names: list[x509.GeneralName],
        usage: x509.ObjectIdentifier,
        now: datetime,
        life: timedelta,
    ) -> x509.Certificate:
        end = min(now + life, self.not_after)
        if end <= now:
            raise TrustError(f"the authority ended at {self.not_after:%Y-%m-%d}: delete it, and a new one is made")
        builder = _builder(name, self._certificate.subject, key, now - SKEW, end)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(issuer, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def new_authority(now: datetime) -> Credentials:
    """A fresh authority. Whoever keeps it has to see that all replicas have the same."""
    key = keys.new_key()
    subject = keys.name("Sealos Gateway control plane")
    public = key.public_key()
    builder = _builder("", subject, public, now - SKEW, now + _AUTHORITY_LIFE).subject_name(subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    builder = builder.add_extension(_SIGNS, critical=True)
    return keys.credentials(builder.sign(key, hashes.SHA256()), key)


_SIGNS = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
    return builder.subject_name(keys.name(name)) if name else builder
