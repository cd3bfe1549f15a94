"""Hosts and routes: which requests go where."""

from __future__ import annotations

import enum
from typing import NamedTuple

import msgspec

from sealos_gateway.model.problem import Problem
from sealos_gateway.resources.meta import Origin


class HostKey(NamedTuple):
    """One host of one gateway: `a.com`, `*.a.com` or `*` (any host), always lower case."""

    gateway: str
    host: str


class BackendKey(NamedTuple):
    """One port of one Service: what one Envoy cluster stands for."""

    namespace: str
    service: str
    port: int


class PathKind(enum.IntEnum):
    """The order is the precedence among matches: an exact path can never lose to a prefix of it."""

    EXACT = 0
    PREFIX = 1


class _Value(msgspec.Struct, frozen=True, gc=False):
    pass


class Match(_Value, frozen=True):
    """`path` of a PREFIX has no trailing slash and matches whole elements; `/` matches everything."""

    kind: PathKind
    path: str

    @property
    def sort_key(self) -> tuple[int, int]:
        """Exact before prefix, longer before shorter."""
        return (self.kind, -len(self.path))


class Forward(_Value, frozen=True, tag=True):
    backend: BackendKey


class Respond(_Value, frozen=True, tag=True):
    """Answer from the gateway itself; a backend that does not exist answers as Envoy words it."""

    status: int
    body: str = ""


Action = Forward | Respond


class Route(_Value, frozen=True):
    match: Match
    action: Action
    origin: Origin
    #: Redirect plain HTTP to HTTPS with 308 instead of answering it.
    https_only: bool = False


class VirtualHost(_Value, frozen=True):
    """Everything that answers for one host. Routes are in order of precedence; no catch-all 404 is listed."""

    key: HostKey
    routes: tuple[Route, ...]
    origins: tuple[Origin, ...]
    problems: tuple[Problem, ...] = ()


class Listener(_Value, frozen=True):
    """A port that is listened on. `gateway` says whose hosts it serves."""

    name: str
    gateway: str
    address: str
    port: int
    tls: bool = False
