"""One host at one place: the routes of everybody who claims it, through the listener that the host belongs to.

A request belongs to the listener with the most specific hostname that takes its host, and to no other (Gateway API,
"listener isolation"): routes that are attached elsewhere do not answer it. A listener claims its own hostname, so that
where it has no route the answer is 404 and not that of a wider listener.

Several routes can share a host because each has it in common with the listener: the one whose own hostname is more
precise comes first, whatever its paths (Gateway API, GEP on hostname intersection: original hostnames count).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from sealos_gateway.live import Index, Read, Rows
from sealos_gateway.model import traffic
from sealos_gateway.model.keys import HostKey
from sealos_gateway.model.traffic import Match, PathKind, Redirect, Respond, Route, VirtualHost
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.gateway_api import backends, hostnames
from sealos_gateway.translate.gateway_api.attachments import Attached, Claim
from sealos_gateway.translate.gateway_api.filters import LISTENER_PORT
from sealos_gateway.translate.gateway_api.prerouting import Prerouting
from sealos_gateway.translate.gateway_api.rules import Rules
from sealos_gateway.translate.ingress_backends import CLOSED
from sealos_gateway.translate.policies import merging
from sealos_gateway.translate.policies.attached import Level, joined
from sealos_gateway.translate.policies.said import Fields
from sealos_gateway.translate.world import World

#: (creation time, namespace, name), origin, attachment and rules of a claimant; None for a listener.
Claimant = tuple[tuple[str, str, str], Origin, Attached, Rules]
Find = Callable[[Read, Any], Claimant | None]
#: A listener, by its owner and name.
Section = tuple[Origin, str]

_WELL_KNOWN = {"http": 80, "https": 443}
#: What every request is answered at a listener with a filter that cannot be honoured.
_SHUT = Route(
    Match(PathKind.PREFIX, "/"),
    Respond(503, "refused: a filter of this listener cannot be honoured"),
    Origin("Gateway", Ref("", "filters")),
)


def virtual_host(
    key: HostKey,
    read: Read,
    world: World,
    claimants: Index[HostKey, Any],
    listeners: Index[HostKey, Any],
    inherited: Rows[Section, Level],
    find: Find,
    told_apart: bool = False,
    asked: Rows[HostKey, Prerouting] | None = None,
) -> VirtualHost | None:
    """Of a host that routes or listeners claim. `inherited` is what policies say of each listener.

    `asked` is what happens to requests at the hostname of a listener, before a route is chosen.

    `told_apart`: connections at its place are for one of several hostnames, and a request has to come by that of its
    own listener.
    """
    mine = next((name for name in hostnames.above(key.host) if read(listeners, HostKey(key.gateway, name))), None)
    if mine is None:
        return None
    connections = mine if told_apart else ""
    before = read(asked, HostKey(key.gateway, mine)) if asked is not None else None
    if before is not None and before.flaws:
        return VirtualHost(key, (_SHUT,), (), connections=connections)
    found: list[tuple[tuple[Any, ...], Route]] = []
    origins: dict[Origin, None] = {}
    for member in read(claimants, key) or ():
        claimant = find(read, member)
        if claimant is None:
            continue
        age, origin, attached, rules = claimant
        claims = [it for it in attached.claims if it.host == key and it.listener == mine]
        if not claims:
            continue
        claim, below = claims[0], _below(claims, read, inherited)
        origins[origin] = None
        for number, route in enumerate(rules.routes):
            placed = _at(route, claim.port, claim.tls)
            if below is not None:
                placed = _over(placed, rules.said[number] if rules.said else (), below, world)
            if claim.shows is not None:
                placed = traffic.redirected(placed, partial(backends.showing, certificate=claim.shows))
            found.append(((claim.breadth, *route.match.sort_key, *age, origin.kind, number), placed))
    found.sort(key=lambda it: it[0])
    kept: dict[Any, Route] = {}
    for _, route in found:
        kept.setdefault(route.match, route)
    steps = before.asked if before is not None else ()
    return VirtualHost(key, tuple(kept.values()), tuple(sorted(origins)), connections=connections, asked=steps)


def _below(claims: list[Claim], read: Read, inherited: Rows[Section, Level]) -> Level | None:
    """What the listeners pass on to their routes; the same host at the same place may be that of two Gateways."""
    found = (read(inherited, claim.section) for claim in claims)
    levels = [level for level in found if level is not None]
    return joined(levels) if levels else None


def _over(route: Route, said: Fields, below: Level, world: World) -> Route:
    """The route with what it inherits, where it says nothing itself."""
    if below.closed:
        return msgspec.structs.replace(route, action=CLOSED, policy=None)
    if route.action == CLOSED:
        return route
    made = merging.policy(merging.merged([said, below.fields]))
    return msgspec.structs.replace(route, policy=world.interned(made))


def _at(route: Route, port: int, tls: bool) -> Route:
    """A redirect without a port of its own goes to the port that the request came in by."""
    action = route.action
    if not isinstance(action, Redirect):
        return route
    scheme = action.scheme or ("https" if tls else "http")
    wanted = port if action.port == LISTENER_PORT else action.port
    shown = 0 if wanted == _WELL_KNOWN.get(scheme) else wanted
    return msgspec.structs.replace(route, action=msgspec.structs.replace(action, port=shown))
