"""The rules of TLSRoute, TCPRoute and UDPRoute: where connections or datagrams go, whatever is in them.

Source: Gateway API, `TLSRouteRule`, `TCPRouteRule`, `UDPRouteRule`. Nothing in a rule tells connections apart, so the
first rule takes them all; others are told as such.
"""

from __future__ import annotations

from typing import Final

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.model.gateway_listener import StreamTarget
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.resources.gateway_api import routes as api
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.gateway_api import backends
from sealos_gateway.translate.gateway_api.listeners import ACCEPTED, Flaw
from sealos_gateway.translate.gateway_api.world import GatewayWorld
from sealos_gateway.translate.world import World

#: The protocol of the Service ports that a kind of route sends to.
PROTOCOLS: Final = {"TLSRoute": "TCP", "TCPRoute": "TCP", "UDPRoute": "UDP"}


class Streams(msgspec.Struct, frozen=True, gc=False):
    """What one route does with connections. A target without a backend closes its share of them. `counted` are the
    listeners that count the route."""

    targets: tuple[StreamTarget, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    gateways: tuple[Ref, ...] = ()
    counted: tuple[tuple[Origin, str], ...] = ()

    @property
    def served(self) -> bool:
        """The first rule is, whatever is wrong with others."""
        return True

    @property
    def backends(self) -> set[BackendKey]:
        return {it.backend for it in self.targets if it.backend is not None}


def streams(
    kind: str, route: api.TLSRoute | api.TCPRoute | api.UDPRoute, read: Read, world: World, gateways: GatewayWorld
) -> Streams:
    """Of a route of one of the kinds in `PROTOCOLS`."""
    origin = Origin(kind, route.ref)
    targets: list[StreamTarget] = []
    flaws: list[Flaw] = []
    for number, one in enumerate(route.spec.rules[0].backend_refs if route.spec.rules else ()):
        field = f"spec.rules[0].backendRefs[{number}]"
        found = backends.backend(origin, field, one, read, world, gateways, protocol=PROTOCOLS[kind])
        if isinstance(found, Flaw):
            flaws.append(found)
        if one.weight > 0:
            targets.append(StreamTarget(None if isinstance(found, Flaw) else found, one.weight))
    if len(route.spec.rules) > 1:
        text = (
            "spec.rules[1]: nothing tells its connections from those of the first rule; move it to a route of its own"
        )
        flaws.append(Flaw(ACCEPTED, "UnsupportedValue", text))
    return Streams(tuple(targets), tuple(flaws))
