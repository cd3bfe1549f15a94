"""Which endpoint of a backend gets a request: algorithm, hashing, a cookie, checks and limits."""

from __future__ import annotations

from sealos_gateway.model.backend_policy import ActiveCheck, Balance, Limits, PassiveCheck
from sealos_gateway.model.header_names import token
from sealos_gateway.model.policy import Affinity
from sealos_gateway.model.template import Of, Template, Variable
from sealos_gateway.resources.annotations import balance
from sealos_gateway.translate.annotations import templates
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values

_ALGORITHMS = {
    "round_robin": Balance.ROUND_ROBIN,
    "ewma": Balance.LEAST_REQUEST,
    "least_request": Balance.LEAST_REQUEST,
    "least_conn": Balance.LEAST_REQUEST,
    "random": Balance.RANDOM,
    "ip_hash": Balance.MAGLEV,
}
_HASHABLE = (
    Of.REQUEST_HEADER, Of.COOKIE, Of.QUERY_PARAMETER, Of.CLIENT_ADDRESS, Of.PATH, Of.PATH_AND_QUERY, Of.HOST,
    Of.AUTHORITY,
)  # fmt: skip
_SAME_SITE = {"none": "None", "lax": "Lax", "strict": "Strict"}


def read(values: Values, draft: Draft) -> None:
    """`load-balance`, `upstream-hash-by`, `affinity`, health checks and limits."""
    algorithm = values.choice(balance.LOAD_BALANCE, *_ALGORITHMS)
    if algorithm is not None:
        draft.backend["balance"] = _ALGORITHMS[algorithm]
    if algorithm == "ip_hash":
        draft.policy["hash_by"] = (Template((Variable(Of.CLIENT_ADDRESS),)),)
    if (keys := _keys(values)) is not None:
        draft.policy["hash_by"] = keys
        draft.backend["balance"] = Balance.MAGLEV
    if values.boolean(balance.HASH_SUBSET):
        values.complain(balance.HASH_SUBSET, "a group of endpoints for one key is not possible here")
    _affinity(values, draft)
    _checks(values, draft)


def _keys(values: Values) -> tuple[Template, ...] | None:
    """One template for each variable: Envoy hashes them one after the other."""
    template = templates.optional(values, balance.HASH_BY, _HASHABLE, "when an endpoint is chosen")
    if template is None:
        return None
    if not template.variables:
        message = f"{str(template)[:60]!r} names no variable, so every request would go to one endpoint"
        values.complain(balance.HASH_BY, message)
        return None
    return tuple(Template((variable,)) for variable in template.variables)


def _affinity(values: Values, draft: Draft) -> None:
    if values.choice(balance.AFFINITY, "cookie") is None:
        return
    balanced = values.choice(balance.AFFINITY_MODE, "balanced", "persistent") == "balanced"
    if balanced and "balance" not in draft.backend:
        draft.backend["balance"] = Balance.MAGLEV
    _tell_of_moves(values)
    name = values.read(balance.COOKIE_NAME, token, "a cookie name")
    path = values.read(balance.COOKIE_PATH, _attribute, "a path without semicolons")
    domain = values.read(balance.COOKIE_DOMAIN, _attribute, "a domain")
    age = values.whole(balance.COOKIE_MAX_AGE)
    expires = values.whole(balance.COOKIE_EXPIRES)
    same_site = values.choice(balance.COOKIE_SAME_SITE, *_SAME_SITE)
    draft.policy["affinity"] = Affinity(
        name or "INGRESSCOOKIE",
        path=path or "",
        domain=domain or "",
        max_age=age if age is not None else expires,
        same_site=_SAME_SITE[same_site] if same_site else "",
        secure=values.boolean(balance.COOKIE_SECURE) or False,
        persistent=not balanced,
    )


def _tell_of_moves(values: Values) -> None:
    """Who asks that a client stays where it does not stay here shall know it."""
    if values.choice(balance.AFFINITY_CANARY, "sticky", "legacy") == "sticky":
        message = (
            "the share of a canary is drawn anew for every request, so a client may change between canary and main;"
            " choose the canary by canary-by-cookie or canary-by-header instead of by weight"
        )
        values.warn(balance.AFFINITY_CANARY, message, "UnsupportedAnnotation")
    if values.boolean(balance.COOKIE_ON_FAILURE) is False:
        message = "a client moves to another endpoint when its own is gone or unhealthy; write true, or leave it out"
        values.warn(balance.COOKIE_ON_FAILURE, message, "UnsupportedAnnotation")


def _attribute(text: str) -> str | None:
    return text if text.isascii() and text.isprintable() and not set(text) & set("; ,") else None


def _checks(values: Values, draft: Draft) -> None:
    path = values.read(balance.HEALTH_PATH, lambda text: text if text.startswith("/") else None, "a path")
    interval = values.whole(balance.HEALTH_INTERVAL, 1, 3600)
    if path:
        draft.backend["active"] = ActiveCheck(path, interval=float(interval or 10))
    if errors := values.whole(balance.PASSIVE_ERRORS, 1, 1000):
        draft.backend["passive"] = PassiveCheck(errors)
    limits = Limits(
        connections=values.whole(balance.MAX_CONNECTIONS) or 0,
        pending=values.whole(balance.MAX_PENDING) or 0,
        requests=values.whole(balance.MAX_REQUESTS) or 0,
    )
    if limits != Limits():
        draft.backend["limits"] = limits
