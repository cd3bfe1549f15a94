"""Certificates by server name, from Secrets of type kubernetes.io/tls."""

from __future__ import annotations

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sealos_gateway.live import Index, Read, Rows
from sealos_gateway.model.keys import HostKey
from sealos_gateway.model.private import Private
from sealos_gateway.model.problem import Problem
from sealos_gateway.model.upstream import Certificate, KeyPair
from sealos_gateway.resources.core import Secret
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import hosts, virtual_hosts
from sealos_gateway.translate import ingress as ingresses
from sealos_gateway.translate.ingress_backends import KIND
from sealos_gateway.translate.world import World

#: What `cryptography` raises for certificates that are well-formed PEM and odd inside.
_UNREADABLE = (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


class Loaded(msgspec.Struct, frozen=True, gc=False):
    """A Secret as a key pair with the names it covers, or why it is none. Both where the Secret has gone bad while it
    was used: then the pair is the one that it held before, and goes on being shown."""

    pair: KeyPair | None = None
    names: tuple[str, ...] = ()
    error: str = ""

    @property
    def told(self) -> str:
        """What is wrong, and what is shown meanwhile."""
        if self.pair is None or not self.error:
            return self.error
        return f"{self.error}; what it held before is shown until then (a certificate until {self.pair.not_after[:10]})"


class InvalidPairError(ValueError):
    """Why a Secret is no key pair."""


def load(ref: Ref, read: Read, world: World) -> Loaded:
    """A Secret, checked. What is wrong with one that was good does not take away what it held (decision 047); one that
    does not exist has nothing."""
    secret = read(world.secrets, ref)
    if secret is None:
        return Loaded(error=f"Secret {ref} does not exist")
    found = checked(ref, secret)
    before = read(world.last_good_pairs, ref) if found.pair is None else None
    return msgspec.structs.replace(before, error=found.error) if before is not None else found


def checked(ref: Ref, secret: Secret) -> Loaded:
    """What a Secret is now: both entries there, parseable, belonging together, of a kind that Envoy takes."""
    chain, key = secret.value("tls.crt"), secret.value("tls.key")
    if not chain or not key:
        missing = "tls.crt" if not chain else "tls.key"
        return Loaded(error=f"Secret {ref} has no {missing}; it must be of type kubernetes.io/tls")
    try:
        return _pair(str(ref), chain, key)
    except InvalidPairError as error:
        return Loaded(error=f"Secret {ref}: {error}")


def _pair(name: str, chain: bytes, key: bytes) -> Loaded:
    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
        public, names, until = leaf.public_key(), _names(leaf), leaf.not_valid_after_utc.isoformat()
    except _UNREADABLE:
        raise InvalidPairError("tls.crt is not a PEM certificate chain that can be read") from None
    try:
        private = serialization.load_pem_private_key(key, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InvalidPairError("tls.key is not an unencrypted PEM private key") from None
    if private.public_key() != public:
        raise InvalidPairError("tls.key does not belong to the first certificate of tls.crt")
    return Loaded(KeyPair(name, chain, Private(key), _algorithm(private), until), names)


def _algorithm(private: object) -> str:
    """Envoy (BoringSSL) takes RSA of 2048 bits and more, and ECDSA on P-256, P-384 and P-521."""
    match private:
        case rsa.RSAPrivateKey() if private.key_size >= 2048:
            return "rsa"
        case rsa.RSAPrivateKey():
            raise InvalidPairError(f"the RSA key has {private.key_size} bits; 2048 is the least")
        case ec.EllipticCurvePrivateKey() if isinstance(private.curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1):
            return "ecdsa"
    raise InvalidPairError("the key is neither RSA nor ECDSA on P-256, P-384 or P-521")


def _names(leaf: x509.Certificate) -> tuple[str, ...]:
    """The DNS names of the certificate; its common name where it has no alternative names."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return tuple(name.lower() for name in found.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        return tuple(str(name.value).lower() for name in leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME))


def certificate(
    pattern: str,
    read: Read,
    world: World,
    names: Index[str, Ref],
    pairs: Rows[Ref, Loaded],
    attachments: Rows[Ref, ingresses.Attachment],
    claimants: Index[HostKey, Ref],
) -> Certificate | None:
    """What answers for one server name: the Secrets its Ingresses name, oldest first, else the default certificate.

    For `*`, which answers for every stray name of the platform, the default certificate comes first.
    None when there is nothing: then a wildcard above the name, or no certificate at all, answers.
    """
    problems: list[Problem] = []
    chosen: dict[str, KeyPair] = {}
    if pattern == hosts.ANY_HOST and (stray := _default(pattern, read, world, pairs)):
        chosen = dict.fromkeys(("ecdsa", "rsa"), stray)
    for claimant in _claimants(pattern, read, world, names, claimants):
        attached = read(attachments, claimant.ref)
        for name, secret in attached.server_names if attached else ():
            if name == pattern and secret is not None:
                _choose(pattern, claimant, secret, read(pairs, secret), chosen, problems)
    if not chosen and (fallback := _default(pattern, read, world, pairs)):
        chosen[fallback.algorithm] = fallback
    if not chosen and not problems:
        return None
    ordered = tuple(dict.fromkeys(chosen[algorithm] for algorithm in ("ecdsa", "rsa") if algorithm in chosen))
    return Certificate(pattern, ordered, tuple(problems))


def _claimants(
    pattern: str, read: Read, world: World, names: Index[str, Ref], claimants: Index[HostKey, Ref]
) -> list[Ingress]:
    """Who may say which Secret answers: with `host_ownership: first-namespace` only the owner of the host."""
    claiming = virtual_hosts.ranked(read(names, pattern), read, world)
    if not world.rules.first_namespace_owns or not claiming:
        return claiming
    owners = virtual_hosts.ranked(read(claimants, HostKey(world.rules.gateway, pattern)), read, world) or claiming
    return [ingress for ingress in claiming if ingress.metadata.namespace == owners[0].metadata.namespace]


def _choose(
    pattern: str,
    claimant: Ingress,
    secret: Ref,
    loaded: Loaded | None,
    chosen: dict[str, KeyPair],
    problems: list[Problem],
) -> None:
    """Take a Secret's pair if it fits and its algorithm is still free; else say why not."""
    origin = Origin(KIND, claimant.ref)

    def refuse(reason: str, message: str) -> None:
        problems.append(
            Problem(origin, "spec.tls", reason, f"{message}; the default certificate, if any, answers for {pattern}")
        )

    if loaded is None or loaded.pair is None:
        refuse("InvalidSecret", loaded.error if loaded else f"Secret {secret} does not exist")
    elif pattern != hosts.ANY_HOST and not any(hosts.covers(name, pattern) for name in loaded.names):
        refuse("NameMismatch", f"Secret {secret} is for {', '.join(loaded.names[:4]) or 'no DNS name'}")
    elif loaded.error:
        chosen.setdefault(loaded.pair.algorithm, loaded.pair)
        problems.append(Problem(origin, "spec.tls", "InvalidSecret", loaded.told))
    elif (other := chosen.setdefault(loaded.pair.algorithm, loaded.pair)).name != loaded.pair.name:
        message = f"{pattern} is already answered with Secret {other.name}, which comes first; {secret} is not used"
        problems.append(Problem(origin, "spec.tls", "CertificateConflict", message))


def _default(pattern: str, read: Read, world: World, pairs: Rows[Ref, Loaded]) -> KeyPair | None:
    for covered, secret in world.rules.default_certificates:
        if hosts.covers(covered, pattern) and (loaded := read(pairs, secret)) and loaded.pair:
            return loaded.pair
    return None
