"""Certificate authorities: `ca.crt` (and `ca.crl`) of Secrets and ConfigMaps, and ClusterTrustBundles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from cryptography import x509

from sealos_gateway.live import Read, Rows
from sealos_gateway.model.upstream import TrustBundle
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.world import World

SECRET, CONFIG_MAP, BUNDLE = "Secret", "ConfigMap", "ClusterTrustBundle"
#: What may hold authorities, by group and kind.
KINDS: Final = {("", SECRET), ("", CONFIG_MAP), ("certificates.k8s.io", BUNDLE)}


class Loaded(msgspec.Struct, frozen=True, gc=False):
    """A bundle, or why there is none."""

    bundle: TrustBundle | None = None
    error: str = ""


def load(origin: Origin, read: Read, world: World) -> Loaded:
    """Read and check one object: at least one certificate, all of them parseable."""
    field = "spec.trustBundle" if origin.kind == BUNDLE else "ca.crt"
    entries = _entries(origin, read, world)
    if entries is None:
        return Loaded(error=f"{origin} does not exist")
    roots, revoked = entries
    if not roots.strip():
        return Loaded(error=f"{origin} has no {field}; put the certificates of the authorities there, in PEM")
    try:
        x509.load_pem_x509_certificates(roots)
    except ValueError:
        return Loaded(error=f"{origin}: {field} is not a list of PEM certificates that can be read")
    if revoked:
        try:
            x509.load_pem_x509_crl(revoked)
        except ValueError:
            return Loaded(error=f"{origin}: ca.crl is not a PEM revocation list that can be read")
    return Loaded(TrustBundle(roots, revoked))


def bundle(origins: tuple[Origin, ...], read: Read, authorities: Rows[Origin, Loaded]) -> TrustBundle | None:
    """All that several objects believe; None when none of them can be used.

    Envoy asks for a revocation list of every authority as soon as there is one: an authority without is then not
    believed.
    """
    found = [row.bundle for origin in origins if (row := read(authorities, origin)) and row.bundle]
    if not found:
        return None
    return TrustBundle(_joined(it.roots for it in found), _joined(it.revoked for it in found))


def _joined(texts: Iterable[bytes]) -> bytes:
    return b"\n".join(text for text in texts if text)


def _entries(origin: Origin, read: Read, world: World) -> tuple[bytes, bytes] | None:
    if origin.kind == BUNDLE:
        row = read(world.trust_bundles, origin.ref)
        return None if row is None else (row.spec.trust_bundle.encode(), b"")
    if origin.kind == CONFIG_MAP:
        found = read(world.config_maps, origin.ref)
        data = (found.data or {}) if found else None
        return None if data is None else (data.get("ca.crt", "").encode(), data.get("ca.crl", "").encode())
    secret = read(world.secrets, origin.ref)
    return None if secret is None else (secret.value("ca.crt") or b"", secret.value("ca.crl") or b"")


def origin(kind: str, ref: Ref) -> Origin:
    """A reference as what it refers to: a ClusterTrustBundle has no namespace."""
    return Origin(kind, Ref("", ref.name) if kind == BUNDLE else ref)
