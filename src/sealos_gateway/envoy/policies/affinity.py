"""A client stays with its endpoint, by a cookie or a header.

Envoy: envoy.extensions.filters.http.stateful_session.v3.StatefulSession. A cookie that ends at the gateway and not in
the browser (`browser_session`) loses its Max-Age on the way out.
"""

from __future__ import annotations

from collections.abc import Iterator

from sealos_gateway.envoy import api, programs
from sealos_gateway.model.policy import Affinity, Policy
from sealos_gateway.model.traffic import Match, PathKind, Route

_COOKIE = "envoy.http.stateful_session.cookie"
_HEADER = "envoy.http.stateful_session.header"


def filters(route: Route, policy: Policy) -> Iterator[tuple[str, api.Message]]:
    """The cookie or header names the endpoint. If that one is gone, another is chosen and named anew."""
    wanted = policy.affinity
    if wanted is None or not wanted.persistent:
        return
    if wanted.browser_session:
        head = f"local cookie = {programs.lua_text(wanted.cookie)}\n"
        source = api.base.DataSource(inline_string=head + programs.program("policies/session.lua"))
        yield "envoy.filters.http.lua", api.pack(api.lua.Lua(default_source_code=source))
    config = api.stateful_session.StatefulSession()
    if wanted.header:
        config.session_state.name = _HEADER
        config.session_state.typed_config.CopyFrom(
            api.pack(api.session_header.HeaderBasedSessionState(name=wanted.header))
        )
    else:
        config.session_state.name = _COOKIE
        config.session_state.typed_config.CopyFrom(api.pack(_cookie(wanted, route.match)))
    yield "envoy.filters.http.stateful_session", api.pack(config)


def _cookie(wanted: Affinity, match: Match) -> api.Message:
    """With a time of life Envoy writes the end of the session into the value, too, and looks at it."""
    state = api.session_cookie.CookieBasedSessionState()
    fill(state.cookie, wanted, match)
    if wanted.max_age:
        state.cookie.ttl.CopyFrom(api.seconds(wanted.max_age))
    return state


def fill(cookie: api.Message, wanted: Affinity, match: Match) -> None:
    """Name, Path and attributes of the cookie, which two messages of Envoy have alike."""
    cookie.name = wanted.cookie
    cookie.path = wanted.path or _path(match)
    attributes = (("Domain", wanted.domain), ("SameSite", wanted.same_site), ("Secure", "" if wanted.secure else None))
    for name, value in attributes:
        if value or (name == "Secure" and wanted.secure):
            cookie.attributes.add(name=name, value=value or "")


def hashed(action: api.Message, wanted: Affinity, match: Match) -> None:
    """A cookie that is hashed instead of naming an endpoint: clients are spread anew when endpoints come or go.

    Envoy sets it with any value where a client has none (RouteAction.HashPolicy.Cookie; a time of 0: a session cookie).
    """
    message = action.hash_policy.add(terminal=True)
    fill(message.cookie, wanted, match)
    message.cookie.ttl.CopyFrom(api.seconds(wanted.max_age or 0))


def _path(match: Match) -> str:
    """Routes of a host with different backends must not share a cookie, so each has its own path where it has one."""
    return "/" if match.kind is PathKind.REGEX else match.path
