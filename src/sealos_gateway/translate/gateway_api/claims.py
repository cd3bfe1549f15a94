"""What each Gateway and ListenerSet claims of ports and hostnames, and whether a ListenerSet may claim at all.

Claims are rows of their own, grouped by port and by hostname: a ListenerSet that changes wakes those that share a
hostname with it, not all listeners of its Gateway.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.resources.gateway_api.gateways import Gateway, Listener, ListenerSet
from sealos_gateway.resources.gateway_api.meta import GROUP, LabelSelector
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate.gateway_api import selectors
from sealos_gateway.translate.gateway_api.world import GatewayWorld, Plane

HOSTNAME: Final = "HostnameConflict"
PROTOCOL: Final = "ProtocolConflict"
#: Protocols whose listeners share a port by hostname; those with TLS by the name in the handshake.
FAMILIES: Final = {"HTTP": "plain", "HTTPS": "tls", "TLS": "tls"}

#: Protocols that take all that comes to a port.
EXCLUSIVE: Final = ("TCP", "UDP")
#: What is grouped; the Gateway (without a name: all that share a data plane), port, TCP or UDP; then the family, or
#: family and hostname, of those that share it.
Slot = tuple[str, Ref, int, str, str]
_NOBODY: Final = Ref("", "")


class Claims(msgspec.Struct, frozen=True, gc=False):
    """Of one owner. `order` sorts owners by precedence: the Gateway, then ListenerSets by age and name."""

    gateway: Ref
    order: tuple[int, str, Ref]
    listeners: tuple[Listener, ...]
    #: Why a ListenerSet may claim nothing; empty when it may.
    refused: str = ""
    #: By what Gateways that share a data plane get its ports: age and name. None where this one has its own.
    precedence: tuple[str, Ref] | None = None
    #: Why the Gateway is not served at all; empty when it is.
    unserved: str = ""

    @property
    def slots(self) -> set[Slot]:
        """The groups that this row is in. Who is not served stands in nobody's way."""
        if self.refused or self.unserved:
            return set()
        own = [slot for it in self.listeners for slot in slots(self.gateway, it)]
        if self.precedence is None:
            return set(own)
        taken = Counter(own)
        good = (it for it in self.listeners if not conflict(self.gateway, it, taken))
        return {*own, *(slot for it in good if (slot := shared_slot(it)) is not None)}


def conflict(gateway: Ref, listener: Listener, taken: Counter[Slot]) -> str:
    """Why a listener conflicts with others of its owner; `taken` counts their slots, and its own two with them."""
    family, host = slots(gateway, listener)
    if any(slot in taken for slot in others(family)):
        return PROTOCOL
    if family[4] not in FAMILIES.values():
        return PROTOCOL if taken[family] > 1 else ""
    return HOSTNAME if taken[host] > 1 else ""


def others(slot: Slot) -> list[Slot]:
    """The same port with every other family."""
    every = {*FAMILIES.values(), "TCP"} if slot[3] == "TCP" else {"UDP"}
    return [(*slot[:4], family) for family in sorted(every - {slot[4]})]


def shared_slot(listener: Listener) -> Slot | None:
    """The port of a shared data plane, with the family; None for a protocol that is not served."""
    if listener.protocol not in FAMILIES and listener.protocol not in EXCLUSIVE:
        return None
    return ("shared", _NOBODY, *slots(_NOBODY, listener)[0][2:])


def rivals(slot: Slot) -> list[Slot]:
    """The same port with every family, its own too."""
    return sorted([slot, *others(slot)])


def slots(gateway: Ref, listener: Listener) -> tuple[Slot, Slot]:
    """The port with the family of the protocol, and the port with the hostname."""
    transport = "UDP" if listener.protocol == "UDP" else "TCP"
    family = FAMILIES.get(listener.protocol, listener.protocol)
    host = f"{family} {(listener.hostname or '').lower()}"
    return ("family", gateway, listener.port, transport, family), ("host", gateway, listener.port, transport, host)


def of_gateway(ref: Ref, read: Read, world: GatewayWorld) -> Claims | None:
    """Of a Gateway of ours."""
    gateway, plane = read(world.gateways, ref), read(world.ours, ref)
    if gateway is None or plane is None:
        return None
    precedence = _precedence(gateway, plane)
    return Claims(ref, (0, "", ref), gateway.spec.listeners, precedence=precedence, unserved=_fault(plane))


def of_listener_set(ref: Ref, read: Read, world: GatewayWorld) -> Claims | None:
    """Of a ListenerSet whose Gateway is ours."""
    row = read(world.listener_sets, ref)
    if row is None or (row.spec.parent_ref.group, row.spec.parent_ref.kind) != (GROUP, "Gateway"):
        return None
    parent = Ref(row.spec.parent_ref.namespace or ref.namespace, row.spec.parent_ref.name)
    gateway, plane = read(world.gateways, parent), read(world.ours, parent)
    if gateway is None or plane is None:
        return None
    order = (1, row.metadata.creation_timestamp, ref)
    refused = _refusal(row, gateway, read, world)
    return Claims(parent, order, row.spec.listeners, refused, _precedence(gateway, plane), _fault(plane))


def _precedence(gateway: Gateway, plane: Plane) -> tuple[str, Ref] | None:
    return (gateway.metadata.creation_timestamp, gateway.ref) if plane.shared else None


def _fault(plane: Plane) -> str:
    return plane.fault.message if plane.fault is not None else ""


def _refusal(row: ListenerSet, gateway: Gateway, read: Read, world: GatewayWorld) -> str:
    allowed = gateway.spec.allowed_listeners.namespaces
    own = row.metadata.namespace
    if selected(allowed.from_, allowed.selector, own, gateway.metadata.namespace, read, world):
        return ""
    return (
        f"Gateway {gateway.ref} takes no ListenerSets from namespace {own} "
        f"(its spec.allowedListeners says {allowed.from_})"
    )


def selected(
    from_: str, selector: LabelSelector | None, namespace: str, own: str, read: Read, world: GatewayWorld
) -> bool:
    """Whether objects of a namespace may attach to something in the namespace `own`."""
    match from_:
        case "All":
            return True
        case "Same":
            return namespace == own
        case "Selector":
            found = read(world.namespaces, Ref("", namespace))
            return found is not None and selectors.matches(selector, found.metadata.labels or {})
    return False
