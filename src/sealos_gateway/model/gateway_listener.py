"""A port of a Gateway: how TLS is spoken there, and where connections go that are not HTTP."""

from __future__ import annotations

import msgspec

from sealos_gateway.model.client_tls import ClientTls
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.resources.meta import Origin, Ref


class Chain(msgspec.Struct, frozen=True, gc=False):
    """TLS for one hostname (`*` for any): key pairs by Secret, authorities of client certificates. Without a good one a
    client is refused, unless `optional`. `parameters` are versions and ciphers where they are not as usual."""

    hostname: str
    certificates: tuple[Ref, ...]
    authorities: tuple[Origin, ...] = ()
    optional: bool = False
    parameters: ClientTls | None = None


class StreamTarget(msgspec.Struct, frozen=True, gc=False):
    """A share of connections (or of senders of datagrams); without a backend they are closed (dropped)."""

    backend: BackendKey | None
    weight: int


class Stream(msgspec.Struct, frozen=True, gc=False):
    """Connections that are handed on as they are. `server_name` is what clients ask for in the TLS handshake (`*` for
    any), empty where nothing is read of a connection. With `tls` it ends here, and the backends get what was in it."""

    server_name: str
    targets: tuple[StreamTarget, ...] = ()
    tls: Chain | None = None

    @property
    def backends(self) -> tuple[BackendKey, ...]:
        return tuple(target.backend for target in self.targets if target.backend is not None)


class GatewayListener(msgspec.Struct, frozen=True, gc=False):
    """One port at one place; plain HTTP where nothing of TLS is there, and no streams. With `udp` it has one stream, of
    datagrams instead of connections.

    `chains` are hostnames with a filter chain of their own. Where there are others, these share one (`shared`), and are
    not named here, but for those that are `listed`. Where it is `closed`, server names that are not listed are refused
    before a certificate is looked for. `wide`: wildcards are among the hostnames.
    """

    place: str
    port: int
    chains: tuple[Chain, ...] = ()
    streams: tuple[Stream, ...] = ()
    udp: bool = False
    shared: bool = False
    listed: tuple[str, ...] = ()
    closed: bool = False
    wide: bool = False
    #: How many services at most are asked about a request before a route is chosen.
    asked: int = 0

    @property
    def every_chain(self) -> tuple[Chain, ...]:
        """Wherever TLS ends in a filter chain of its own, whatever is in it."""
        return (*self.chains, *(stream.tls for stream in self.streams if stream.tls is not None))
