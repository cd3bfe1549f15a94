"""Where traffic goes, and the certificates it comes in with."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from sealos_gateway.model.backend_policy import Protocol
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.problem import Problem


class Private(bytes):
    """Bytes that must never be seen: they print as [redacted]."""

    def __repr__(self) -> str:
        return "[redacted]"

    __str__ = __repr__


class _Value(msgspec.Struct, frozen=True, gc=False):
    pass


class Backend(_Value, frozen=True):
    """One Envoy cluster. With `dns_name` set its endpoints come from DNS, else from an EndpointSet of the same key."""

    key: BackendKey
    protocol: Protocol = Protocol.HTTP1
    dns_name: str = ""
    dns_port: int = 0


class Endpoint(NamedTuple):
    address: str
    port: int


class EndpointSet(_Value, frozen=True):
    """The addresses of one backend, sorted so that equal sets are equal values."""

    key: BackendKey
    endpoints: tuple[Endpoint, ...] = ()


class KeyPair(_Value, frozen=True):
    """A validated certificate chain (PEM, leaf first) with its key. `algorithm` is `rsa` or `ecdsa`."""

    name: str
    chain: bytes
    key: Private
    algorithm: str
    not_after: str


class Certificate(_Value, frozen=True):
    """What answers for one server name pattern: one pair, or an ECDSA and an RSA one side by side."""

    pattern: str
    pairs: tuple[KeyPair, ...]
    problems: tuple[Problem, ...] = ()
