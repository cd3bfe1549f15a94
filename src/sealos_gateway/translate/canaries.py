"""Canaries: some requests of a path go to the backend of another Ingress with the same host and path.

As ingress-nginx has it: a header decides before a cookie, a cookie before the weight; everything else is inherited from
the Ingress that has the path; one canary for a path; a canary without such a path answers nothing and is told.
"""

from __future__ import annotations

import msgspec

from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.problem import Problem
from sealos_gateway.model.traffic import Forward, Match, Route, Split, Target, TextKind, TextMatch
from sealos_gateway.translate.annotations.draft import Canary
from sealos_gateway.translate.ingress_routes import Candidate

_BY_HEADER, _BY_COOKIE = -3, -2
#: Which age a candidate has, and the candidate.
Ranked = tuple[int, Candidate]


def merged(
    mains: list[Ranked], canaries: list[tuple[Candidate, Canary]], host: str, problems: list[Problem]
) -> list[Ranked]:
    """The routes of a host, with those of its canaries in front of the routes they share a path with."""
    if not canaries:
        return mains
    by_match: dict[tuple[bool, Match], tuple[Candidate, Canary]] = {}
    for candidate, canary in canaries:
        key = (candidate.last, candidate.route.match)
        if by_match.setdefault(key, (candidate, canary))[0] is not candidate:
            _tell(candidate, host, "ConflictingCanary", "has a canary already", problems)
    taken: set[tuple[bool, Match]] = set()
    found: list[Ranked] = []
    for rank, main in sorted(mains, key=lambda it: it[0]):
        key = (main.last, main.route.match)
        if key not in by_match or key in taken:
            found.append((rank, main))
            continue
        taken.add(key)
        found += [(rank, Candidate(main.last, route)) for route in _shared(main.route, *by_match[key])]
    for key, (candidate, _) in by_match.items():
        if key not in taken:
            _tell(candidate, host, "CanaryWithoutMain", "is not served by any Ingress that is no canary", problems)
    return found


def _tell(candidate: Candidate, host: str, reason: str, what: str, problems: list[Problem]) -> None:
    route = candidate.route
    message = f"{route.match} on host {host} {what}; the canary gets no requests of it"
    problems.append(Problem(route.origin, "spec.rules", reason, message))


def _shared(main: Route, candidate: Candidate, canary: Canary) -> list[Route]:
    """The routes for one path, the most specific first; `main` comes last, with the weight."""
    other = candidate.route.action
    if not isinstance(main.action, Forward) or not isinstance(other, Forward):
        return [main]
    # How the backend is reached is inherited too.
    target = other.backend._replace(policy=main.action.backend.policy)
    found = [
        _narrowed(main, target if condition.value != "never" else None, condition, rank)
        for condition, rank in _conditions(canary)
    ]
    if canary.weight:
        rest = canary.total - canary.weight
        targets = ([Target(main.action.backend, rest)] if rest else []) + [Target(target, canary.weight)]
        main = msgspec.structs.replace(main, action=Split(tuple(targets)))
    return [*found, main]


def _conditions(canary: Canary) -> list[tuple[TextMatch, int]]:
    found: list[tuple[TextMatch, int]] = []
    if canary.header and canary.value:
        found.append((TextMatch(canary.header, value=canary.value), _BY_HEADER))
    elif canary.header and canary.pattern:
        found.append((TextMatch(canary.header, TextKind.REGEX, f".*(?:{canary.pattern}).*"), _BY_HEADER))
    elif canary.header:
        found += [(TextMatch(canary.header, value=value), _BY_HEADER) for value in ("always", "never")]
    if canary.cookie:
        found += [(TextMatch(canary.cookie, value=value), _BY_COOKIE) for value in ("always", "never")]
    return found


def _narrowed(main: Route, target: BackendKey | None, wanted: TextMatch, rank: int) -> Route:
    old = main.match.conditions
    headers = (*old.headers, wanted) if rank == _BY_HEADER else old.headers
    cookies = (*old.cookies, wanted) if rank == _BY_COOKIE else old.cookies
    conditions = msgspec.structs.replace(old, headers=headers, cookies=cookies, rank=rank)
    match = msgspec.structs.replace(main.match, conditions=conditions)
    action = Forward(target) if target is not None else main.action
    return msgspec.structs.replace(main, match=match, action=action)
