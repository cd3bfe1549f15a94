"""Rules as HTTPRoutes and GRPCRoutes: as few rules as say the same, as many objects as the definitions allow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from sealos_gateway.migrate.gateway_api.objects import Written
from sealos_gateway.migrate.gateway_api.rules import Rule
from sealos_gateway.model.backend_policy import Protocol
from sealos_gateway.model.traffic import Forward, Match, PathKind, Route, Split
from sealos_gateway.model.traffic import backends as targets_of

#: Rules in one route, matches in one rule (older definitions), matches in all rules together.
_MOST_RULES, _MOST_IN_RULE, _MOST_MATCHES = 16, 8, 128
_GRPC_FILTERS = {"RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror"}
_SCHEME = {"type": "Exact", "name": "x-forwarded-proto", "value": "http"}
_TO_HTTPS = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 308}}
_ALL: Written = {"path": {"type": "PathPrefix", "value": "/"}}
CLOSED: Written = {"matches": [_ALL]}  # without a backend: 500
ALL_TO_HTTPS: Written = {"matches": [_ALL], "filters": [_TO_HTTPS]}
PLAIN_TO_HTTPS: Written = {"matches": [{**_ALL, "headers": [_SCHEME]}], "filters": [_TO_HTTPS]}


def http(rule: Rule) -> Written:
    """An `HTTPRouteRule`."""
    return {"matches": rule.matches, **rule.rest}


def to_https(rule: Rule, when_plain: bool = False) -> Written:
    """Redirects what the rule matches. `when_plain`: only requests over HTTP; TLS may end in front of the gateway."""
    found = rule.matches
    if when_plain:
        found = [it | {"headers": [*it.get("headers", ()), _SCHEME]} for it in found]
    return {"matches": found, "filters": [_TO_HTTPS]}


def chunks(several: Iterable[Written]) -> Iterator[list[Written]]:
    """The rules of one object after the other. Neighbours that only match differently become one rule."""
    chunk: list[Written] = []
    for one in _merged(several):
        if len(chunk) == _MOST_RULES or sum(_count(it) for it in (*chunk, one)) > _MOST_MATCHES:
            yield chunk
            chunk = []
        chunk.append(one)
    if chunk:
        yield chunk


def _merged(several: Iterable[Written]) -> list[Written]:
    found: list[Written] = []
    for one in several:
        last = found[-1] if found else {}
        fits = _count(one) and _count(last) and _count(one) + _count(last) <= _MOST_IN_RULE
        if fits and _rest(one) == _rest(last):
            found[-1] = {"matches": [*last["matches"], *one["matches"]], **_rest(last)}
        else:
            found.append(one)
    return found


def _count(rule: Written) -> int:
    return len(rule.get("matches", ()))


def _rest(rule: Written) -> Written:
    return {name: value for name, value in rule.items() if name != "matches"}


def are_grpc(several: Collection[tuple[Route, Rule]]) -> bool:
    """Whether all of a host can be GRPCRoutes: a hostname of a listener belongs to one kind."""
    return bool(several) and all(_fits_grpc(route, rule) for route, rule in several)


def _fits_grpc(route: Route, rule: Rule) -> bool:
    keys, conditions = targets_of(route.action), route.match.conditions
    spoken = all(key.policy is not None and key.policy.protocol is Protocol.H2C for key in keys)
    filters = {it["type"] for it in rule.rest.get("filters", ())}
    if not isinstance(route.action, Forward | Split) or not keys or not spoken or "timeouts" in rule.rest:
        return False
    return not (conditions.queries or conditions.methods) and filters <= _GRPC_FILTERS and _is_method(route.match)


def _is_method(match: Match) -> bool:
    """`/`, `/service` or `/service/method` (gRPC over HTTP/2)."""
    if match.ignore_case:
        return False
    if match.kind is PathKind.PREFIX:
        return match.path == "/" or match.path.count("/") == 1
    return match.kind is PathKind.EXACT and match.path.count("/") == 2


def grpc(route: Route, rule: Rule) -> Written:
    """A `GRPCRouteRule`; without matches it takes everything."""
    service, _, method = route.match.path.removeprefix("/").partition("/")
    named = {name: text for name, text in (("service", service), ("method", method)) if text}
    found = []
    for one in rule.matches:
        match: Written = {"method": {"type": "Exact", **named}} if named else {}
        match |= {"headers": one["headers"]} if "headers" in one else {}
        found += [match] if match else []
    return ({"matches": found} if found else {}) | rule.rest
