"""sessionPersistence of a rule: what keeps a client with its endpoint.

Source: Gateway API v1.7.0, `SessionPersistence`, and GEP-1619; the names of v1.6.1 are read as well.
"""

from __future__ import annotations

import hashlib

from sealos_gateway.model.policy import Affinity
from sealos_gateway.resources.gateway_api import routes as api
from sealos_gateway.resources.meta import Origin
from sealos_gateway.translate.gateway_api import durations
from sealos_gateway.translate.gateway_api.listeners import ACCEPTED, Flaw

#: The header of objects of v1.6.1 that name none.
_HEADER = "sealos-session"
#: A browser sends the cookie only with requests that start at the same site (GEP-1619, "Secure, HttpOnly, SameSite").
_SAME_SITE = "Strict"


def affinity(
    where: str, origin: Origin, rule: str, wanted: api.SessionPersistence
) -> tuple[Affinity | None, tuple[Flaw, ...]]:
    """What is kept, and what is wrong; `rule` tells the rule from the others of its route.

    None where no session can be kept at all; the requests are served all the same.
    """
    seconds = durations.seconds(wanted.absolute_timeout) if wanted.absolute_timeout else None
    if wanted.absolute_timeout and seconds is None:
        return None, (_wrong(f"{where}.absoluteTimeout: {wanted.absolute_timeout[:40]!a} is not a duration as 1m30s"),)
    match wanted.type:
        case "Header":
            return _by_header(where, wanted)
        case "Cookie":
            # A browser counts whole seconds; half a second must not become none, which would mean for ever.
            return _by_cookie(where, origin, rule, wanted, max(1, round(seconds)) if seconds else None)
        case other:
            return None, (_wrong(f"{where}.type: {other[:40]!a} is not known; use Cookie or Header"),)


def _by_header(where: str, wanted: api.SessionPersistence) -> tuple[Affinity | None, tuple[Flaw, ...]]:
    name = wanted.header.name if wanted.header else wanted.session_name or _HEADER
    kept = Affinity("", header=name.lower())
    if not wanted.absolute_timeout:
        return kept, ()
    text = "a session that a header names has no end; use type Cookie where it is to end"
    return kept, (_wrong(f"{where}.absoluteTimeout: {text}"),)


def _by_cookie(
    where: str, origin: Origin, rule: str, wanted: api.SessionPersistence, seconds: int | None
) -> tuple[Affinity | None, tuple[Flaw, ...]]:
    cookie = wanted.cookie or wanted.cookie_config or api.SessionCookie()
    name = cookie.name or wanted.session_name or _unique(origin, rule)
    if not cookie.path.startswith("/") or ";" in cookie.path:
        return None, (_wrong(f"{where}.cookie.path: {cookie.path[:80]!a} is no path; it starts with / and has no ;"),)
    if cookie.lifetime_type not in ("Session", "Permanent"):
        text = f"{cookie.lifetime_type[:40]!a} is not known; use Session or Permanent"
        return None, (_wrong(f"{where}.cookie.lifetimeType: {text}"),)
    lasting = cookie.lifetime_type == "Permanent"
    kept = Affinity(
        name, cookie.path, max_age=seconds, same_site=_SAME_SITE, browser_session=bool(seconds and not lasting)
    )
    if lasting and not seconds:
        return kept, (_wrong(f"{where}.absoluteTimeout: a Permanent cookie needs one"),)
    return kept, ()


def _unique(origin: Origin, rule: str) -> str:
    """A name that no other rule has: two rules with one cookie would take the endpoint from each other."""
    return f"sgw-{hashlib.sha256(f'{origin}|{rule}'.encode()).hexdigest()[:12]}"


def _wrong(message: str) -> Flaw:
    return Flaw(ACCEPTED, "UnsupportedValue", message)
