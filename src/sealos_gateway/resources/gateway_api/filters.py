"""What the rules of HTTPRoute and GRPCRoute do to requests and answers.

A filter names its `type`, and only the field of that type counts. Durations are text (`1m30s`, GEP-2257).
"""

from __future__ import annotations

from sealos_gateway.resources.gateway_api.meta import BackendReference, LocalObjectReference, Value


class Header(Value, frozen=True):
    name: str
    value: str


class HeaderFilter(Value, frozen=True):
    """`HTTPHeaderFilter`: headers to set, to add, to remove."""

    set: tuple[Header, ...] = ()
    add: tuple[Header, ...] = ()
    remove: tuple[str, ...] = ()


class Fraction(Value, frozen=True):
    numerator: int
    denominator: int = 100


class RequestMirror(Value, frozen=True):
    """A copy of requests: of all, of `percent` in a hundred, or of a fraction."""

    backend_ref: BackendReference
    percent: int | None = None
    fraction: Fraction | None = None


class PathModifier(Value, frozen=True):
    type: str
    replace_full_path: str | None = None
    replace_prefix_match: str | None = None


class RequestRedirect(Value, frozen=True):
    scheme: str | None = None
    hostname: str | None = None
    path: PathModifier | None = None
    port: int | None = None
    status_code: int = 302


class UrlRewrite(Value, frozen=True):
    hostname: str | None = None
    path: PathModifier | None = None


class Cors(Value, frozen=True):
    """Cross-origin requests; `max_age` is in seconds."""

    allow_origins: tuple[str, ...] = ()
    allow_credentials: bool = False
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: int = 5


class GrpcAuth(Value, frozen=True):
    allowed_headers: tuple[str, ...] = ()


class HttpAuth(Value, frozen=True):
    path: str = ""
    allowed_headers: tuple[str, ...] = ()
    allowed_response_headers: tuple[str, ...] = ()


class ForwardBody(Value, frozen=True):
    """How many bytes of a request the authority sees; zero: none."""

    max_size: int = 0


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
