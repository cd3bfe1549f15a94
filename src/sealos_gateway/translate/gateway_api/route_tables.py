"""Routes of Gateways as live tables.

attached      over each kind of route: its parents, the listeners that took it, the hosts it claims
rules         over the same: its rules as routes of the model, for any host
prerouting    over listeners with filters: who is asked before a route is chosen
streams       over routes of connections: where they go
placed        over listeners: those that serve, at their places
tls           hostnames with TLS: which share a filter chain, and which ports tell connections apart (`tls_hosts`)
hosts         over claimants: HostKey → VirtualHost
statuses      over each kind of route: what is written back
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from sealos_gateway.live import Count, Derived, Graph, Index, Read, Rows
from sealos_gateway.model.gateway_listener import GatewayListener, Stream
from sealos_gateway.model.keys import HostKey
from sealos_gateway.model.traffic import VirtualHost
from sealos_gateway.resources.gateway_api.meta import RouteStatus
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.gateway_api import (
    attachments,
    default_gateways,
    hosts,
    places,
    prerouting,
    route_statuses,
    rules,
    server_names,
    streams,
)
from sealos_gateway.translate.gateway_api.attachments import Attached
from sealos_gateway.translate.gateway_api.listeners import ListenerRow
from sealos_gateway.translate.gateway_api.places import Placed, Shared
from sealos_gateway.translate.gateway_api.prerouting import Prerouting
from sealos_gateway.translate.gateway_api.rules import Rules
from sealos_gateway.translate.gateway_api.streams import Streams
from sealos_gateway.translate.gateway_api.tables import GATEWAY, GatewayTables
from sealos_gateway.translate.gateway_api.tls_hosts import TlsHosts
from sealos_gateway.translate.policies.attached import Level, Place, joined
from sealos_gateway.translate.world import World

Said = TypeVar("Said", Rules, Streams)
#: A Service, one of its ports, and a Gateway whose routes lead there.
Reach = tuple[Ref, int, Ref]
#: How the rules of a kind become routes of the model.
_RULES: Final[dict[str, Callable[..., Rules]]] = {"HTTPRoute": rules.http, "GRPCRoute": rules.grpc}


class RouteTables:
    """Made after listeners are judged; `tell` when statuses are due. `routes` are the tables by kind."""

    def __init__(
        self,
        graph: Graph,
        gateways: GatewayTables,
        planes: Rows[Ref, Any],
        world: World,
        routes: dict[str, Rows[Ref, Any]],
        controller: str,
        shared: Shared,
    ) -> None:
        self._graph, self._gateways, self._planes, self._world = graph, gateways, planes, world
        self._controller, self._shared = controller, shared
        self.routes = routes
        self.placed: Derived[Ref, tuple[Placed, ...]] = self._placed("placed_listeners", gateways.listeners)
        self.set_placed: Derived[Ref, tuple[Placed, ...]] = self._placed("placed_set_listeners", gateways.set_listeners)
        self.attached: dict[str, Derived[Ref, Attached]] = {kind: self._attached(kind) for kind in routes}
        self.rules: dict[str, Derived[Ref, Rules]] = {kind: self._rules(kind) for kind in _RULES if kind in routes}
        self.streams: dict[str, Derived[Ref, Streams]] = {
            kind: self._streams(kind) for kind in streams.PROTOCOLS if kind in routes
        }
        #: How many routes each listener has, by its owner and name; those of connections by name, too.
        does: tuple[Rows[Any, Any], ...] = (*self.rules.values(), *self.streams.values())
        self.counts: Count[tuple[Origin, str]] = Count(graph, "routes_counted", _counted, *does)
        self.by_listener: Index[tuple[Origin, str], Any] = self._index("routes_by_listener", _listeners, self.streams)
        self.by_host: Index[HostKey, Any] = self._index("routes_by_host", lambda row: row.hosts, self.routes)
        filtered: Index[tuple[Origin, str], Any] = Index(graph, "listeners_with_filters", _filtered)
        for judged in (gateways.listeners, gateways.set_listeners):
            filtered.also(judged)
        #: What happens to requests before a route is chosen, of each listener that says something of it.
        self.prerouting: Derived[tuple[Origin, str], Prerouting] = Derived(
            graph, "prerouting", self._prerouting, filtered
        )
        rows: tuple[Rows[Any, Any], ...] = (*does, self.prerouting)
        reach: Count[Reach] = Count(graph, "reaching", _reach, *rows)
        reached: Derived[Reach, Reach] = Derived(graph, "reach", lambda key, _: key, reach)
        #: From each Service which of its ports are reached through which Gateways: of thousands of routes only that.
        self.reach: Index[Ref, Reach] = Index(graph, "reach_by_service", lambda key: (key[0],), reached)
        self.listener_hosts: Index[HostKey, Any] = Index(graph, "listener_hosts", _own_hosts, self.placed)
        self.listener_hosts.also(self.set_placed)
        self.at_place: Index[str, Any] = Index(
            graph, "listeners_at_place", lambda rows: {it.place for it in rows}, self.placed
        )
        self.at_place.also(self.set_placed)
        self.handing_on: Index[str, Any] = Index(graph, "listeners_handing_on", _places_of_streams, self.placed)
        self.handing_on.also(self.set_placed)
        self._filtered_at: Index[str, Any] = Index(graph, "filtered_at_place", _filtered_places, self.placed)
        self._filtered_at.also(self.set_placed)
        self.tls = TlsHosts(graph, self.listener_hosts, self._placed_of, (self.placed, self.set_placed))
        self.listeners: Derived[str, GatewayListener] = Derived(
            graph, "gateway_ports_http", self._listener, self.at_place
        )
        claimed: Index[HostKey, Any] = Index(graph, "claimed_hosts", _own_hosts)
        for table in (self.placed, self.set_placed):
            claimed.also(table)
        for attached in self.attached.values():
            claimed.also(attached)
        sections: Index[tuple[Origin, str], Any] = Index(graph, "listener_sections", _sections)
        for judged in (gateways.listeners, gateways.set_listeners):
            sections.also(judged)
        #: What policies attached to Gateways and ListenerSets say of each listener.
        self.inherited: Derived[tuple[Origin, str], Level] = Derived(
            graph, "inherited_policies", self._inherited, sections
        )
        self._filtered_hosts: Index[HostKey, Any] = Index(graph, "hosts_with_filters", _filtered_hosts, self.placed)
        self._filtered_hosts.also(self.set_placed)
        #: The same by the hostname of the listener: hosts read this, and not all listeners of a Gateway.
        self._asked: Derived[HostKey, Prerouting] = Derived(
            graph, "prerouting_of_hosts", self._asked_at, self._filtered_hosts
        )
        self.hosts: Derived[HostKey, VirtualHost] = Derived(graph, "gateway_hosts", self._host, claimed)

    def _placed(self, name: str, over: Rows[Ref, tuple[ListenerRow, ...]]) -> Derived[Ref, tuple[Placed, ...]]:
        def compute(ref: Ref, read: Read) -> tuple[Placed, ...] | None:
            rows = read(over, ref) or ()
            plane = read(self._planes, rows[0].gateway) if rows else None
            return places.placed(rows, plane.name, self._shared) or None if plane is not None else None

        return Derived(self._graph, name, compute, over)

    def _index(self, name: str, groups: Callable[[Any], Any], of_kinds: Iterable[str]) -> Index[Any, Any]:
        found: Index[Any, Any] = Index(self._graph, name, groups)
        for kind in of_kinds:
            found.also(self.attached[kind])
        return found

    def place(self, row: ListenerRow, read: Read) -> str:
        """Where a listener serves."""
        found = read(self._planes, row.gateway)
        return places.place(row, found.name if found is not None else "", self._shared)

    def _attached(self, kind: str) -> Derived[Ref, Attached]:
        table = self.routes[kind]

        def compute(ref: Ref, read: Read) -> Attached | None:
            route = read(table, ref)
            if route is None:
                return None

            def judged(owner: Origin) -> tuple[ListenerRow, ...] | None:
                return read(
                    self._gateways.listeners if owner.kind == GATEWAY else self._gateways.set_listeners, owner.ref
                )

            names = getattr(route.spec, "hostnames", ())
            origin = Origin(kind, ref)
            world = self._gateways.world
            place_of = partial(self.place, read=read)
            scope = default_gateways.scope(route.spec)
            found = read(world.default_gateways, scope) or () if scope else ()
            defaults = default_gateways.references(route.spec, ref.namespace, found) if found else ()
            return attachments.attached(origin, route.spec.parent_refs, defaults, names, read, world, judged, place_of)

        return Derived(self._graph, f"attached_{kind}", compute, table)

    def _rules(self, kind: str) -> Derived[Ref, Rules]:
        table, make = self.routes[kind], _RULES[kind]

        def compute(ref: Ref, read: Read) -> Rules | None:
            route, attached = read(table, ref), read(self.attached[kind], ref)
            return (
                _reached(make(route, read, self._world, self._gateways.world), attached) if route and attached else None
            )

        return Derived(self._graph, f"rules_{kind}", compute, self.attached[kind])

    def _streams(self, kind: str) -> Derived[Ref, Streams]:
        table = self.routes[kind]

        def compute(ref: Ref, read: Read) -> Streams | None:
            route, attached = read(table, ref), read(self.attached[kind], ref)
            if route is None or attached is None:
                return None
            return _reached(streams.streams(kind, route, read, self._world, self._gateways.world), attached)

        return Derived(self._graph, f"streams_{kind}", compute, self.attached[kind])

    def _listener(self, place: str, read: Read) -> GatewayListener | None:
        """One port. That of Ingresses is listened on already. Who stands at a port is read only where something is
        handed on: a port of requests may have thousands of owners, and each would wake this row."""
        if place == self._shared.gateway:
            return None
        streams = self._streams_at(place, read) if read(self.handing_on, place) else ()
        port, udp = places.port_of(place)
        tls, asked = self.tls.port(place, read), self._most_asked(place, read)
        if tls is None:
            return GatewayListener(place, port, streams=streams, udp=udp, asked=asked)
        return GatewayListener(
            place, port, tls.chains, streams, udp, tls.shared, tls.listed, tls.closed, tls.wide, asked
        )

    def _streams_at(self, place: str, read: Read) -> tuple[Stream, ...]:
        members = sorted(read(self.at_place, place) or (), key=str)
        found = [row for it in members for row in self._placed_of(it, read) or () if row.place == place]
        return server_names.streams(found, lambda row: self._claimed_by(row, read))

    def _most_asked(self, place: str, read: Read) -> int:
        members = read(self._filtered_at, place) or ()
        rows = (row for it in members for row in self._placed_of(it, read) or () if row.place == place)
        return max((row.filters for row in rows), default=0)

    def _placed_of(self, member: Any, read: Read) -> tuple[Placed, ...] | None:
        """The listeners of a member of an index over them."""
        return read(self.placed, member) if isinstance(member, Ref) else read(self.set_placed, member[1])

    def _claimed_by(self, row: Placed, read: Read) -> list[server_names.Claimed]:
        """The server names that routes claim through one listener: the most precise route first, then the oldest."""
        found: list[tuple[tuple[int, str, str, str], server_names.Claimed]] = []
        for member in read(self.by_listener, (row.owner, row.name)) or ():
            kind, ref = _member(member)
            route, attached = read(self.routes[kind], ref), read(self.attached[kind], ref)
            does = read(self.streams[kind], ref) if kind in self.streams else None
            if route is None or attached is None or does is None:
                continue
            age = (route.metadata.creation_timestamp, ref.namespace, ref.name)
            found += [
                ((claim.breadth, *age), (claim.host.host, does.targets))
                for claim in attached.claims
                if (claim.host.gateway, claim.listener) == (row.place, row.hostname)
            ]
        return [claimed for _, claimed in sorted(found, key=lambda it: it[0])]

    def _host(self, key: HostKey, read: Read) -> VirtualHost | None:
        told_apart = read(self.tls.told_apart, key.gateway) is not None
        return hosts.virtual_host(
            key, read, self._world, self.by_host, self.listener_hosts, self.inherited, self._claimant, told_apart,
            self._asked,
        )  # fmt: skip

    def _prerouting(self, section: tuple[Origin, str], read: Read) -> Prerouting | None:
        owner, name = section
        table = self._gateways.listeners if owner.kind == GATEWAY else self._gateways.set_listeners
        row = next((it for it in read(table, owner.ref) or () if it.name == name), None)
        return prerouting.prerouting(row, read, self._world, self._gateways.world) if row is not None else None

    def _asked_at(self, key: HostKey, read: Read) -> Prerouting | None:
        # In the same order on every replica, where Gateways share a plane.
        found: dict[tuple[Origin, str], Prerouting] = {}
        for member in sorted(read(self._filtered_hosts, key) or (), key=str):
            for row in self._placed_of(member, read) or ():
                if row.filters and row.host == key and (one := read(self.prerouting, (row.owner, row.name))):
                    found[row.owner, row.name] = one
        return prerouting.together(found.values())

    def listeners_of(self, origin: Origin, host: HostKey) -> list[Place]:
        """Where a route of a host inherits from, for people."""
        found: list[Place] = []
        attached = self.attached[origin.kind].get(origin.ref) if origin.kind in self.attached else None
        for owner, name in (it.section for it in (attached.claims if attached else ()) if it.host == host):
            rows = self._gateways.set_listeners.get(owner.ref) if owner.kind != GATEWAY else None
            found += [Place(owner, (name, "")), *([Place(Origin(GATEWAY, rows[0].gateway), ("",))] if rows else [])]
        return found

    def _inherited(self, section: tuple[Origin, str], read: Read) -> Level | None:
        """A listener comes before its object, a ListenerSet before its Gateway."""
        owner, name = section
        found = self._levels(owner, read, name, "")
        if owner.kind != GATEWAY:
            rows = read(self._gateways.set_listeners, owner.ref)
            found += self._levels(Origin(GATEWAY, rows[0].gateway), read, "") if rows else []
        return joined(found) if found else None

    def _levels(self, owner: Origin, read: Read, *sections: str) -> list[Level]:
        table = self._world.attached.get(owner.kind)
        attached = read(table, owner.ref) if table is not None else None
        return attached.chain(*sections) if attached is not None else []

    def _claimant(self, read: Read, member: tuple[str, Ref]) -> hosts.Claimant | None:
        """`member` is the name of an attachment table with a key of it."""
        kind, ref = _member(member)
        if kind not in self.rules:
            return None
        route = read(self.routes[kind], ref)
        attached, found = read(self.attached[kind], ref), read(self.rules[kind], ref)
        if route is None or attached is None or found is None:
            return None
        age = (route.metadata.creation_timestamp, ref.namespace, ref.name)
        return age, Origin(kind, ref), attached, found

    def place_of(self, holder: tuple[str, Any]) -> str | None:
        """Where a row of ours serves, by table and key; None for rows of other tables."""
        table, key = holder
        if table == self.hosts.name:
            return str(key.gateway)
        return str(key) if table == self.listeners.name else None

    def gateways_at(self, place: str) -> Iterator[Ref]:
        """The Gateways that serve there, several where they share a data plane; each perhaps more than once."""
        for member in self.at_place.get(place) or ():
            if isinstance(member, Ref):
                yield member
            else:
                yield from (row.gateway for row in (self._gateways.set_listeners.get(member[1]) or ())[:1])

    def tell(self, flaws: dict[str, Rows[Ref, Any]]) -> dict[str, Derived[Ref, RouteStatus]]:
        """Statuses by kind; `flaws` are tables whose rows have `flaws`, for kinds without rules of HTTP."""
        return {kind: self._statuses(kind, flaws.get(kind)) for kind in self.routes}

    def _statuses(self, kind: str, others: Rows[Ref, Any] | None) -> Derived[Ref, RouteStatus]:
        table = self.routes[kind]
        source: Rows[Ref, Any] | None = self.rules.get(kind, self.streams.get(kind, others))

        def compute(ref: Ref, read: Read) -> RouteStatus | None:
            route, attached = read(table, ref), read(self.attached[kind], ref)
            if route is None or attached is None:
                return None
            found = read(source, ref) if source is not None else None
            flaws = found.flaws if found is not None else ()
            served = found is not None and found.served
            return route_statuses.status(attached, flaws, self._controller, route.metadata.generation, served)

        return Derived(self._graph, f"status_{kind}", compute, self.attached[kind])


def _reached(found: Said, attached: Attached) -> Said:
    """The rules of a route, with the Gateways that it is reached through, and the listeners that count it."""
    counted = attached.listeners if route_statuses.refusal(found.flaws, found.served) is None else ()
    return msgspec.structs.replace(found, gateways=attached.gateways, counted=counted)


def _reach(row: Rules | Streams | Prerouting) -> Iterator[Reach]:
    """Which Gateways lead to which ports of Services."""
    for key in row.backends:
        for gateway in row.gateways:
            yield Ref(key.namespace, key.service), key.port, gateway


def _member(member: tuple[str, Ref]) -> tuple[str, Ref]:
    """Kind and name of a member of an index over attachments."""
    return member[0].removeprefix("attached_"), member[1]


def _listeners(row: Attached) -> tuple[tuple[Origin, str], ...]:
    return row.listeners


def _counted(row: Rules | Streams) -> tuple[tuple[Origin, str], ...]:
    return row.counted


def _sections(rows: tuple[ListenerRow, ...]) -> set[tuple[Origin, str]]:
    return {(row.owner, row.name) for row in rows}


def _filtered(rows: tuple[ListenerRow, ...]) -> set[tuple[Origin, str]]:
    return {(row.owner, row.name) for row in rows if row.filters and row.accepted}


def _filtered_hosts(rows: tuple[Placed, ...]) -> set[HostKey]:
    return {row.host for row in rows if row.filters}


def _filtered_places(rows: tuple[Placed, ...]) -> set[str]:
    return {row.place for row in rows if row.filters}


def _places_of_streams(rows: tuple[Placed, ...]) -> set[str]:
    return {row.place for row in rows if not row.http}


def _own_hosts(rows: Any) -> tuple[HostKey, ...]:
    if isinstance(rows, Attached):
        return rows.hosts
    return tuple(dict.fromkeys(row.host for row in rows if row.http))
