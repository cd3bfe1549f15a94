"""Where traffic goes, and the certificates it comes in with."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from sealos_gateway.model.backend_policy import BackendPolicy, BackendTls, Protocol
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.private import Private
from sealos_gateway.model.problem import Problem


class _Value(msgspec.Struct, frozen=True, gc=False):
    pass


class Backend(_Value, frozen=True):
    """One Envoy cluster. With `dns_name` set its endpoints come from DNS, else from an EndpointSet of the same key.

    `tls` is what the backend is asked for: by the policy in the key, or by a policy attached to the Service. `shut`
    says why nobody may be sent there: what is asked for cannot be checked, or the place is not for tenants.
    """

    key: BackendKey
    protocol: Protocol = Protocol.HTTP1
    dns_name: str = ""
    dns_port: int = 0
    tls: BackendTls | None = None
    shut: str = ""
    #: What holds where a policy is attached to the Service; else the one in the key does.
    attached: BackendPolicy | None = None

    @property
    def policy(self) -> BackendPolicy | None:
        return self.attached or self.key.policy


class Endpoint(NamedTuple):
    address: str
    port: int


class EndpointSet(_Value, frozen=True):
    """The addresses of one backend, sorted so that equal sets are equal values; `fallback` serves while it has none."""

    key: BackendKey
    endpoints: tuple[Endpoint, ...] = ()
    fallback: tuple[Endpoint, ...] = ()


def cannot_wait(known: EndpointSet, wanted: EndpointSet) -> bool:
    """Whether who knows the one set must hear of the other at once: it would use an endpoint that is gone, or has none.

    Endpoints that came, and other weights, can wait: requests are answered without them.
    """
    gone = _places(known.endpoints) - _places(wanted.endpoints) or _places(known.fallback) - _places(wanted.fallback)
    return not known.endpoints or bool(gone)


def _places(endpoints: tuple[Endpoint, ...]) -> set[tuple[str, int]]:
    return {(endpoint.address, endpoint.port) for endpoint in endpoints}


class KeyPair(_Value, frozen=True):
    """A validated certificate chain (PEM, leaf first) with its key. `algorithm` is `rsa` or `ecdsa`."""

    name: str
    chain: bytes
    key: Private
    algorithm: str
    not_after: str


class TrustBundle(_Value, frozen=True):
    """Certificate authorities (PEM) that are believed, and what they revoked, from Secrets and ConfigMaps."""

    roots: bytes
    revoked: bytes = b""


class Certificate(_Value, frozen=True):
    """What answers for one server name pattern: one pair, or an ECDSA and an RSA one side by side."""

    pattern: str
    pairs: tuple[KeyPair, ...]
    problems: tuple[Problem, ...] = ()
