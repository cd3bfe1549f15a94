"""How often, and how fast: limits of requests and of bandwidth.

A limit protects a backend from load, not data from people: one that cannot be read is told, and the route stays open.
"""

from __future__ import annotations

import re

from sealos_gateway.model.policy import Bandwidth, ConnectionLimit, RateKey, RateLimit
from sealos_gateway.resources.annotations import limits
from sealos_gateway.resources.annotations.entry import Annotation
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values

_BURST = 5
_ROUTE_STATUS = 429
_MOST = 1_000_000
_RATE = re.compile(r"([0-9]{1,9})([kKmMgG]?)", re.ASCII)
_UNITS = {"": 1 << 10, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_RATE_WORDS = "KiB a second as 100, or a size as 100k or 2m"
#: Which annotations say how many in how many seconds, for whom.
_CLIENT = ((limits.LIMIT_RPS, 1), (limits.LIMIT_RPM, 60))
_ROUTE = ((limits.ROUTE_LIMIT_RPS, 1), (limits.ROUTE_LIMIT_RPM, 60))


def read(values: Values, draft: Draft) -> None:
    """`limit-*` and `route-limit-*`."""
    status = draft.world.rules.limit_status
    exempt_networks = exempt(values)
    found = _rates(values, RateKey.CLIENT, _CLIENT, limits.LIMIT_BURST_MULTIPLIER, status, exempt_networks)
    found += _rates(values, RateKey.ROUTE, _ROUTE, limits.ROUTE_LIMIT_BURST_MULTIPLIER, _ROUTE_STATUS, ())
    if found:
        draft.policy["rate_limits"] = found
    if most := values.whole(limits.LIMIT_CONNECTIONS, 0, _MOST):
        draft.policy["connections"] = ConnectionLimit(most, status, exempt_networks)
    rate = values.read(limits.LIMIT_RATE, _rate, _RATE_WORDS)
    if rate and values.read(limits.LIMIT_RATE_AFTER, _rate, _RATE_WORDS):
        # Whoever wants the beginning fast is hurt more by a slow page than by a download that is not slowed down.
        message = (
            "the gateway cannot leave the beginning of a response out, so limit-rate does not hold; remove one of both"
        )
        values.warn(limits.LIMIT_RATE_AFTER, message, "UnsupportedAnnotation")
    elif rate:
        draft.policy["bandwidth"] = Bandwidth(rate)


def exempt(values: Values) -> tuple[str, ...]:
    """The networks whose clients no limit counts."""
    entry = limits.LIMIT_ALLOWLIST if values.has(limits.LIMIT_ALLOWLIST) else limits.LIMIT_WHITELIST
    return values.networks(entry) or ()


def _rates(
    values: Values,
    key: RateKey,
    entries: tuple[tuple[Annotation, int], ...],
    multiplier: Annotation,
    status: int,
    networks: tuple[str, ...],
) -> tuple[RateLimit, ...]:
    """nginx lets `burst` requests through at once besides the one that is due (ngx_http_limit_req_module, nodelay)."""
    found = []
    times = values.whole(multiplier, 1, 1_000) or _BURST
    for entry, seconds in entries:
        if number := values.whole(entry, 0, _MOST):
            found.append(RateLimit(key, number, seconds, number * times + 1, status, networks))
    return tuple(found)


def _rate(text: str) -> int | None:
    found = _RATE.fullmatch(text)
    return int(found[1]) * _UNITS[found[2].lower()] if found else None
