"""Which listeners of a Gateway cannot stand side by side.

Two listeners on a port conflict when nothing tells their traffic apart: the same hostname, or protocols of which one
takes every connection. Listeners of one object that conflict are all refused. One of a ListenerSet that conflicts with
one that comes before it (the Gateway's own, those of older ListenerSets) is refused alone: what is in use stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from sealos_gateway.live import Read, Readable
from sealos_gateway.resources.gateway_api.gateways import Listener
from sealos_gateway.translate.gateway_api import claims
from sealos_gateway.translate.gateway_api.claims import FAMILIES, Claims, Slot

HOSTNAME: Final = "HostnameConflict"
PROTOCOL: Final = "ProtocolConflict"

#: Looks up the claims of a member of a group of slots.
Find = Any


def reasons(own: Claims, read: Read, by_slot: Readable[Slot, Iterable[Any]], find: Find) -> list[str]:
    """For each listener of an owner why it is refused; empty when it is not."""
    shared = Counter(slot for it in own.listeners for slot in claims.slots(own.gateway, it))
    return [_reason(own, it, shared, read, by_slot, find) for it in own.listeners]


def _reason(
    own: Claims,
    listener: Listener,
    shared: Counter[Slot],
    read: Read,
    by_slot: Readable[Slot, Iterable[Any]],
    find: Find,
) -> str:
    family, host = claims.slots(own.gateway, listener)
    others = [slot for slot in _families(family) if slot in shared or _earlier(own, slot, read, by_slot, find)]
    if others or (
        family[4] not in FAMILIES.values() and (shared[family] > 1 or _earlier(own, family, read, by_slot, find))
    ):
        return PROTOCOL
    if shared[host] > 1 or _earlier(own, host, read, by_slot, find):
        return HOSTNAME
    return ""


def _families(slot: Slot) -> list[Slot]:
    """The same port with every other family."""
    every = {*FAMILIES.values(), "TCP"} if slot[3] == "TCP" else {"UDP"}
    return [(*slot[:4], family) for family in sorted(every - {slot[4]})]


def _earlier(own: Claims, slot: Slot, read: Read, by_slot: Readable[Slot, Iterable[Any]], find: Find) -> bool:
    """Whether somebody who comes before the owner claims the slot too."""
    members = read(by_slot, slot) or ()
    found = (find(read, member) for member in members)
    return any(row is not None and row.order < own.order for row in found)
