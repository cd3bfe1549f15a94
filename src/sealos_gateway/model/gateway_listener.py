"""A port of a Gateway for HTTP: which hosts have TLS, with which certificates."""

from __future__ import annotations

import msgspec

from sealos_gateway.resources.meta import Origin, Ref


class Chain(msgspec.Struct, frozen=True, gc=False):
    """TLS for one hostname (`*` for any): key pairs by Secret, authorities of client certificates. Without a good one a
    client is refused, unless `optional`."""

    hostname: str
    certificates: tuple[Ref, ...]
    authorities: tuple[Origin, ...] = ()
    optional: bool = False


class GatewayListener(msgspec.Struct, frozen=True, gc=False):
    """One port at one place; plain HTTP where there are no chains."""

    place: str
    port: int
    chains: tuple[Chain, ...] = ()
