"""A client stays with its endpoint: envoy.extensions.filters.http.stateful_session.v3.StatefulSession by cookie."""

from __future__ import annotations

from collections.abc import Iterator

from sealos_gateway.envoy import api
from sealos_gateway.model.policy import Policy
from sealos_gateway.model.traffic import PathKind, Route

_COOKIE = "envoy.http.stateful_session.cookie"


def filters(route: Route, policy: Policy) -> Iterator[tuple[str, api.Message]]:
    """The cookie names the endpoint. If that one is gone, another is chosen and a new cookie is set."""
    wanted = policy.affinity
    if wanted is None:
        return
    state = api.session_cookie.CookieBasedSessionState()
    cookie = state.cookie
    cookie.name = wanted.cookie
    cookie.path = wanted.path or _path(route)
    if wanted.max_age:
        cookie.ttl.CopyFrom(api.seconds(wanted.max_age))
    attributes = (("Domain", wanted.domain), ("SameSite", wanted.same_site), ("Secure", "" if wanted.secure else None))
    for name, value in attributes:
        if value or (name == "Secure" and wanted.secure):
            cookie.attributes.add(name=name, value=value or "")
    config = api.stateful_session.StatefulSession()
    config.session_state.name = _COOKIE
    config.session_state.typed_config.CopyFrom(api.pack(state))
    yield "envoy.filters.http.stateful_session", api.pack(config)


def _path(route: Route) -> str:
    """Routes of a host with different backends must not share a cookie, so each has its own path where it has one."""
    return "/" if route.match.kind is PathKind.REGEX else route.match.path
