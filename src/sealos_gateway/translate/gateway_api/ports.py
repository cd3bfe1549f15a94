"""Which ports of a shared data plane a listener can have: Gateways and Ingresses stand there on one address.

Several Gateways share a port where names keep their traffic apart: plain HTTP by the host of requests, TLS by the name
in the handshake. What takes all that comes (TCP, UDP) is alone there, and plain HTTP and TLS are not together. The
oldest Gateway has a port; the others are told, and have it when that one goes. Conflicts within one Gateway are for
`conflicts`.
"""

from __future__ import annotations

from sealos_gateway.live import Read
from sealos_gateway.resources.gateway_api.gateways import Listener
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate.gateway_api import claims
from sealos_gateway.translate.gateway_api.claims import FAMILIES, Claims, Slot
from sealos_gateway.translate.gateway_api.conflicts import Slots
from sealos_gateway.translate.gateway_api.places import Shared

_REMEDY = "give the listener another port, or its Gateway a class with data planes of their own"


def reasons(own: Claims, read: Read, slots: Slots, shared: Shared) -> list[str]:
    """For each listener of an owner why it cannot have its port, in words; empty when it can."""
    if own.precedence is None:
        return [""] * len(own.listeners)
    return [_reason(own, it, read, slots, shared) for it in own.listeners]


def _reason(own: Claims, listener: Listener, read: Read, slots: Slots, shared: Shared) -> str:
    slot = claims.shared_slot(listener)
    if slot is None:
        return ""
    if slot[3] == "TCP" and listener.port in shared.bound:
        return f"port {listener.port} of the shared data plane is {shared.bound[listener.port]}; {_REMEDY}"
    if slot[3] == "TCP" and listener.port == shared.http_port:
        if listener.protocol == "HTTP":
            if listener.filters is None or not listener.filters.requests:
                return ""
            return f"port {listener.port} is that of Ingresses, which the filters are not for; {_REMEDY}"
        return f"port {listener.port} of the shared data plane is plain HTTP, of Ingresses, too; {_REMEDY}"
    if shared.reached is not None and (slot[3], listener.port) not in shared.reached:
        return (
            f"{slot[3]} port {listener.port} is none of the Service in front of the shared data plane, so nobody would "
            f"reach it; let it be added there (`service.more` of the chart), or {_REMEDY}"
        )
    first = _first(slot, read, slots)
    if first is None or first[1] == own.gateway or (first[2] == slot and slot[4] in FAMILIES.values()):
        return ""
    return f"port {listener.port} of the shared data plane is taken by Gateway {first[1]}, which came first; {_REMEDY}"


def _first(slot: Slot, read: Read, slots: Slots) -> tuple[object, Ref, Slot] | None:
    """The oldest Gateway at a port and the group it is in. Groups are read only where there is something to decide:

    a group may have thousands of members, and who reads it is woken by each of them.
    """
    present = [it for it in claims.rivals(slot) if read(slots.present, it)]
    if present == [slot] and slot[4] in FAMILIES.values():
        return None
    found = [
        (row.precedence, row.gateway, it)
        for it in present
        for member in read(slots.members, it) or ()
        if (row := slots.find(read, member)) is not None and row.precedence is not None
    ]
    return min(found, default=None)
