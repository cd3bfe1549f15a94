"""Every resource name, in one place, beside the `types`. A name never depends on other rows."""

from __future__ import annotations

import hashlib

import msgspec

from sealos_gateway.envoy import types
from sealos_gateway.envoy.types import (
    BREAK_LAST,
    CLUSTER,
    ENDPOINTS,
    LISTENER,
    NOWHERE,
    ORDER,
    PASSWORDS,
    ROUTES,
    SCOPE,
    SECRET,
    SHORT,
    TRACING,
)
from sealos_gateway.model.keys import BackendKey, HostKey
from sealos_gateway.resources.meta import Origin, Ref

__all__ = [
    "BREAK_LAST",
    "CLUSTER",
    "ENDPOINTS",
    "LISTENER",
    "NOWHERE",
    "ORDER",
    "PASSWORDS",
    "ROUTES",
    "SCOPE",
    "SECRET",
    "SHORT",
    "TRACING",
    "backend",
    "client_pair",
    "host",
    "pair",
    "parse_backend",
    "parse_client_pair",
    "parse_host",
    "parse_trust",
    "scope",
    "trust",
]


def host(key: HostKey) -> str:
    """A host's scope key, and the name of its route configuration."""
    return f"{key.gateway}|{key.host}"


def scope(key: HostKey) -> str:
    """Name of a host's scope."""
    return types.scope(host(key))


def parse_host(name: str) -> HostKey:
    """The inverse of `host`."""
    gateway, _, host = name.partition("|")
    return HostKey(gateway, host)


def backend(key: BackendKey, domain: str) -> str:
    """Name of a cluster and of its endpoints, in the form Istio uses: dashboards and Sealos' own software read it.

    A name of DNS outside the cluster (no namespace) stands there as it is. A policy stands where Istio has the subset,
    as a hash of what it says: equal policies share a cluster. A port of UDP has `udp` there.
    """
    place = f"{key.service}.{key.namespace}.svc.{domain}" if key.namespace else key.service
    return f"outbound|{key.port}|{_variant(key)}|{place}"


def _variant(key: BackendKey) -> str:
    transport = "" if key.transport == "TCP" else key.transport.lower()
    if key.policy is None:
        return transport
    return transport + hashlib.blake2b(msgspec.json.encode(key.policy), digest_size=6).hexdigest()


def parse_backend(name: str, domain: str) -> BackendKey:
    """The inverse of `backend` for backends without a policy; others give a key without port, which no table has."""
    parts = name.split("|")
    if len(parts) != 4 or parts[2] not in _TRANSPORTS or not parts[1].isdigit():
        return BackendKey("", name, 0)
    inside = parts[3].removesuffix(f".svc.{domain}")
    namespace, service = "", inside
    if inside != parts[3]:
        service, _, namespace = inside.rpartition(".")
    return BackendKey(namespace, service, int(parts[1]), transport=_TRANSPORTS[parts[2]])


_TRANSPORTS = {"": "TCP", "udp": "UDP"}
_CLIENT = "client/"


def trust(*origins: Origin) -> str:
    """Name of a bundle of certificate authorities. The slash keeps it apart from server names, as in `pair`."""
    return types.TRUST + "+".join(f"{it.kind}/{it.ref.namespace}/{it.ref.name}" for it in origins)


def client_pair(ref: Ref) -> str:
    """Name of a key pair that the gateway itself shows to backends."""
    return f"{_CLIENT}{ref.namespace}/{ref.name}"


def parse_served(name: str) -> tuple[str, str] | None:
    """The inverse of `served`; None for any other name."""
    plane, _, pattern = name.removeprefix(types.SERVED).partition("/")
    return (plane, pattern) if name.startswith(types.SERVED) and pattern else None


def parse_trust(name: str) -> tuple[Origin, ...]:
    """The inverse of `trust`; empty for any other name."""
    return tuple(Origin(kind, Ref(namespace, own)) for kind, namespace, own in types.bundle(name))


def parse_client_pair(name: str) -> Ref | None:
    """The inverse of `client_pair`; None for any other name."""
    parts = name.removeprefix(_CLIENT).split("/")
    return Ref(parts[0], parts[1]) if name.startswith(_CLIENT) and len(parts) == 2 else None


def pair(pattern: str, algorithm: str) -> str:
    """Name of one of several certificates of a host that has RSA and ECDSA side by side."""
    return f"{algorithm}/{pattern}"
