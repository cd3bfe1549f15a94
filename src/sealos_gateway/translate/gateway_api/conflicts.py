"""Which listeners of a Gateway cannot stand side by side.

Two listeners on a port conflict when nothing tells their traffic apart: the same hostname, or protocols of which one
takes every connection. Listeners of one object that conflict are all refused. One of a ListenerSet that conflicts with
one that comes before it (the Gateway's own, those of older ListenerSets) is refused alone: what is in use stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from sealos_gateway.live import Read, Readable
from sealos_gateway.resources.gateway_api.gateways import Listener
from sealos_gateway.translate.gateway_api import claims
from sealos_gateway.translate.gateway_api.claims import FAMILIES, Claims, Slot

HOSTNAME: Final = "HostnameConflict"
PROTOCOL: Final = "ProtocolConflict"

#: Looks up the claims of a member of a group of slots.
Find = Any
BySlot = Readable[Slot, Iterable[Any]]


def reasons(own: Claims, read: Read, by_slot: BySlot, find: Find) -> list[str]:
    """For each listener of an owner why it is refused; empty when it is not."""

    def earlier(slot: Slot) -> bool:
        """Whether somebody who comes before the owner claims the slot too."""
        found = (find(read, member) for member in read(by_slot, slot) or ())
        return any(row is not None and row.order < own.order for row in found)

    outside = [_conflict(own, it, earlier) for it in own.listeners]
    left = [it for it, reason in zip(own.listeners, outside, strict=True) if not reason]
    taken = Counter(slot for it in left for slot in claims.slots(own.gateway, it))
    # A listener is in its own two slots; in those of other families only others are.
    inside = [_conflict(own, it, lambda slot: taken[slot] > 1, lambda slot: taken[slot] > 0) for it in own.listeners]
    return [first or second for first, second in zip(outside, inside, strict=True)]


def _conflict(
    own: Claims, listener: Listener, taken: Callable[[Slot], bool], others: Callable[[Slot], bool] | None = None
) -> str:
    """Why a listener conflicts with what has taken slots; `others` asks for slots that are not its own."""
    family, host = claims.slots(own.gateway, listener)
    if any((others or taken)(slot) for slot in _families(family)):
        return PROTOCOL
    if family[4] not in FAMILIES.values():
        return PROTOCOL if taken(family) else ""
    return HOSTNAME if taken(host) else ""


def _families(slot: Slot) -> list[Slot]:
    """The same port with every other family."""
    every = {*FAMILIES.values(), "TCP"} if slot[3] == "TCP" else {"UDP"}
    return [(*slot[:4], family) for family in sorted(every - {slot[4]})]
