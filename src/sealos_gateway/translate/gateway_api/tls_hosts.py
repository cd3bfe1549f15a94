"""Hostnames with TLS on ports of Gateways as live tables: which share one filter chain, and which have their own.

hosts         over hostnames of listeners: how TLS ends there
own           those with a filter chain of their own in the listener of Envoy
shared        all others: one chain, and certificates by server name at the handshake
listed        those of `shared` that the listener names all the same, because something else there takes more names
secrets       over server names of a data plane that are shared: which Secret answers
told_apart    ports whose connections are for one hostname or another

Envoy asks for a certificate by nothing but the server name, so what is shared is a matter of a data plane and not of a
port: two ports with different certificates for a hostname have chains of their own for it, and each of several ports
lists its hostnames, or it would answer for those of the others (docs/decisions/041-one-chain-for-a-port.md).

No row here reads a group that grows with the hostnames of a port: one more costs the same among thousands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from sealos_gateway.live import Count, Derived, Graph, Index, Read, Rows
from sealos_gateway.model.gateway_listener import Chain
from sealos_gateway.model.keys import HostKey
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate.gateway_api import hostnames, server_names
from sealos_gateway.translate.gateway_api.places import Placed, plane_of

#: A data plane, and a hostname there.
Name = tuple[str, str]


class TlsHost(msgspec.Struct, frozen=True, gc=False):
    """One hostname at a place (`*` for any), and how TLS ends there."""

    key: HostKey
    chain: Chain

    @property
    def name(self) -> Name:
        return plane_of(self.key.gateway), self.key.host


class Port(NamedTuple):
    """What stands in the listener of a port."""

    chains: tuple[Chain, ...]
    shared: bool
    listed: tuple[str, ...]
    #: Whether names that are not listed are refused.
    closed: bool
    #: Whether wildcards are among the hostnames.
    wide: bool


class TlsHosts:
    """`claimed` groups listeners by their hostnames, `rows` are tables of them, `placed` reads those of a member."""

    def __init__(
        self,
        graph: Graph,
        claimed: Index[HostKey, Any],
        placed: Callable[[Any, Read], tuple[Placed, ...] | None],
        rows: tuple[Rows[Any, tuple[Placed, ...]], ...],
    ) -> None:
        self._claimed, self._placed = claimed, placed
        self.hosts: Derived[HostKey, TlsHost] = Derived(graph, "tls_hosts", self._host, claimed)
        self._namesakes: Index[Name, HostKey] = Index(graph, "tls_namesakes", lambda row: (row.name,), self.hosts)
        self._count: Count[str] = Count(graph, "tls_hosts_counted", _place, self.hosts)
        self.told_apart: Derived[str, bool] = Derived(graph, "told_apart", self._several, self._count)
        wildcards: Count[str] = Count(graph, "tls_wildcards", _place_of_wildcard, self.hosts)
        self._wide: Derived[str, bool] = Derived(graph, "tls_wide", lambda _place, _read: True, wildcards)
        ports: Derived[str, str] = Derived(graph, "tls_ports", lambda place, _: place, self._count)
        self._ports: Count[str] = Count(graph, "tls_ports_counted", lambda place: (plane_of(place),), ports)
        self._several_ports: Derived[str, bool] = Derived(
            graph, "tls_several_ports", lambda plane, read: (read(self._ports, plane) or 0) > 1 or None, self._ports
        )
        streams: Count[str] = Count(graph, "tls_streams_counted", _places_of_streams, *rows)
        self._mixed: Derived[str, bool] = Derived(graph, "tls_mixed", lambda _place, _read: True, streams)
        self.own: Derived[HostKey, TlsHost] = Derived(graph, "tls_own", self._own, self.hosts)
        self.shared: Derived[HostKey, TlsHost] = Derived(graph, "tls_shared", self._shared, self.hosts)
        self.listed: Derived[HostKey, TlsHost] = Derived(graph, "tls_listed", self._listed, self.shared)
        self._answering: Index[Name, HostKey] = Index(graph, "tls_answering", lambda row: (row.name,), self.shared)
        #: The Secret that answers for a server name of a data plane.
        self.secrets: Derived[Name, Ref] = Derived(graph, "tls_secrets", self._secret, self._answering)
        self._own_at: Index[str, HostKey] = Index(graph, "tls_own_at", _place, self.own)
        self._listed_at: Index[str, HostKey] = Index(graph, "tls_listed_at", _place, self.listed)
        sharing: Count[str] = Count(graph, "tls_sharing_counted", _place, self.shared)
        self._sharing: Derived[str, bool] = Derived(graph, "tls_sharing", lambda _place, _read: True, sharing)

    def port(self, place: str, read: Read) -> Port | None:
        """What the listener of a place has to do with TLS for requests; None where it has nothing."""
        own = sorted(read(self._own_at, place) or ())
        shared = read(self._sharing, place) is not None
        if not own and not shared:
            return None
        chains = tuple(row.chain for key in own if (row := read(self.own, key)) is not None)
        listed = tuple(sorted(key.host for key in read(self._listed_at, place) or ()))
        closed = read(self._several_ports, plane_of(place)) is not None
        return Port(chains, shared, listed, closed, read(self._wide, place) is not None)

    def _secret(self, name: Name, read: Read) -> Ref | None:
        keys = sorted(read(self._answering, name) or ())
        row = read(self.shared, keys[0]) if keys else None
        return row.chain.certificates[0] if row is not None else None

    def _host(self, key: HostKey, read: Read) -> TlsHost | None:
        # Of two Gateways that share a plane and want one hostname the same one has it on every replica.
        for member in sorted(read(self._claimed, key) or (), key=str):
            for row in self._placed(member, read) or ():
                if row.host == key and row.protocol == "HTTPS":
                    return TlsHost(key, server_names.chain(row))
        return None

    def _several(self, place: str, read: Read) -> bool | None:
        return (read(self._count, place) or 0) > 1 or None

    def _own(self, key: HostKey, read: Read) -> TlsHost | None:
        row = read(self.hosts, key)
        return row if row is not None and (_special(row) or self._disputed(row, read)) else None

    def _disputed(self, row: TlsHost, read: Read) -> bool:
        """Whether another port of the data plane has other certificates for the hostname."""
        others = (read(self.hosts, key) for key in read(self._namesakes, row.name) or ())
        return any(it is not None and it.chain.certificates != row.chain.certificates for it in others)

    def _shared(self, key: HostKey, read: Read) -> TlsHost | None:
        return read(self.hosts, key) if read(self.own, key) is None else None

    def _listed(self, key: HostKey, read: Read) -> TlsHost | None:
        """Where something takes the server name that must not have it: another port, a stream, a wildcard above it."""
        place = key.gateway
        needed = (
            read(self._several_ports, plane_of(place))
            or read(self._mixed, place)
            or any(read(self.own, HostKey(place, name)) for name in hostnames.above(key.host))
        )
        return read(self.shared, key) if needed else None


def _special(row: TlsHost) -> bool:
    """Whether one certificate by server name is not enough, or cannot be had that way.

    On the nodes that Gateways share with Ingresses a server name is that of an Ingress.
    """
    chain = row.chain
    usual = len(chain.certificates) == 1 and not chain.authorities and "*" not in chain.hostname
    return not usual or chain.parameters is not None or not plane_of(row.key.gateway)


def _place(row: TlsHost) -> tuple[str, ...]:
    return (row.key.gateway,)


def _place_of_wildcard(row: TlsHost) -> tuple[str, ...]:
    return (row.key.gateway,) if "*" in row.key.host else ()


def _places_of_streams(rows: tuple[Placed, ...]) -> set[str]:
    return {row.place for row in rows if row.protocol == "TLS"}
