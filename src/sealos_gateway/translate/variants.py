"""A route with what its snippets say: one route per variant, in the order in which they must be tried.

`nginx.snippet` says what a snippet means; here it meets the policies that annotations have set, and comes after them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sealos_gateway.model.backend_policy import BackendPolicy
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import (
    Bandwidth,
    Compression,
    HeaderChange,
    HeaderChanges,
    Networks,
    Policy,
    Rewrite,
    Timeouts,
)
from sealos_gateway.model.statements import Statements, Tuning, Variant
from sealos_gateway.model.traffic import Action, Conditions, Forward, Match, PathKind, Respond, Route, Split
from sealos_gateway.translate.world import Interned

_REPLACE = msgspec.structs.replace


def routes(route: Route, statements: Statements, interned: Interned) -> list[Route]:
    """`route` as its variants. They stand in the place of the route, in this order; nothing may sort them again.

    What they hold is `interned`: the same few snippets stand on thousands of objects.
    """
    return [
        _REPLACE(
            route,
            match=_REPLACE(route.match, conditions=_conditions(route.match.conditions, variant.conditions)),
            action=_reached(route.action, variant.tuning, interned) if variant.answer is None else variant.answer,
            policy=interned(_policy(route.policy or Policy(), variant, statements)),
        )
        for variant in statements.variants
    ]


def _reached(action: Action, tuning: Tuning, interned: Interned) -> Action:
    """How long a connection to the backend may take is said of the backend, not of the route."""
    seconds = tuning.connect_seconds
    if seconds is None:
        return action

    def tuned(key: BackendKey) -> BackendKey:
        policy = _REPLACE(key.policy or BackendPolicy(), connect_timeout=seconds)
        return key._replace(policy=interned(policy))

    match action:
        case Forward(backend):
            return Forward(tuned(backend))
        case Split(targets):
            return Split(tuple(_REPLACE(it, backend=tuned(it.backend)) if it.backend else it for it in targets))
    return action


def leaves(route: Route, variant: Variant) -> bool:
    """Whether a rewrite may lead out of the route: nginx would look for a rule of the new path, and we stay.

    True means that the object has to be told. Certain only where every new path starts below the route's own.
    """
    return variant.again and not _covers(route.match, variant.begins)


def _covers(match: Match, begins: str) -> bool:
    if match.kind is not PathKind.PREFIX:
        return False
    return match.path == "/" or begins.startswith(f"{match.path}/")


def _conditions(own: Conditions, more: Conditions) -> Conditions:
    return Conditions(
        own.methods, (*own.headers, *more.headers), (*own.queries, *more.queries),
        (*own.cookies, *more.cookies), own.rank,
    )  # fmt: skip


def _policy(policy: Policy, variant: Variant, statements: Statements) -> Policy | None:
    """The policy of the route, changed by what the variant says. Equal values stay equal, nothing stays None."""
    said: dict[str, Any] = {
        "response_headers": _changes(policy.response_headers, variant.response_headers),
        **_tuned(policy, variant.tuning),
    }
    if variant.answer is None:
        said["request_headers"] = _changes(policy.request_headers, variant.request_headers)
        said["rewrite"] = _rewrite(policy.rewrite, variant.rewrite)
        if statements.networks is not None:
            said["networks"] = _networks(policy.networks, statements.networks)
    elif isinstance(variant.answer, Respond):
        said["rewrite"] = None
    found = _REPLACE(policy, **said)
    return None if found == Policy() else found


def _networks(own: Networks | None, more: Networks) -> Networks:
    """An annotation's list stands first, as in ingress-nginx, and ends with `deny all` where it allows somebody: a
    snippet opens nothing that it closes."""
    if own is None:
        return more
    return own if own.allow else Networks(more.allow, (*own.deny, *more.deny))


def _changes(own: HeaderChanges | None, more: tuple[HeaderChange, ...]) -> HeaderChanges | None:
    return HeaderChanges((*(own.changes if own else ()), *more)) if more else own


def _rewrite(own: Rewrite | None, more: Rewrite | None) -> Rewrite | None:
    """A new path of the snippet comes in place of the route's own, and so does a new Host."""
    if own is None or more is None:
        return more or own
    host = own.host if more.host is None else more.host
    return _REPLACE(more if more.pattern else own, host=host)


def _tuned(policy: Policy, tuning: Tuning) -> dict[str, Any]:
    said: dict[str, Any] = {}
    waits = [seconds for seconds in (tuning.read_seconds, tuning.send_seconds) if seconds is not None]
    if waits:
        said["timeouts"] = _REPLACE(policy.timeouts or Timeouts(), idle=max(waits))
    if tuning.max_body is not None:
        said["body_limit"] = tuning.max_body
    if tuning.bytes_per_second is not None:
        said["bandwidth"] = _REPLACE(policy.bandwidth or Bandwidth(), response=tuning.bytes_per_second)
    if tuning.compress is not None:
        said["compression"] = (policy.compression or Compression()) if tuning.compress else None
    if tuning.access_log is not None:
        said["access_log"] = tuning.access_log
    return said
