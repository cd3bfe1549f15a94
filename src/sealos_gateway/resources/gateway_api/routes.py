"""HTTPRoute, GRPCRoute, TLSRoute, TCPRoute and UDPRoute."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from sealos_gateway.resources.gateway_api.filters import GrpcRouteFilter, HttpRouteFilter
from sealos_gateway.resources.gateway_api.meta import (
    GatewayApiMetadata,
    HeaderName,
    Line,
    ParentReference,
    RouteStatus,
    Value,
    WeightedBackend,
    Whole,
)
from sealos_gateway.resources.meta import Resource


class Route(Resource, frozen=True):
    """What all routes have."""

    metadata: GatewayApiMetadata
    spec: RouteSpec
    status: RouteStatus = RouteStatus()


class RouteSpec(Value, frozen=True, kw_only=True):
    parent_refs: tuple[ParentReference, ...] = ()
    use_default_gateways: str = ""


class SessionCookie(Value, frozen=True):
    """`CookieConfig`. A `Session` cookie ends with the browser, a `Permanent` one when its time is over."""

    name: HeaderName | None = None
    path: Line = "/"
    lifetime_type: str = "Session"


class SessionHeader(Value, frozen=True):
    name: HeaderName


class SessionPersistence(Value, frozen=True):
    """Requests of one session go to one endpoint (experimental).

    v1.7.0 has `cookie` and `header`; `session_name` and `cookie_config` are what they were called in v1.6.1.
    """

    absolute_timeout: str = ""
    type: str = "Cookie"
    cookie: SessionCookie | None = None
    header: SessionHeader | None = None
    session_name: Line = ""
    cookie_config: SessionCookie | None = None


# ---------------------------------------------------------------- HTTP


class PathMatch(Value, frozen=True):
    type: str = "PathPrefix"
    value: Line = "/"


class ValueMatch(Value, frozen=True):
    """A header or a query parameter."""

    name: HeaderName
    value: Line
    type: str = "Exact"


class HttpMatch(Value, frozen=True):
    path: PathMatch = PathMatch()
    headers: tuple[ValueMatch, ...] = ()
    query_params: tuple[ValueMatch, ...] = ()
    method: Line | None = None


class HttpBackend(WeightedBackend, frozen=True):
    filters: tuple[HttpRouteFilter, ...] = ()


class HttpTimeouts(Value, frozen=True):
    """Durations; `None` leaves it to the gateway, `0s` means none."""

    request: str | None = None
    backend_request: str | None = None


class HttpRetry(Value, frozen=True):
    """When a request is sent again, and how often (`attempts` beside the first; 0: never)."""

    codes: tuple[Annotated[int, Meta(ge=400, le=599)], ...] = ()
    attempts: Whole = 1
    backoff: str | None = None


class HttpRule(Value, frozen=True):
    name: str | None = None
    matches: tuple[HttpMatch, ...] = (HttpMatch(),)
    filters: tuple[HttpRouteFilter, ...] = ()
    backend_refs: tuple[HttpBackend, ...] = ()
    timeouts: HttpTimeouts | None = None
    retry: HttpRetry | None = None
    session_persistence: SessionPersistence | None = None


class HttpRouteSpec(RouteSpec, frozen=True):
    hostnames: tuple[str, ...] = ()
    rules: tuple[HttpRule, ...] = (HttpRule(),)


class HTTPRoute(Route, frozen=True):
    spec: HttpRouteSpec = HttpRouteSpec()


# ---------------------------------------------------------------- gRPC


class GrpcMethodMatch(Value, frozen=True):
    """Absent parts match everything."""

    service: Line | None = None
    method: Line | None = None
    type: str = "Exact"


class GrpcMatch(Value, frozen=True):
    method: GrpcMethodMatch | None = None
    headers: tuple[ValueMatch, ...] = ()


class GrpcBackend(WeightedBackend, frozen=True):
    filters: tuple[GrpcRouteFilter, ...] = ()


class GrpcRule(Value, frozen=True):
    """Without matches it takes every request."""

    name: str | None = None
    matches: tuple[GrpcMatch, ...] = ()
    filters: tuple[GrpcRouteFilter, ...] = ()
    backend_refs: tuple[GrpcBackend, ...] = ()
    session_persistence: SessionPersistence | None = None


class GrpcRouteSpec(RouteSpec, frozen=True):
    hostnames: tuple[str, ...] = ()
    rules: tuple[GrpcRule, ...] = ()


class GRPCRoute(Route, frozen=True):
    spec: GrpcRouteSpec = GrpcRouteSpec()


# ---------------------------------------------------------------- connections and datagrams


class StreamRule(Value, frozen=True):
    """Where connections, or datagrams, go."""

    name: str | None = None
    backend_refs: tuple[WeightedBackend, ...] = ()


class StreamRouteSpec(RouteSpec, frozen=True):
    rules: tuple[StreamRule, ...] = ()


class TlsRouteSpec(StreamRouteSpec, frozen=True):
    hostnames: tuple[str, ...] = ()


class TLSRoute(Route, frozen=True):
    spec: TlsRouteSpec = TlsRouteSpec()


class TCPRoute(Route, frozen=True):
    spec: StreamRouteSpec = StreamRouteSpec()


class UDPRoute(Route, frozen=True):
    spec: StreamRouteSpec = StreamRouteSpec()
