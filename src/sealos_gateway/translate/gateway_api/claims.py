"""What each Gateway and ListenerSet claims of ports and hostnames, and whether a ListenerSet may claim at all.

Claims are rows of their own, grouped by port and by hostname: a ListenerSet that changes wakes those that share a
hostname with it, not all listeners of its Gateway.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.resources.gateway_api.gateways import Gateway, Listener, ListenerSet
from sealos_gateway.resources.gateway_api.meta import GROUP, LabelSelector
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate.gateway_api import selectors
from sealos_gateway.translate.gateway_api.world import GatewayWorld

#: Protocols whose listeners share a port by hostname; those with TLS by the name in the handshake.
FAMILIES: Final = {"HTTP": "plain", "HTTPS": "tls", "TLS": "tls"}

#: Gateway, port, TCP or UDP; then the family, or family and hostname, of those that share it.
Slot = tuple[str, Ref, int, str, str]


class Claims(msgspec.Struct, frozen=True, gc=False):
    """Of one owner. `order` sorts owners by precedence: the Gateway, then ListenerSets by age and name."""

    gateway: Ref
    order: tuple[int, str, Ref]
    listeners: tuple[Listener, ...]
    #: Why a ListenerSet may claim nothing; empty when it may.
    refused: str = ""

    @property
    def slots(self) -> set[Slot]:
        """The groups that this row is in."""
        return set() if self.refused else {slot for it in self.listeners for slot in slots(self.gateway, it)}


def slots(gateway: Ref, listener: Listener) -> tuple[Slot, Slot]:
    """The port with the family of the protocol, and the port with the hostname."""
    transport = "UDP" if listener.protocol == "UDP" else "TCP"
    family = FAMILIES.get(listener.protocol, listener.protocol)
    host = f"{family} {(listener.hostname or '').lower()}"
    return ("family", gateway, listener.port, transport, family), ("host", gateway, listener.port, transport, host)


def of_gateway(ref: Ref, read: Read, world: GatewayWorld) -> Claims | None:
    """Of a Gateway of ours."""
    gateway = read(world.gateways, ref)
    if gateway is None or read(world.ours, ref) is None:
        return None
    return Claims(ref, (0, "", ref), gateway.spec.listeners)


def of_listener_set(ref: Ref, read: Read, world: GatewayWorld) -> Claims | None:
    """Of a ListenerSet whose Gateway is ours."""
    row = read(world.listener_sets, ref)
    if row is None or (row.spec.parent_ref.group, row.spec.parent_ref.kind) != (GROUP, "Gateway"):
        return None
    parent = Ref(row.spec.parent_ref.namespace or ref.namespace, row.spec.parent_ref.name)
    gateway = read(world.gateways, parent)
    if gateway is None or read(world.ours, parent) is None:
        return None
    order = (1, row.metadata.creation_timestamp, ref)
    return Claims(parent, order, row.spec.listeners, _refusal(row, gateway, read, world))


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


def parents(row: ListenerSet) -> Iterator[Ref]:
    """The Gateway that a ListenerSet names."""
    yield Ref(row.spec.parent_ref.namespace or row.metadata.namespace, row.spec.parent_ref.name)
