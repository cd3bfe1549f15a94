"""What the rules of HTTPRoute and GRPCRoute do to requests and answers.

A filter names its `type`, and only the field of that type counts. Durations are text (`1m30s`, GEP-2257).
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from sealos_gateway.resources.gateway_api.meta import (
    BackendReference,
    HeaderName,
    Line,
    LocalObjectReference,
    Port,
    Value,
    Whole,
)


class Header(Value, frozen=True):
    name: HeaderName
    value: Line


class HeaderFilter(Value, frozen=True):
    """`HTTPHeaderFilter`: headers to set, to add, to remove."""

    set: tuple[Header, ...] = ()
    add: tuple[Header, ...] = ()
    remove: tuple[HeaderName, ...] = ()


class Fraction(Value, frozen=True):
    numerator: Whole
    denominator: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 100


class RequestMirror(Value, frozen=True):
    """A copy of requests: of all, of `percent` in a hundred, or of a fraction."""

    backend_ref: BackendReference
    percent: Annotated[int, Meta(ge=0, le=100)] | None = None
    fraction: Fraction | None = None


class PathModifier(Value, frozen=True):
    type: str
    replace_full_path: Line | None = None
    replace_prefix_match: Line | None = None


class RequestRedirect(Value, frozen=True):
    scheme: Literal["http", "https"] | None = None
    hostname: Line | None = None
    path: PathModifier | None = None
    port: Port | None = None
    status_code: Literal[301, 302, 303, 307, 308] = 302


class UrlRewrite(Value, frozen=True):
    hostname: Line | None = None
    path: PathModifier | None = None


class Cors(Value, frozen=True):
    """Cross-origin requests; `max_age` is in seconds."""

    allow_origins: tuple[Line, ...] = ()
    allow_credentials: bool = False
    allow_methods: tuple[Line, ...] = ()
    allow_headers: tuple[Line, ...] = ()
    expose_headers: tuple[Line, ...] = ()
    max_age: Whole = 5


class GrpcAuth(Value, frozen=True):
    allowed_headers: tuple[str, ...] = ()


class HttpAuth(Value, frozen=True):
    path: str = ""
    allowed_headers: tuple[str, ...] = ()
    allowed_response_headers: tuple[str, ...] = ()


class ForwardBody(Value, frozen=True):
    """How many bytes of a request the authority sees; zero: none."""

    max_size: Whole = 0


class ExternalAuth(Value, frozen=True):
    """Who decides whether a request may pass (experimental)."""

    protocol: str
    backend_ref: BackendReference
    grpc: GrpcAuth | None = None
    http: HttpAuth | None = None
    forward_body: ForwardBody | None = None


class GrpcRouteFilter(Value, frozen=True):
    """The filters that gRPC has."""

    type: str
    request_header_modifier: HeaderFilter | None = None
    response_header_modifier: HeaderFilter | None = None
    request_mirror: RequestMirror | None = None
    extension_ref: LocalObjectReference | None = None


class HttpRouteFilter(GrpcRouteFilter, frozen=True):
    """The same and those that only HTTP has."""

    request_redirect: RequestRedirect | None = None
    url_rewrite: UrlRewrite | None = None
    cors: Cors | None = None
    external_auth: ExternalAuth | None = None
