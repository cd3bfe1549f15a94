"""Gateways and their listeners as live tables, in three steps that others stand between.

claims        over gateways and ListenerSets: ports and hostnames; by_slot groups them
references    over the same: Secrets and ConfigMaps they may use (then those are loaded)
listeners     over claims: every listener, judged (then ports and infrastructure are made of them)
statuses      over gateways and ListenerSets: what is written back
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from sealos_gateway.live import Count, Derived, Graph, Index, Read, Readable, Rows
from sealos_gateway.resources.core import Namespace
from sealos_gateway.resources.gateway_api.gateways import Gateway, GatewayStatus, ListenerSet, ListenerSetStatus
from sealos_gateway.resources.gateway_api.meta import Condition
from sealos_gateway.resources.gateway_api.policies import ReferenceGrant
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.gateway_api import (
    claims,
    conflicts,
    default_gateways,
    listeners,
    ports,
    references,
    statuses,
)
from sealos_gateway.translate.gateway_api.claims import Claims, Slot
from sealos_gateway.translate.gateway_api.listeners import Flaw, ListenerRow
from sealos_gateway.translate.gateway_api.overlaps import Overlaps
from sealos_gateway.translate.gateway_api.places import Shared
from sealos_gateway.translate.gateway_api.references import References
from sealos_gateway.translate.gateway_api.world import GatewayWorld, Loaded

GATEWAY: Final = "Gateway"
LISTENER_SET: Final = "ListenerSet"
#: A Gateway, a port number, TCP or UDP.
PortKey = tuple[Ref, int, str]
Judged = tuple[ListenerRow, ...]


class GatewayTables:
    """The first step; `judge` and `tell` are the others, each when what it reads exists."""

    def __init__(
        self,
        graph: Graph,
        ours: Rows[Ref, Any],
        gateways: Rows[Ref, Gateway],
        listener_sets: Rows[Ref, ListenerSet],
        namespaces: Rows[Ref, Namespace],
        grants: Rows[Ref, ReferenceGrant],
        shared: Shared,
    ) -> None:
        self._graph, self._shared = graph, shared
        by_namespace: Index[str, Ref] = Index(graph, "grants_by_namespace", lambda it: (it.metadata.namespace,), grants)
        defaults: Index[str, Ref] = Index(graph, "default_gateways", default_gateways.scopes, gateways)
        world = GatewayWorld(gateways, listener_sets, ours, namespaces, grants, by_namespace, defaults)
        self.world = world

        def over_gateways(name: str, function: Any) -> Any:
            return Derived(graph, f"gateway_{name}", lambda ref, read: function(ref, read, world), gateways)

        def over_sets(name: str, function: Any) -> Any:
            return Derived(graph, f"listener_set_{name}", lambda ref, read: function(ref, read, world), listener_sets)

        self.references: Derived[Ref, References] = over_gateways("references", references.of_gateway)
        self.set_references: Derived[Ref, References] = over_sets("references", references.of_listener_set)
        self.claims: Derived[Ref, Claims] = over_gateways("claims", claims.of_gateway)
        self.set_claims: Derived[Ref, Claims] = over_sets("claims", claims.of_listener_set)
        self.by_slot: Index[Slot, Any] = Index(graph, "claims_by_slot", lambda it: it.slots, self.claims)
        self.by_slot.also(self.set_claims)
        present: Derived[Slot, bool] = Derived(graph, "claimed_slots", lambda _slot, _read: True, self.by_slot)
        self._slots = conflicts.Slots(present, self.by_slot, self.claims, self._claims_of)

    # ---------------------------------------------------------------- listeners

    def judge(self, pairs: Rows[Ref, Any], authorities: Rows[Origin, Any]) -> None:
        """The second step: `pairs` and `authorities` are what was made of everything in `references`."""
        self.loaded = Loaded(pairs, authorities)
        graph = self._graph
        self.listeners: Derived[Ref, Judged] = Derived(graph, "gateway_listeners", self._own, self.claims)
        self.set_listeners: Derived[Ref, Judged] = Derived(
            graph, "listener_set_listeners", self._of_set, self.set_claims
        )
        self.attached_sets: Count[Ref] = Count(graph, "attached_sets", _attached_to, self.set_listeners)
        by_port: Index[PortKey, Any] = Index(graph, "listeners_by_port", _port_keys, self.listeners)
        by_port.also(self.set_listeners)
        ports: Derived[PortKey, PortKey] = Derived(graph, "gateway_port_keys", lambda key, _: key, by_port)
        self.ports_in_use: Index[Ref, PortKey] = Index(graph, "ports_by_gateway", lambda key: (key[0],), ports)

    def _own(self, ref: Ref, read: Read) -> Judged | None:
        return self._judged(Origin(GATEWAY, ref), read(self.claims, ref), read)

    def _of_set(self, ref: Ref, read: Read) -> Judged | None:
        return self._judged(Origin(LISTENER_SET, ref), read(self.set_claims, ref), read)

    def _judged(self, owner: Origin, own: Claims | None, read: Read) -> Judged | None:
        gateway = read(self.world.gateways, own.gateway) if own else None
        if own is None or gateway is None or own.refused:
            return None
        if own.unserved:
            nothing = [""] * len(own.listeners)
            rows = listeners.judged(owner, own, nothing, nothing, gateway, read, self.world, self.loaded)
            return listeners.unserved(rows, own.unserved)
        found = conflicts.reasons(own, read, self._slots)
        taken = ports.reasons(own, read, self._slots, self._shared)
        return listeners.judged(owner, own, found, taken, gateway, read, self.world, self.loaded)

    def _claims_of(self, read: Read, member: Any) -> Claims | None:
        """The claims behind a member of a slot: a Gateway, or a ListenerSet with the name of its table."""
        if isinstance(member, Ref):
            return read(self.claims, member)
        return read(self.set_claims, member[1])

    # ---------------------------------------------------------------- statuses

    def tell(
        self,
        infrastructure: Rows[Ref, Any],
        attached: Readable[tuple[Origin, str], int],
        refused: Callable[[ListenerRow, Read], str],
        filtered: Callable[[ListenerRow, Read], tuple[Flaw, ...]],
    ) -> None:
        """The third step: `infrastructure` is what the cluster made of a Gateway, `attached` how many routes are (of

        each listener, by its owner and name), `refused` says why an Envoy does not take a listener, `filtered` what is
        wrong with the filters of one.
        """
        self._filtered = filtered
        self._infrastructure, self._attached, self._refused = infrastructure, attached, refused
        graph = self._graph
        self._overlaps = Overlaps(graph, self.listeners, self.set_listeners)
        self.statuses: Derived[Ref, GatewayStatus] = Derived(graph, "gateway_statuses", self._status, self.claims)
        # ListenerSets read only this of their Gateway: its counts change with each set and route, and wake nobody here.
        self.verdicts: Derived[Ref, tuple[Condition, ...]] = Derived(
            graph, "gateway_verdicts", self._verdict, self.statuses
        )
        self.set_statuses: Derived[Ref, ListenerSetStatus] = Derived(
            graph, "listener_set_statuses", self._set_status, self.set_claims
        )

    def _status(self, ref: Ref, read: Read) -> GatewayStatus | None:
        gateway, found = read(self.world.gateways, ref), read(self._infrastructure, ref)
        if gateway is None or found is None:
            return None
        rows = self._with_filters(read(self.listeners, ref) or (), read)
        sets = read(self.attached_sets, ref) or 0
        flaws, refused = self._flaws(gateway, read), self._refusal(read)
        overlaps = self._overlaps.elsewhere(rows, read)
        return statuses.gateway_status(gateway, rows, flaws, found, sets, self._count(read), refused, overlaps)

    def _with_filters(self, rows: Judged, read: Read) -> Judged:
        """With what is wrong with references of filters, which are followed after listeners are judged."""
        if not any(row.filters for row in rows):
            return rows
        return tuple(
            msgspec.structs.replace(row, flaws=(*row.flaws, *self._filtered(row, read))) if row.filters else row
            for row in rows
        )

    def _verdict(self, ref: Ref, read: Read) -> tuple[Condition, ...] | None:
        row = read(self.statuses, ref)
        return row.conditions if row else None

    def _flaws(self, gateway: Gateway, read: Read) -> list[Flaw]:
        reference = references.client_certificate(gateway)
        if reference is None:
            return []
        _, flaw = listeners.client_certificate(gateway, reference, read, self.world, self.loaded)
        return [flaw] if flaw else []

    def _set_status(self, ref: Ref, read: Read) -> ListenerSetStatus | None:
        row, own = read(self.world.listener_sets, ref), read(self.set_claims, ref)
        if row is None or own is None:
            return None
        conditions = read(self.verdicts, own.gateway) or ()
        rows = self._with_filters(read(self.set_listeners, ref) or (), read)
        count, refusal, overlaps = self._count(read), self._refusal(read), self._overlaps.elsewhere(rows, read)
        return statuses.set_status(row, own.refused, rows, conditions, count, refusal, overlaps)

    def _count(self, read: Read) -> statuses.Attached:
        return lambda owner, name: read(self._attached, (owner, name)) or 0

    def _refusal(self, read: Read) -> statuses.Refused:
        return lambda row: self._refused(row, read)


def _attached_to(rows: Judged) -> set[Ref]:
    """A ListenerSet is attached to its Gateway when it adds at least one good listener."""
    return {it.gateway for it in rows if it.serves}


def _port_keys(rows: Judged) -> set[PortKey]:
    return {(it.gateway, it.port, "UDP" if it.protocol == "UDP" else "TCP") for it in rows if it.accepted}
