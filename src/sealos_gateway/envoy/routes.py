"""One host as its scope and its route configuration."""

from __future__ import annotations

from sealos_gateway.envoy import api, names, scope
from sealos_gateway.model.traffic import Forward, HostKey, Match, PathKind, Respond, Route, VirtualHost

#: Appended to a serialised scope it says `on_demand: false` (field 4, varint; the last value of a field counts):
#: how a scope is made eager for one Envoy without another version of it.
EAGER = b"\x20\x00"


def host_scope(key: HostKey) -> api.Message:
    """envoy.config.route.v3.ScopedRouteConfiguration: says that the host exists; its routes come on demand."""
    routes = names.host(key)
    message = api.scoped_route.ScopedRouteConfiguration(
        name=names.scope(key), route_configuration_name=routes, on_demand=True
    )
    message.key.fragments.add().string_key = routes
    return message


def route_configuration(host: VirtualHost, domain: str, https_port: int) -> api.Message:
    """envoy.config.route.v3.RouteConfiguration with one virtual host for any domain: the scope has chosen already.

    It ends with a 404, so that 'no route' can only mean 'no such host'. `https_port` goes into redirects to HTTPS.
    """
    message = api.route.RouteConfiguration(name=names.host(host.key))
    name, disabled = scope.ROUTE_CONFIG
    message.typed_per_filter_config[name].CopyFrom(disabled)
    virtual_host = message.virtual_hosts.add(name=host.key.host, domains=["*"], metadata=scope.KNOWN)
    virtual_host.retry_policy.CopyFrom(_RETRY)
    add = virtual_host.routes.add
    all_secure = bool(host.routes) and all(route.https_only for route in host.routes)
    if all_secure:
        _redirect(add(), Match(PathKind.PREFIX, "/"), host.routes[0], https_port)
    for route in host.routes:
        if route.https_only and not all_secure:
            _redirect(add(), route.match, route, https_port)
        _route(add(), route, domain)
    if not any(route.match == _ANY_PATH for route in host.routes):
        add(name="not-found").direct_response.status = 404
        virtual_host.routes[-1].match.prefix = "/"
    return message


def nothing(name: str) -> bytes:
    """A route configuration without a single host: what a host that is gone answers with."""
    return bytes(api.route.RouteConfiguration(name=name).SerializeToString(deterministic=True))


def clusters(body: bytes) -> tuple[str, ...]:
    """The clusters that a serialised route configuration names, each once."""
    message = api.route.RouteConfiguration.FromString(body)
    found = (route.route.cluster for host in message.virtual_hosts for route in host.routes)
    return tuple(dict.fromkeys(name for name in found if name))


def _route(message: api.Message, route: Route, domain: str) -> None:
    message.name = _name(route)
    _match(message.match, route.match)
    match route.action:
        case Forward(backend):
            message.route.cluster = names.backend(backend, domain)
            message.route.timeout.SetInParent()  # zero: no time limit for a whole response, streams may last
        case Respond(status, body):
            message.direct_response.status = status
            if body:
                message.direct_response.body.inline_string = body


def _redirect(message: api.Message, match: Match, route: Route, https_port: int) -> None:
    message.name = _name(route)
    _match(message.match, match)
    header = message.match.headers.add(name="x-forwarded-proto")
    header.string_match.exact = "http"
    message.redirect.https_redirect = True
    message.redirect.response_code = api.route_components.RedirectAction.PERMANENT_REDIRECT
    if https_port != 443:
        message.redirect.port_redirect = https_port


def _name(route: Route) -> str:
    """What the access log calls the route: namespace/name of the object it came from."""
    return str(route.origin.ref)


def _match(message: api.Message, match: Match) -> None:
    if match.kind is PathKind.EXACT:
        message.path = match.path
    elif match.path == "/":
        message.prefix = "/"
    else:
        message.path_separated_prefix = match.path


def _retry() -> api.Message:
    """Only what is safe to repeat: the request has not reached the backend."""
    policy = api.route_components.RetryPolicy(
        retry_on="connect-failure,refused-stream,reset-before-request",
        num_retries=api.uint(2),
        host_selection_retry_max_attempts=3,
    )
    policy.retry_host_predicate.add(
        name="envoy.retry_host_predicates.previous_hosts",
        typed_config=api.pack(api.previous_hosts.PreviousHostsPredicate()),
    )
    return policy


_ANY_PATH = Match(PathKind.PREFIX, "/")
_RETRY = _retry()
