"""Routes that Envoy needs several of its own routes for: what depends on more than a match can say stands in front.

Model to model. Cross-origin requests (Fetch standard) need no filter this way: whether an Origin is allowed is a
condition on a header, its answer a list of headers; so only hosts that ask for it pay, and no request runs code.
"""

from __future__ import annotations

import math
import re

import msgspec

from sealos_gateway.envoy.retries import IDEMPOTENT
from sealos_gateway.model.policy import Cors, HeaderAction, HeaderChange, HeaderChanges, Policy
from sealos_gateway.model.template import Of, Template, Variable, literal
from sealos_gateway.model.traffic import Respond, Route, Split, TextKind, TextMatch

_ORIGIN = Template((Variable(Of.REQUEST_HEADER, "origin"),))


def variants(route: Route) -> list[Route]:
    """The routes to be written instead of this one, in order; mostly the route itself."""
    if route.policy is None:
        return _shared(route) if isinstance(route.action, Split) else [route]
    found = [again for one in _cross_origin(route, route.policy) for again in _repeated(one)]
    return [part for one in found for part in _shared(one)]


def _shared(route: Route) -> list[Route]:
    """The share of backends that do not exist is answered 500 in front of the others: a cluster that does not exist
    would keep each request waiting until Envoy gives up asking for it."""
    if not isinstance(route.action, Split):
        return [route]
    targets = route.action.targets
    missing = sum(target.weight for target in targets if target.backend is None)
    if not missing:
        return [route]
    total = sum(target.weight for target in targets)
    conditions = msgspec.structs.replace(route.match.conditions, share=max(1, missing * 1_000_000 // total))
    match = msgspec.structs.replace(route.match, conditions=conditions)
    rest = [target for target in targets if target.backend is not None]
    # The number that Envoy draws decides of shares and of weights: with large weights the one would decide the other.
    divisor = math.gcd(*(target.weight for target in rest))
    rest = [msgspec.structs.replace(target, weight=target.weight // max(1, divisor)) for target in rest]
    return [
        msgspec.structs.replace(route, match=match, action=Respond(500), policy=None),
        msgspec.structs.replace(route, action=Split(tuple(rest))),
    ]


def _repeated(route: Route) -> list[Route]:
    """What is repeated after an answer, but not for every method, is a route of its own for the methods that allow it:
    Envoy's retry policy cannot tell the two apart by itself, and would not even repeat a POST whose connection was
    refused. After a reset it needs no such route (`retries`)."""
    policy = route.policy
    if policy is None or policy.retry is None or not policy.retry.idempotent_only:
        return [route]
    methods = tuple(method for method in route.match.conditions.methods or IDEMPOTENT if method in IDEMPOTENT)
    others = _with_policy(route, msgspec.structs.replace(policy, retry=None))
    return [_narrowed(route, methods=methods), others] if methods else [others]


def _cross_origin(route: Route, policy: Policy) -> list[Route]:
    """For an allowed Origin: the answer to a preflight, then the route with the headers; for all others the route."""
    cors = policy.cors
    if cors is None:
        return [route]
    allowed = _with_policy(route, _with_response_headers(policy, _headers(cors)))
    asks = () if cors.any_options else (TextMatch("access-control-request-method", TextKind.PRESENT),)
    if "*" in cors.origins:
        return [_preflight(route, cors, asks), allowed]
    origin = TextMatch("origin", TextKind.REGEX, "|".join(_pattern(it, cors.one_label) for it in cors.origins))
    plain = _with_policy(route, msgspec.structs.replace(policy, cors=None))
    others = [_refusal(route, asks)] if cors.answer_others else []
    return [_preflight(route, cors, (origin, *asks)), *others, _narrowed(allowed, headers=(origin,)), plain]


def _refusal(route: Route, asks: tuple[TextMatch, ...]) -> Route:
    """204 without a word of permission for the preflight of any other origin."""
    narrowed = _narrowed(route, headers=(TextMatch("origin", TextKind.PRESENT), *asks), methods=("OPTIONS",))
    return msgspec.structs.replace(narrowed, action=Respond(204), policy=None)


def _preflight(route: Route, cors: Cors, headers: tuple[TextMatch, ...]) -> Route:
    """204 with what is allowed, from the gateway itself."""
    narrowed = _narrowed(route, headers=headers, methods=("OPTIONS",))
    changes = HeaderChanges((*_headers(cors), *_preflight_headers(cors)))
    return msgspec.structs.replace(narrowed, action=Respond(204), policy=Policy(response_headers=changes))


def _headers(cors: Cors) -> tuple[HeaderChange, ...]:
    """On every response to an allowed origin."""
    any_origin = "*" in cors.origins and not cors.credentials
    found = {"access-control-allow-origin": literal("*") if any_origin else _ORIGIN}
    if cors.credentials:
        found["access-control-allow-credentials"] = literal("true")
    if cors.expose:
        found["access-control-expose-headers"] = literal(", ".join(cors.expose))
    if cors.any_options:
        found |= _what_is_allowed(cors)
    changes = [HeaderChange(HeaderAction.SET, name, value) for name, value in found.items()]
    if not any_origin:
        changes.append(HeaderChange(HeaderAction.ADD, "vary", literal("Origin")))
    return tuple(changes)


def _preflight_headers(cors: Cors) -> tuple[HeaderChange, ...]:
    return tuple(HeaderChange(HeaderAction.SET, name, value) for name, value in _what_is_allowed(cors).items())


def _what_is_allowed(cors: Cors) -> dict[str, Template]:
    found: dict[str, Template] = {}
    for name, values, asked in (
        ("access-control-allow-methods", cors.methods, "access-control-request-method"),
        ("access-control-allow-headers", cors.headers, "access-control-request-headers"),
    ):
        if "*" in values and cors.credentials:  # with credentials a browser takes `*` for a name
            found[name] = Template((Variable(Of.REQUEST_HEADER, asked),))
        elif values:
            found[name] = literal(", ".join(values))
    if cors.max_age is not None:
        found["access-control-max-age"] = literal(str(cors.max_age))
    return found


def _pattern(origin: str, one_label: bool) -> str:
    """An origin as RE2 (full match); `*` stands for one label, or for several."""
    label = "[^./:]+" if one_label else "[^/:]+"
    return label.join(re.escape(part) for part in origin.split("*"))


def _narrowed(route: Route, headers: tuple[TextMatch, ...] = (), methods: tuple[str, ...] = ()) -> Route:
    old = route.match.conditions
    narrowed = msgspec.structs.replace(old, methods=methods or old.methods, headers=(*old.headers, *headers))
    match = route.match
    return msgspec.structs.replace(route, match=msgspec.structs.replace(match, conditions=narrowed))


def _with_policy(route: Route, policy: Policy) -> Route:
    return msgspec.structs.replace(route, policy=policy)


def _with_response_headers(policy: Policy, changes: tuple[HeaderChange, ...]) -> Policy:
    before = policy.response_headers.changes if policy.response_headers else ()
    return msgspec.structs.replace(policy, cors=None, response_headers=HeaderChanges((*before, *changes)))
