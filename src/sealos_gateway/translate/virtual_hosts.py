"""One host: the union of everything that claims it, in order of precedence, conflicts told to the loser."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sealos_gateway.live import Index, Read, Rows
from sealos_gateway.model.keys import HostKey
from sealos_gateway.model.problem import Problem
from sealos_gateway.model.traffic import Match, Route, VirtualHost
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import ingress as ingresses
from sealos_gateway.translate.annotations.policies import NOTHING, IngressPolicy
from sealos_gateway.translate.world import World

#: (default backend last, then the match's own order), age of the object, the route.
_Candidate = tuple[tuple[int, ...], int, Route]


def virtual_host(
    key: HostKey,
    read: Read,
    world: World,
    claimants: Index[HostKey, Ref],
    names: Index[str, Ref],
    policies: Rows[Ref, IngressPolicy],
) -> VirtualHost | None:
    """Merge all Ingresses that claim `key`. `names` says which Ingresses claim a server name for TLS.

    Precedence: Exact before Prefix, the longer path first, on a tie the older Ingress (then namespace and name);
    a default backend comes after every path.
    """
    claiming = ranked(read(claimants, key), read, world)
    accepted, problems = _owners(claiming, key.host, world)
    secure = any(_may_secure(ref, accepted) for ref in tls_claimants(key.host, read, names))
    candidates: list[_Candidate] = []
    for rank, ingress in enumerate(accepted):
        policy = read(policies, ingress.ref) or NOTHING
        found, theirs = ingresses.routes(ingress, key.host, secure, read, world, policy)
        problems += theirs
        candidates += [((c.last, *c.route.match.sort_key), rank, c.route) for c in found]
    candidates.sort(key=lambda candidate: candidate[:2])
    routes = _without_conflicts(candidates, key.host, problems)
    origins = tuple(Origin(ingresses.KIND, ingress.ref) for ingress in accepted)
    return VirtualHost(key, routes, origins, tuple(problems))


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
    if not claiming or not world.rules.first_namespace_owns or host == ingresses.ANY_HOST:
        return claiming, []
    owner = claiming[0].metadata.namespace
    refused = [ingress for ingress in claiming if ingress.metadata.namespace != owner]
    message = f"host {host} belongs to namespace {owner}, which claimed it first; choose another host"
    problems = [Problem(Origin(ingresses.KIND, it.ref), "spec.rules", "HostOwned", message) for it in refused]
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
