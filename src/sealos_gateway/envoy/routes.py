"""One host as its scope and its route configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from sealos_gateway.envoy import (
    actions,
    api,
    authorization,
    client_tls,
    companions,
    forwarding,
    matches,
    names,
    prerouting,
    retries,
    scope,
    variants,
)
from sealos_gateway.envoy.actions import Context
from sealos_gateway.envoy.client_tls import Way
from sealos_gateway.envoy.policies import access, chain
from sealos_gateway.model.keys import BackendKey, HostKey
from sealos_gateway.model.traffic import Match, Route, VirtualHost


def host_scope(key: HostKey) -> api.Message:
    """envoy.config.route.v3.ScopedRouteConfiguration: says that the host exists; its routes come on demand."""
    routes = names.host(key)
    message = api.scoped_route.ScopedRouteConfiguration(
        name=names.scope(key), route_configuration_name=routes, on_demand=True
    )
    message.key.fragments.add().string_key = routes
    return message


def route_configuration(host: VirtualHost, context: Context) -> api.Message:
    """envoy.config.route.v3.RouteConfiguration with one virtual host for any domain: the scope has chosen already.

    It ends with a 404, so that 'no route' can only mean 'no such host'.
    """
    message = api.route.RouteConfiguration(name=names.host(host.key))
    name, disabled = scope.ROUTE_CONFIG
    message.typed_per_filter_config[name].CopyFrom(disabled)
    virtual_host = message.virtual_hosts.add(name=host.key.host, domains=["*"], metadata=scope.KNOWN)
    virtual_host.retry_policy.CopyFrom(retries.USUAL)
    if "*" not in host.key.host:
        context = dataclasses.replace(context, name=host.key.host)
    prerouting.fill(virtual_host, host.asked, context.domain)
    _note_companions(virtual_host, host, context)
    all_secure = bool(host.routes) and all(route.https_only for route in host.routes)
    if all_secure:
        _to_https(virtual_host.routes.add(), matches.ANY_PATH, host.routes[0], context)
    for way in client_tls.ways(host):
        if not (way.plain and all_secure):
            _routes(virtual_host, host, way, context, redirects=not all_secure and not way.host)
    virtual_host.routes.extend(client_tls.refusals(host))
    return message


def _routes(virtual_host: api.Message, host: VirtualHost, way: Way, context: Context, redirects: bool) -> None:
    """All routes of a host, for requests that come on one way."""
    add = virtual_host.routes.add
    for route in host.routes:
        if route.https_only and redirects:
            _to_https(add(), route.match, route, context)
        for variant in variants.variants(route):
            _route(add(), variant, way, context)
    if not any(route.match == matches.ANY_PATH for route in host.routes):
        missing = add(name="not-found")
        missing.match.prefix = "/"
        way.restrict(missing.match)
        missing.direct_response.status = 404


def _note_companions(virtual_host: api.Message, host: VirtualHost, context: Context) -> None:
    if host.asked:
        # Who is asked may lead a request to any of the routes, after its cluster was looked for.
        keys: Iterable[BackendKey] = host.backends
    else:
        keys = (key for route in host.routes if route.policy is not None for key in route.policy.backends)
    companions.note(virtual_host.metadata, (names.backend(key, context.domain) for key in keys))


def _route(message: api.Message, route: Route, way: Way, context: Context) -> None:
    message.name = _name(route)
    matches.fill(message.match, route.match)
    way.restrict(message.match)
    actions.fill(message, route, context)
    plain = route.policy is None and way is client_tls.USUAL[0]
    filters = None if plain else chain.per_route(route, context, way.filters())
    if filters is not None:
        message.typed_per_filter_config[chain.FILTER].CopyFrom(filters)
    access.fill(message, route, context)
    if route.policy is not None and route.policy.authorization is not None:
        asked = authorization.of_route(route.policy, context.domain, context.name)
        message.typed_per_filter_config[forwarding.EXCEPTIONS].CopyFrom(forwarding.with_last(asked))


def _to_https(message: api.Message, match: Match, route: Route, context: Context) -> None:
    message.name = _name(route)
    matches.fill(message.match, match)
    header = message.match.headers.add(name="x-forwarded-proto")
    header.string_match.exact = "http"
    message.redirect.https_redirect = True
    message.redirect.host_redirect = context.name
    access.same_host(message)
    message.redirect.response_code = api.route_components.RedirectAction.PERMANENT_REDIRECT
    if context.https_port != 443:
        message.redirect.port_redirect = context.https_port


def _name(route: Route) -> str:
    """What the access log calls the route: namespace/name of the object it came from."""
    return str(route.origin.ref)
