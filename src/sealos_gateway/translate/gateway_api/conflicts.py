"""Which listeners of a Gateway cannot stand side by side.

Two listeners on a port conflict when nothing tells their traffic apart: the same hostname, or protocols of which one
takes every connection. Listeners of one object that conflict are all refused. One of a ListenerSet that conflicts with
one that comes before it (the Gateway's own, those of older ListenerSets) is refused alone: what is in use stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from sealos_gateway.live import Read, Readable
from sealos_gateway.resources.gateway_api.gateways import Listener
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate.gateway_api import claims
from sealos_gateway.translate.gateway_api.claims import FAMILIES, HOSTNAME, PROTOCOL, Claims, Slot


class Slots(NamedTuple):
    """Who claims what. A group of a port may have thousands of members, so it is read only where it must be: who reads
    a group is woken by each of its members. `present` says of a slot only whether anybody claims it."""

    present: Readable[Slot, bool]
    members: Readable[Slot, Iterable[Any]]
    of_gateway: Readable[Ref, Claims]
    #: The claims of a member of a group.
    find: Callable[[Read, Any], Claims | None]


def reasons(own: Claims, read: Read, slots: Slots) -> list[str]:
    """For each listener of an owner why it is refused; empty when it is not."""
    outside = [_outside(own, it, read, slots) for it in own.listeners]
    left = [it for it, reason in zip(own.listeners, outside, strict=True) if not reason]
    taken = Counter(slot for it in left for slot in claims.slots(own.gateway, it))
    return [
        reason or claims.conflict(own.gateway, it, taken) for it, reason in zip(own.listeners, outside, strict=True)
    ]


def _outside(own: Claims, listener: Listener, read: Read, slots: Slots) -> str:
    """Why a listener conflicts with those of owners that come before its own. The Gateway comes before all."""
    if own.order[0] == 0:
        return ""
    family, host = claims.slots(own.gateway, listener)
    exclusive = family[4] not in FAMILIES.values()
    present = [slot for slot in (family, *claims.others(family)) if read(slots.present, slot)]
    if exclusive or len(present) > 1:
        first = _first(own, present, read, slots)
        if first is not None and (exclusive or first != family):
            return PROTOCOL
    return HOSTNAME if _first(own, [host], read, slots) is not None else ""


def _first(own: Claims, wanted: Sequence[Slot], read: Read, slots: Slots) -> Slot | None:
    """The slot that was claimed first, by somebody who comes before the owner. What it decides for a port is final:

    later claims of other families are refused, and refused claims decide nothing.
    """
    gateway = read(slots.of_gateway, own.gateway)
    taken = gateway.slots if gateway else set()
    for slot in wanted:
        if slot in taken:
            return slot
    found = [
        (row.order, slot)
        for slot in wanted
        for member in read(slots.members, slot) or ()
        if (row := slots.find(read, member)) is not None
    ]
    before = [it for it in found if it[0] < own.order]
    return min(before)[1] if before else None
