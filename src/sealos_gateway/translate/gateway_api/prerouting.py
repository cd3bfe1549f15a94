"""Filters of listeners: who is asked about a request before a route is chosen (GEP-5224).

Source: Gateway API v1.7.0, `ListenerFilters`. They run in the order in which they stand there, for every request that
belongs to the listener, whichever route it has, and routes are matched with what they made of the request. A filter
that cannot be honoured shuts the listener: what it protects must not be reached without it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.model.authorization import Authorization
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate.gateway_api import authorization, backends
from sealos_gateway.translate.gateway_api.listeners import RESOLVED, Flaw, ListenerRow
from sealos_gateway.translate.gateway_api.world import GatewayWorld
from sealos_gateway.translate.world import World

_UNRESOLVED = "InvalidListenerFilterRef"


class Prerouting(msgspec.Struct, frozen=True, gc=False):
    """What happens at a listener, or at a hostname; with flaws nobody passes."""

    asked: tuple[Authorization, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    gateways: tuple[Ref, ...] = ()

    @property
    def backends(self) -> set[BackendKey]:
        return {it.backend for it in self.asked}


def prerouting(row: ListenerRow, read: Read, world: World, gateways: GatewayWorld) -> Prerouting:
    """Of one accepted listener, all of whose filters are of known types (`listeners`)."""
    asked: list[Authorization] = []
    flaws: list[Flaw] = []
    for number, one in enumerate(row.filters):
        if one.external_auth is None:
            continue
        field = f"filters.requests[{number}]"
        found = authorization.authorization(row.owner, field, one.external_auth, read, world, gateways)
        if isinstance(found, Flaw):
            reason = found.reason if found.reason == "RefNotPermitted" else _UNRESOLVED
            flaws.append(Flaw(RESOLVED, reason, f"{found.message}; until it is there nobody passes"))
            continue
        if row.shows is not None:
            found = msgspec.structs.replace(found, backend=backends.showing(found.backend, row.shows))
        asked.append(found)
    return Prerouting(tuple(asked), tuple(flaws), (row.gateway,))


def together(several: Iterable[Prerouting]) -> Prerouting | None:
    """Of all listeners at one hostname of one place: several only where Gateways share a data plane."""
    found = list(several)
    if not found:
        return None
    return Prerouting(
        tuple(step for one in found for step in one.asked), tuple(flaw for one in found for flaw in one.flaws)
    )
