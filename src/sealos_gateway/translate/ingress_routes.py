"""The routes that one Ingress contributes to one host.

A default backend answers the paths of the Ingress' own hosts that nothing else answers, and yields to every path of
any Ingress. What annotations say of paths is `PathRules`; that one Ingress of a host wants patterns turns all paths
of the host into patterns, as in ingress-nginx.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.model.policy import Policy, Rewrite
from sealos_gateway.model.problem import Problem
from sealos_gateway.model.traffic import Action, Conditions, Forward, Match, PathKind, Redirect, Route, Split, Target
from sealos_gateway.resources.ingress import Ingress, IngressBackend
from sealos_gateway.resources.meta import Origin
from sealos_gateway.translate import ingress_paths
from sealos_gateway.translate.annotations.policies import IngressPolicy
from sealos_gateway.translate.hosts import ANY_HOST
from sealos_gateway.translate.ingress_backends import CLOSED, KIND, REFUSED, action
from sealos_gateway.translate.policies import merging, services
from sealos_gateway.translate.world import World

#: Certificate authorities ask here, over plain HTTP (RFC 8555, 8.3): never redirected, as in ingress-nginx.
_CHALLENGE = "/.well-known/acme-challenge"
_FIRST = -10


class Candidate(NamedTuple):
    """A route with its rank: a default backend (`last`) yields to every path of any Ingress."""

    last: bool
    route: Route


class Place(NamedTuple):
    """What of the host matters to its routes: its name in the rules of the Ingress (an alias has another), whether it
    has TLS, whether its paths are patterns."""

    host: str
    secure: bool
    regex: bool


def routes(
    ingress: Ingress, place: Place, read: Read, world: World, policy: IngressPolicy
) -> tuple[list[Candidate], list[Problem]]:
    """The routes of one Ingress for one of its hosts, and what is wrong with them."""
    origin = Origin(KIND, ingress.ref)
    https_only = _https_only(place, policy, world)
    found: list[Candidate] = []
    problems: list[Problem] = []
    if policy.paths.unmatched:
        return found, problems

    patterns = policy.paths.regex or policy.paths.full

    def add(
        last: bool, match: Match, backend: IngressBackend, field: str, text: str = "/", rewrite: Rewrite | None = None
    ) -> None:
        said = _destination(policy) or action(ingress.ref, backend, field, read, world, problems)
        chosen = _chosen(said, policy)
        # What is written, not what is matched: a neighbour's patterns turn this path into one. Its own may match more.
        written = "" if patterns else text
        secure = https_only and not written.startswith(_CHALLENGE)
        rules = None if policy.refused else _open(_with_rewrite(policy, rewrite, world), written, world)
        if not policy.refused and (more := services.route_fields(chosen, read, world)):
            rules = world.interned(merging.under(rules, more, policy.firm))
        found.append(Candidate(last, Route(match, chosen, origin, secure, rules)))

    for number, rule in enumerate(ingress.spec.rules or ()):
        if (rule.host.lower() or ANY_HOST) != place.host:
            continue
        for index, path in enumerate(rule.http.paths if rule.http else ()):
            field = f"spec.rules[{number}].http.paths[{index}]"
            read_path = ingress_paths.read(path, policy.paths, place.regex)
            if isinstance(read_path, str):
                problems.append(Problem(origin, field, "InvalidPath", read_path))
            else:
                add(False, read_path.match, path.backend, f"{field}.backend", path.path or "/", read_path.rewrite)
    if policy.app_root is not None:
        root = Match(PathKind.EXACT, "/", conditions=Conditions(rank=_FIRST))
        found.append(Candidate(False, Route(root, policy.app_root, origin, https_only)))
    if ingress.spec.default_backend:
        add(True, Match(PathKind.PREFIX, "/"), ingress.spec.default_backend, "spec.defaultBackend")
    return found, problems


def redirect_to(ingress: Ingress, host: str) -> Candidate:
    """All paths of a host to the same path of another (`www.x` to `x`)."""
    route = Route(Match(PathKind.PREFIX, "/"), Redirect(308, host=host), Origin(KIND, ingress.ref))
    return Candidate(False, route)


def _https_only(place: Place, policy: IngressPolicy, world: World) -> bool:
    wanted = world.rules.ssl_redirect if policy.ssl_redirect is None else policy.ssl_redirect
    return world.rules.https and (policy.force_ssl or (place.secure and wanted))


def _chosen(found: Action, policy: IngressPolicy) -> Action:
    if policy.refused:
        return CLOSED if policy.closed else REFUSED
    if policy.redirect is not None:
        return policy.redirect
    if policy.backend is not None and isinstance(found, Forward):
        return Forward(found.backend._replace(policy=policy.backend))
    return found


def _destination(policy: IngressPolicy) -> Action | None:
    """Where all paths go instead of to their backends."""
    if not policy.destination:
        return None
    keys = [(it.backend._replace(policy=policy.backend), it.weight) for it in policy.destination if it.backend]
    return Forward(keys[0][0]) if len(keys) == 1 else Split(tuple(Target(key, weight) for key, weight in keys))


def _with_rewrite(policy: IngressPolicy, rewrite: Rewrite | None, world: World) -> Policy | None:
    """The policy of the Ingress, with how this path is rewritten; what else is said of Host stays."""
    base = policy.policy or Policy()
    if rewrite is None or (base.rewrite is not None and base.rewrite.pattern):  # a TrafficPolicy says it
        return policy.policy
    host = base.rewrite.host if base.rewrite else None
    return world.interned(msgspec.structs.replace(base, rewrite=msgspec.structs.replace(rewrite, host=host)))


def _open(policy: Policy | None, path: str, world: World) -> Policy | None:
    """The policy without authentication where the path is one that everybody must reach (challenges of authorities)."""
    if policy is None or not path.startswith(world.rules.no_auth_locations):
        return policy
    rest = msgspec.structs.replace(policy, basic_auth=None, external_auth=None, satisfy_any=False)
    return None if rest == Policy() else world.interned(rest)
