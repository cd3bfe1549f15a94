"""One host: the union of everything that claims it, in order of precedence, conflicts told to the loser."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from sealos_gateway.live import Index, Read, Rows
from sealos_gateway.model.keys import HostKey
from sealos_gateway.model.problem import Problem
from sealos_gateway.model.traffic import Match, Route, VirtualHost
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import canaries, client_tls, everywhere, hosts, ingress_routes
from sealos_gateway.translate import ingress as ingresses
from sealos_gateway.translate.annotations import snippets
from sealos_gateway.translate.annotations.draft import Canary
from sealos_gateway.translate.annotations.policies import NOTHING, IngressPolicy
from sealos_gateway.translate.ingress_backends import KIND
from sealos_gateway.translate.ingress_routes import Candidate, Place
from sealos_gateway.translate.world import World

#: (default backend last, then the match's own order), age of the object, the route.
_Candidate = tuple[tuple[int, ...], int, Route]
#: An Ingress and what its annotations say.
_Said = tuple[Ingress, IngressPolicy]


def virtual_host(
    key: HostKey,
    read: Read,
    world: World,
    claimants: Index[HostKey, Ref],
    names: Index[str, Ref],
    policies: Rows[Ref, IngressPolicy],
    platform: Rows[str, everywhere.Everywhere],
) -> VirtualHost | None:
    """Merge all Ingresses that claim `key`. `names` says which Ingresses claim a server name for TLS.

    Precedence: Exact before Prefix, the longer path first, on a tie the older Ingress (then namespace and name);
    a default backend comes after every path. What the platform answers on every host comes first of all.
    """
    claiming = ranked(read(claimants, key), read, world)
    accepted, problems = _owners(claiming, key.host, world)
    secure = any(_may_secure(ref, accepted) for ref in tls_claimants(key.host, read, names))
    said = [(ingress, read(policies, ingress.ref) or NOTHING) for ingress in accepted]
    said.sort(key=lambda it: key.host not in _own_hosts(it[0]))  # who has the host only as an alias has the last say
    tls = client_tls.of_host(said, key.host, problems)
    found = _merged(said, key.host, secure, read, world, problems)
    candidates: list[_Candidate] = [((it.last, *it.route.match.sort_key), rank, it.route) for rank, it in found]
    candidates.sort(key=lambda candidate: candidate[:2])
    routes = _without_conflicts(candidates, key.host, problems)
    routes = _with_snippets(routes, said, key.host, problems, world)
    if tls is None and any(policy.passthrough for _, policy in said):
        tls = client_tls.passed_through(said, routes, key.host, problems)
    origins = tuple(Origin(KIND, ingress.ref) for ingress in accepted)
    return everywhere.added(VirtualHost(key, routes, origins, tuple(problems), tls), read, world, platform)


def _with_snippets(
    routes: tuple[Route, ...], said: list[_Said], host: str, problems: list[Problem], world: World
) -> tuple[Route, ...]:
    """After conflicts are settled: whoever lost a path has no say in it, whatever conditions his snippet has."""
    found = {
        Origin(KIND, ingress.ref): policy.snippets
        for ingress, policy in said
        if policy.snippets != NOTHING.snippets and not policy.refused
    }
    return snippets.applied(routes, host, found, problems, world) if found else routes


def _merged(
    said: list[_Said], host: str, secure: bool, read: Read, world: World, problems: list[Problem]
) -> list[canaries.Ranked]:
    """The routes of all who answer the host, canaries where they belong."""
    regex = any(policy.paths.regex for _, policy in said)
    mains: list[canaries.Ranked] = []
    others: list[tuple[Candidate, Canary]] = []
    for rank, (ingress, policy, own) in enumerate(_served(said, host, problems)):
        if own == hosts.www(host) and host not in policy.aliases:
            mains.append((rank, ingress_routes.redirect_to(ingress, own)))
            continue
        if policy.canary is not None:  # what else it says is said by the Ingress that has the path
            policy = msgspec.structs.replace(policy, redirect=None, app_root=None)
        found, theirs = ingress_routes.routes(ingress, Place(own, secure, regex), read, world, policy)
        problems += theirs
        if policy.canary is not None:
            others += [(candidate, policy.canary) for candidate in found]
        else:
            mains += [(rank, candidate) for candidate in found]
    return canaries.merged(mains, others, host, problems)


def _served(said: list[_Said], host: str, problems: list[Problem]) -> Iterator[tuple[Ingress, IngressPolicy, str]]:
    """Who answers the host, and under which of its own hosts: an alias, or the other one of `www.x` and `x`, stands for
    another, and yields to whoever has the host in its rules."""
    real = [(ingress, policy) for ingress, policy in said if host in _own_hosts(ingress)]
    yield from ((ingress, policy, host) for ingress, policy in real)
    rest = [(ingress, policy) for ingress, policy in said if host not in _own_hosts(ingress)]
    for number, (ingress, policy) in enumerate(rest):
        if real or number:
            if host in policy.aliases:
                message = f"host {host} is answered by another Ingress; the alias has no effect"
                problems.append(Problem(Origin(KIND, ingress.ref), "metadata.annotations", "AliasTaken", message))
        elif own := _own_hosts(ingress):
            other = hosts.www(host)
            yield ingress, policy, other if other in own and host not in policy.aliases else own[0]


def _own_hosts(ingress: Ingress) -> list[str]:
    found = [rule.host.lower() or hosts.ANY_HOST for rule in ingress.spec.rules or ()]
    return found or ([hosts.ANY_HOST] if ingress.spec.default_backend else [])


def ranked(refs: Collection[Ref] | None, read: Read, world: World) -> list[Ingress]:
    """The Ingresses behind `refs`, the oldest first."""
    found = (read(world.ingresses, ref) for ref in refs or ())
    return sorted((ingress for ingress in found if ingress is not None), key=ingresses.age)


def tls_claimants(host: str, read: Read, names: Index[str, Ref]) -> Iterator[Ref]:
    """The Ingresses with a TLS entry that covers the host: by its own name or by the wildcard above it."""
    yield from read(names, host) or ()
    parent = host.partition(".")[2]
    if parent and not host.startswith("*"):
        yield from read(names, f"*.{parent}") or ()


def _may_secure(ref: Ref, accepted: list[Ingress]) -> bool:
    """What another tenant says about TLS may not turn a host to HTTPS: only a namespace that the host has."""
    return any(ingress.metadata.namespace == ref.namespace for ingress in accepted)


def _owners(claiming: list[Ingress], host: str, world: World) -> tuple[list[Ingress], list[Problem]]:
    """With `host_ownership: first-namespace` the oldest claimant's namespace keeps the host to itself."""
    if not claiming or not world.rules.first_namespace_owns or host == hosts.ANY_HOST:
        return claiming, []
    owner = claiming[0].metadata.namespace
    refused = [ingress for ingress in claiming if ingress.metadata.namespace != owner]
    message = f"host {host} belongs to namespace {owner}, which claimed it first; choose another host"
    problems = [Problem(Origin(KIND, it.ref), "spec.rules", "HostOwned", message) for it in refused]
    return [ingress for ingress in claiming if ingress.metadata.namespace == owner], problems


def _without_conflicts(candidates: list[_Candidate], host: str, problems: list[Problem]) -> tuple[Route, ...]:
    """Keep the first route of each match (they are sorted); tell the owner of every other."""
    kept: dict[tuple[bool, Match], Route] = {}
    for (last, *_), _, route in candidates:
        winner = kept.setdefault((bool(last), route.match), route)
        if winner is route or (last and winner.action == route.action):
            continue
        who = "an earlier path of the same object" if winner.origin == route.origin else str(winner.origin)
        what = "default backend" if last else f"{route.match.kind.name.title()} {route.match.path}"
        message = f"{what} on host {host} is already taken by {who}"
        field = "spec.defaultBackend" if last else "spec.rules"
        problems.append(Problem(route.origin, field, "PathConflict", message))
    return tuple(kept.values())
