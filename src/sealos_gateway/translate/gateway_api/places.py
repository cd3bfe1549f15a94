"""Where listeners serve: a place is one port of one data plane, and the first half of the keys of its hosts.

A place is written `<plane>/<port>`, with `/udp` behind it for datagrams, whose port numbers are others. The plane is
`<namespace>.<name>` of a Gateway that has its own, and empty where several Gateways share one. There is no colon in it:
Envoy takes what comes before the first one in a scope key for the host, and what follows for its port (`envoy.scope`).
Where a shared Gateway listens for plain HTTP on the very port of Ingresses, its hosts stand beside theirs: the place is
then the gateway of Ingresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from sealos_gateway.model.client_tls import ClientTls
from sealos_gateway.model.keys import HostKey
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.gateway_api.hostnames import ANY
from sealos_gateway.translate.gateway_api.listeners import UDP, ListenerRow
from sealos_gateway.translate.gateway_api.references import TERMINATE

_HTTP = ("HTTP", "HTTPS")
_UDP = "/udp"


class Shared(NamedTuple):
    """The gateway of Ingresses, its port of plain HTTP as clients know it, and ports of TCP that nobody else gets."""

    gateway: str
    http_port: int
    #: What each is, in words.
    bound: Mapping[int, str] = MappingProxyType({})
    #: What a Service in front passes on, as protocol and port; None where there is none, and every port is reached.
    reached: frozenset[tuple[str, int]] | None = None


class Placed(msgspec.Struct, frozen=True, gc=False):
    """One listener at its place. `hostname` is `*` for any; `certificates` are Secrets, `authorities` of clients."""

    place: str
    port: int
    hostname: str
    owner: Origin
    name: str
    protocol: str
    #: Whether TLS ends here.
    tls: bool
    certificates: tuple[Ref, ...] = ()
    authorities: tuple[Origin, ...] = ()
    optional: bool = False
    #: The Secret with what backends are shown.
    shows: Ref | None = None
    #: How many filters requests pass before a route is chosen.
    filters: int = 0
    #: What of TLS is otherwise than the settings say.
    parameters: ClientTls | None = None

    @property
    def http(self) -> bool:
        """Whether requests are read; else connections or datagrams are handed on."""
        return self.protocol in _HTTP

    @property
    def udp(self) -> bool:
        return self.protocol == UDP

    @property
    def host(self) -> HostKey:
        return HostKey(self.place, self.hostname)


def place(row: ListenerRow, plane: str, shared: Shared) -> str:
    """Where a listener serves."""
    if not plane and row.protocol == "HTTP" and row.port == shared.http_port:
        return shared.gateway
    return f"{plane}/{row.port}{_UDP}" if row.protocol == UDP else f"{plane}/{row.port}"


def port_of(place: str) -> tuple[int, bool]:
    """The port number of a place, and whether it is one of UDP."""
    number = place.partition("/")[2]
    return int(number.removesuffix(_UDP)), number.endswith(_UDP)


def plane_of(gateway: str) -> str:
    """The plane of a host's key; that of Ingresses is the own one."""
    return gateway.partition("/")[0] if "/" in gateway else ""


def placed(rows: tuple[ListenerRow, ...], plane: str, shared: Shared) -> tuple[Placed, ...]:
    """The listeners that serve, at their places."""
    return tuple(
        Placed(
            place(row, plane, shared),
            row.port,
            row.hostname or ANY,
            row.owner,
            row.name,
            row.protocol,
            row.mode == TERMINATE,
            row.certificates,
            row.authorities,
            row.optional,
            row.shows,
            len(row.filters),
            row.parameters,
        )
        for row in rows
        if row.serves
    )
