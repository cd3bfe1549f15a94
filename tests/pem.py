"""Real certificates for tests, made once per process: the keys are what costs time."""

from __future__ import annotations

import datetime
from functools import cache
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey

BEGIN = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


class Pair(NamedTuple):
    chain: bytes
    key: bytes


@cache
def key(kind: str, number: int = 0) -> Key:
    """A key of this kind; another number is another key."""
    match kind:
        case "rsa":
            return rsa.generate_private_key(65537, 2048)
        case "rsa1024":
            return rsa.generate_private_key(65537, 1024)
        case "ecdsa":
            return ec.generate_private_key(ec.SECP256R1())
        case "secp256k1":
            return ec.generate_private_key(ec.SECP256K1())
        case "ed25519":
            return ed25519.Ed25519PrivateKey.generate()
        case "dsa":
            return dsa.generate_private_key(1024)
    raise LookupError(kind)


def key_pem(private: Key, password: bytes = b"") -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


@cache
def pair(*names: str, kind: str = "ecdsa", number: int = 0, years: int = 20, common_name: str = "") -> Pair:
    """A self-signed certificate for these DNS names, or only for a common name."""
    private = key(kind, number)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else [])
    builder = (
        x509.CertificateBuilder(issuer_name=subject, subject_name=subject)
        .public_key(private.public_key())
        .serial_number(1 + number)
        .not_valid_before(BEGIN)
        .not_valid_after(BEGIN.replace(year=BEGIN.year + years))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
    digest = None if kind == "ed25519" else hashes.SHA256()
    return Pair(builder.sign(private, digest).public_bytes(serialization.Encoding.PEM), key_pem(private))


class Authority:
    """Signs certificates; another number is another authority."""

    def __init__(self, name: str, number: int = 0) -> None:
        self._key = key("ecdsa", 1000 + number)
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.pem = self._certificate(self._name, self._key, [], True)

    def pair(self, *names: str, uris: tuple[str, ...] = (), common_name: str = "", number: int = 0) -> Pair:
        """A certificate for these DNS names and URIs, good for servers and clients."""
        private = key("ecdsa", number)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else [])
        covered = [*map(x509.DNSName, names), *map(x509.UniformResourceIdentifier, uris)]
        return Pair(self._certificate(subject, private, covered, False), key_pem(private))

    def _certificate(self, subject: x509.Name, private: Key, covered: list[x509.GeneralName], authority: bool) -> bytes:
        builder = (
            x509.CertificateBuilder(issuer_name=self._name, subject_name=subject)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(BEGIN)
            .not_valid_after(BEGIN.replace(year=BEGIN.year + 20))
            .add_extension(x509.BasicConstraints(authority, None), True)
        )
        if covered:
            builder = builder.add_extension(x509.SubjectAlternativeName(covered), False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
