"""What a route attaches to: for each of its parents the listeners that take it, or why none does.

Source: Gateway API, `ParentReference`, `AllowedRoutes`, and the conditions of `RouteParentStatus`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.model.keys import HostKey
from sealos_gateway.resources.gateway_api.meta import GROUP, ParentReference
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.gateway_api import hostnames
from sealos_gateway.translate.gateway_api.claims import selected
from sealos_gateway.translate.gateway_api.listeners import ACCEPTED, CONFLICTED, Flaw, ListenerRow
from sealos_gateway.translate.gateway_api.world import GatewayWorld

PARENTS: Final = ("Gateway", "ListenerSet")
#: The listeners of a Gateway or ListenerSet; None when it is not ours.
Judged = Callable[[Origin], tuple[ListenerRow, ...] | None]
#: Where a listener serves (`places`).
PlaceOf = Callable[[ListenerRow], str]


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A host that a route serves through one listener, whose hostname is `listener` (`*` for any).

    `breadth` is that of the route's own hostname (`hostnames.breadth`): of routes that have a host in common with a
    listener, the one that names it more precisely comes first. `shows` is the Secret with what its Gateway
    shows to backends.
    """

    host: HostKey
    listener: str
    tls: bool
    port: int
    #: That listener, by its owner and name.
    section: tuple[Origin, str]
    breadth: int = 0
    shows: Ref | None = None


class Parent(msgspec.Struct, frozen=True, gc=False):
    """One parent of ours. `listeners` are those that took the route; `flaw` is why none did. `default`: the route does
    not name it, it is a default Gateway."""

    reference: ParentReference
    listeners: tuple[tuple[Origin, str], ...] = ()
    flaw: Flaw | None = None
    default: bool = False


class Attached(msgspec.Struct, frozen=True, gc=False):
    """`gateways` are those that read what the route takes, by listeners of their own or of ListenerSets."""

    parents: tuple[Parent, ...]
    claims: tuple[Claim, ...] = ()
    gateways: tuple[Ref, ...] = ()

    @property
    def listeners(self) -> tuple[tuple[Origin, str], ...]:
        """Each once: what a listener counts are routes, not references."""
        return tuple(dict.fromkeys(it for parent in self.parents for it in parent.listeners))

    @property
    def hosts(self) -> tuple[HostKey, ...]:
        return tuple(dict.fromkeys(claim.host for claim in self.claims))


def attached(
    origin: Origin,
    named: tuple[ParentReference, ...],
    defaults: tuple[ParentReference, ...],
    names: tuple[str, ...],
    read: Read,
    world: GatewayWorld,
    judged: Judged,
    place_of: PlaceOf,
) -> Attached | None:
    """Of a route with these parents, those that it names and default Gateways, and hostnames; None when no parent is
    ours."""
    parents: list[Parent] = []
    claims: dict[Claim, None] = {}
    gateways: dict[Ref, None] = {}
    for reference, default in [*((it, False) for it in named), *((it, True) for it in defaults)]:
        if (reference.group, reference.kind) not in [(GROUP, kind) for kind in PARENTS]:
            continue
        owner = Origin(reference.kind, Ref(reference.namespace or origin.ref.namespace, reference.name))
        rows = judged(owner)
        if rows is None:
            continue
        taken, flaw = _taken(origin, reference, names, rows, read, world)
        parents.append(Parent(reference, tuple((row.owner, row.name) for row, _ in taken), flaw, default))
        for row, hosts in taken:
            if row.reads:
                gateways[row.gateway] = None
            claims |= dict.fromkeys(_claims(row, hosts, place_of))
    return Attached(tuple(parents), tuple(claims), tuple(gateways)) if parents else None


def _taken(
    origin: Origin,
    reference: ParentReference,
    names: tuple[str, ...],
    rows: tuple[ListenerRow, ...],
    read: Read,
    world: GatewayWorld,
) -> tuple[list[tuple[ListenerRow, dict[str, int]]], Flaw | None]:
    """The listeners that take the route with the hostnames that both have; else the reason of the last hurdle."""
    meant = [row for row in rows if _is_meant(row, reference)]
    if not meant:
        where = f"section {reference.section_name!a}" if reference.section_name else f"port {reference.port}"
        return [], Flaw(ACCEPTED, "NoMatchingParent", f"{reference.kind} {reference.name} has no listener for {where}")
    allowed = [row for row in meant if _allows(row, origin, read, world)]
    if not allowed:
        text = f"no listener of {reference.kind} {reference.name} allows {origin.kind}s of {origin.ref.namespace}"
        return [], Flaw(ACCEPTED, "NotAllowedByListeners", text)
    found = [(row, _hosts(row, names)) for row in allowed]
    fitting = [(row, hosts) for row, hosts in found if hosts]
    if not fitting:
        text = (
            f"no listener of {reference.kind} {reference.name} has a hostname in common with {', '.join(names)[:200]}"
        )
        return [], Flaw(ACCEPTED, "NoMatchingListenerHostname", text)
    if not any(row.accepted for row, _ in fitting):
        return [], _refused(reference, [row for row, _ in fitting])
    return fitting, None


def _refused(reference: ParentReference, rows: list[ListenerRow]) -> Flaw:
    """Why nothing of a route is served: every listener that would take it is itself refused. One that waits only for a
    certificate is not (`ListenerStatus.attachedRoutes`)."""
    first = next(flaw for flaw in rows[0].flaws if flaw.condition in (ACCEPTED, CONFLICTED))
    what = f"listener {rows[0].name} of {reference.kind} {reference.name} is not accepted: {first.message}"
    more = f"; nor are {len(rows) - 1} others" if len(rows) > 1 else ""
    return Flaw(ACCEPTED, "NoReadyListeners", what + more)


def _is_meant(row: ListenerRow, reference: ParentReference) -> bool:
    by_name = reference.section_name in (None, "", row.name)
    return by_name and reference.port in (None, row.port)


def _allows(row: ListenerRow, origin: Origin, read: Read, world: GatewayWorld) -> bool:
    if not any((it.group, it.kind) == (GROUP, origin.kind) for it in row.kinds):
        return False
    allowed = row.allowed
    return selected(allowed.from_, allowed.selector, origin.ref.namespace, row.owner.ref.namespace, read, world)


def _hosts(row: ListenerRow, names: tuple[str, ...]) -> dict[str, int]:
    """The hosts that both have, each with the breadth of the most precise name of the route for it."""
    found: dict[str, int] = {}
    for name in names or ("",):
        if (host := hostnames.common(row.hostname, name.lower())) is not None:
            found[host] = min(hostnames.breadth(name), found.get(host, hostnames.WIDEST))
    return found


def _claims(row: ListenerRow, hosts: dict[str, int], place_of: PlaceOf) -> list[Claim]:
    if not row.serves:
        return []
    place = place_of(row)
    tls = row.protocol == "HTTPS"
    listener, section = row.hostname or hostnames.ANY, (row.owner, row.name)
    return [
        Claim(HostKey(place, host), listener, tls, row.port, section, breadth, row.shows)
        for host, breadth in hosts.items()
    ]
