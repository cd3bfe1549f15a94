"""TrafficPolicy: what happens to requests besides where they go and who may send them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sealos_gateway.resources.policies.common import (
    Cidrs,
    Duration,
    ErrorCode,
    HeaderName,
    HeaderNames,
    Headers,
    Name,
    Policy,
    Quantity,
    RouteTargets,
    ServiceReference,
    Text,
    Value,
)

KIND: Final = "TrafficPolicy"


class Timeouts(Value, frozen=True):
    """How long things may take; `0s` switches one off."""

    request: Annotated[Duration | None, Meta(description="The whole exchange; then the client gets 504.")] = None
    backend_request: Annotated[Duration | None, Meta(description="One try of it, where it is retried.")] = None
    idle: Annotated[Duration | None, Meta(description="Silence in both directions.")] = None


Trigger = Literal["connect-failure", "refused-stream", "reset", "reset-before-request", "gateway-error", "5xx"]


class Retry(Value, frozen=True):
    """When a request is sent again."""

    attempts: Annotated[
        Annotated[int, Meta(ge=0, le=10)],
        Meta(description="How often after the first try; 0 switches off what a Gateway or Ingress says."),
    ] = 2
    triggers: Annotated[
        tuple[Trigger, ...],
        Meta(
            max_length=6,
            description="What is retried, in Envoy's words; empty: what did not reach a backend, and after a reset what"
            " is harmless to repeat (RFC 9110, 9.2.2).",
        ),
    ] = ()
    codes: Annotated[tuple[ErrorCode, ...], Meta(max_length=32, description="Status codes that are retried too.")] = ()
    backoff: Annotated[Duration | None, Meta(description="Least pause; it doubles with each try.")] = None
    max_backoff: Annotated[Duration | None, Meta(description="Longest pause.")] = None
    idempotent_only: Annotated[
        bool, Meta(description="What reached a backend: only methods whose repetition is harmless (RFC 9110, 9.2.2).")
    ] = False


class RequestHeaders(Value, frozen=True):
    """Changes of the headers of a request, in this order: remove, set, add, addIfAbsent."""

    set: Annotated[Headers, Meta(description="Replace, or add.")] = ()
    add: Annotated[Headers, Meta(description="Add to those that are there.")] = ()
    add_if_absent: Annotated[Headers, Meta(description="Add where there is none.")] = ()
    remove: Annotated[HeaderNames, Meta(description="Take away.")] = ()


class ResponseHeaders(RequestHeaders, frozen=True):
    """Changes of the headers of a response, in this order: remove, set, add, addIfAbsent, replace."""

    replace: Annotated[Headers, Meta(description="Replace where the backend sent one.")] = ()


Origin = Annotated[str, Meta(pattern=r"^(\*|([A-Za-z][A-Za-z0-9+.-]*://)?(\*\.)?[A-Za-z0-9_.-]+(:[0-9]{1,5})?)$")]


class Cors(Value, frozen=True):
    """Requests of pages of other origins (Fetch standard)."""

    allow_origins: Annotated[
        tuple[Origin, ...],
        Meta(min_length=1, max_length=64, description="`*`, `https://a.example.com`, `https://*.example.com`."),
    ]
    allow_methods: Annotated[
        tuple[HeaderName, ...], Meta(max_length=16, description="Methods that a page may use; `*` for all.")
    ] = ()
    allow_headers: Annotated[HeaderNames, Meta(description="Headers that a page may send; `*` for all.")] = ()
    expose_headers: Annotated[HeaderNames, Meta(description="Headers that a page may read.")] = ()
    allow_credentials: Annotated[bool, Meta(description="Whether with cookies and passwords.")] = False
    max_age: Annotated[Duration | None, Meta(description="How long a browser remembers the answer.")] = None


class Compression(Value, frozen=True):
    """Responses are compressed with gzip for clients that accept it."""

    content_types: Annotated[
        tuple[Name, ...], Meta(max_length=64, description="Content types; empty: text, JSON, JavaScript, XML, SVG.")
    ] = ()
    min_size: Annotated[Quantity | None, Meta(description="Smaller responses are left alone; absent: 256 bytes.")] = (
        None
    )
    level: Annotated[Annotated[int, Meta(ge=1, le=9)], Meta(description="1 is fast, 9 is small.")] = 1


#: Of the codes that Envoy can answer with those that make sense here.
LimitCode = Literal[400, 401, 402, 403, 404, 408, 409, 410, 421, 423, 424, 428, 429, 431, 500, 502, 503, 504, 507, 508]


class RateLimit(Value, frozen=True):
    """A bucket of requests, in each Envoy."""

    requests: Annotated[Annotated[int, Meta(ge=1, le=1_000_000)], Meta(description="How many in one interval.")]
    interval: Annotated[Duration, Meta(description="Whole seconds, at least 1s.")] = "1s"
    per: Annotated[
        Literal["ClientAddress", "Route"],
        Meta(description="Counted for each client address (IPv6: its /64), or for all together."),
    ] = "ClientAddress"
    burst: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000_000)] | None, Meta(description="At most at once; absent: `requests`.")
    ] = None
    status_code: Annotated[LimitCode, Meta(description="What those over it are answered.")] = 429
    exempt: Annotated[Cidrs, Meta(description="Networks of clients that are not counted.")] = ()


class ConnectionLimit(Value, frozen=True):
    """How many requests one client address may have in progress, in each worker thread."""

    per_client: Annotated[int, Meta(ge=1, le=1_000_000)]
    status_code: Annotated[LimitCode, Meta(description="What those over it are answered.")] = 503
    exempt: Annotated[Cidrs, Meta(description="Networks of clients that are not counted.")] = ()


class Bandwidth(Value, frozen=True):
    """Bytes a second; absent: no limit."""

    response: Annotated[Quantity | None, Meta(description="Of each response.")] = None
    request: Annotated[Quantity | None, Meta(description="Of the body of each request.")] = None


class Mirror(Value, frozen=True):
    """A copy of requests, whose answers nobody reads."""

    backend_ref: ServiceReference
    percent: Annotated[Annotated[int, Meta(ge=0, le=100)], Meta(description="Of how many requests.")] = 100
    hostname: Annotated[Name | None, Meta(description="Host of the copy; absent: that of the request.")] = None


class ErrorPages(Value, frozen=True):
    """Answers with these codes are replaced by what a Service says to the same request, with X-Code and so on."""

    codes: Annotated[tuple[ErrorCode, ...], Meta(min_length=1, max_length=200)]
    backend_ref: ServiceReference


class Rewrite(Value, frozen=True):
    """What the backend is asked for. A prefix is replaced by the filters of a route."""

    pattern: Annotated[Text, Meta(description="Regular expression (RE2): what it matches of the path is replaced.")] = (
        ""
    )
    substitution: Annotated[Text, Meta(description=r"What stands there instead; \1 is the first group.")] = ""
    hostname: Annotated[
        Text, Meta(description="Host towards the backend; variables as nginx writes them are filled in.")
    ] = ""


class CookieRewrite(Value, frozen=True):
    """Domain, or the beginning of Path, of cookies that the backend sets."""

    attribute: Literal["Domain", "Path"]
    from_: Annotated[Name, Meta(description="What stands there.")] = msgspec.field(name="from")
    to: Annotated[Name, Meta(description="What shall stand there.")]


class LocationRewrite(Value, frozen=True):
    """The beginning of Location (and Refresh) of the backend."""

    from_: Annotated[Name, Meta(description="What stands there.")] = msgspec.field(name="from")
    to: Annotated[Name, Meta(description="What shall stand there.")]


class Tracing(Value, frozen=True):
    """Spans, where the setting `tracing.collector` names who gets them."""

    enabled: Annotated[
        bool | None, Meta(description="Whether requests are traced; absent: as `tracing.everywhere` says.")
    ] = None
    operation: Annotated[Text, Meta(description="What spans are called; variables as nginx writes them.")] = ""


class Switch(Value, frozen=True):
    enabled: bool = True


class TrafficPolicySpec(Value, frozen=True):
    """Everything but the targets may be absent: then it is as without the policy."""

    target_refs: RouteTargets
    timeouts: Timeouts | None = None
    retry: Retry | None = None
    request_headers: RequestHeaders | None = None
    response_headers: ResponseHeaders | None = None
    cors: Cors | None = None
    max_request_body_size: Annotated[
        Quantity | None, Meta(description="A larger body is answered 413, without being buffered; 0: no limit.")
    ] = None
    request_buffering: Annotated[
        bool | None, Meta(description="Whether a request is received completely before the backend gets it.")
    ] = None
    compression: Compression | None = None
    rate_limits: Annotated[
        Annotated[tuple[RateLimit, ...], Meta(max_length=8)] | None,
        Meta(description="All of them hold; an empty list: none."),
    ] = None
    connection_limit: ConnectionLimit | None = None
    bandwidth: Bandwidth | None = None
    mirrors: Annotated[
        Annotated[tuple[Mirror, ...], Meta(max_length=4)] | None, Meta(description="Who gets copies.")
    ] = None
    error_pages: ErrorPages | None = None
    rewrite: Rewrite | None = None
    cookie_rewrites: Annotated[
        Annotated[tuple[CookieRewrite, ...], Meta(max_length=8)] | None, Meta(description="For cookies of the backend.")
    ] = None
    location_rewrites: Annotated[
        Annotated[tuple[LocationRewrite, ...], Meta(max_length=8)] | None,
        Meta(description="For redirects of the backend."),
    ] = None
    tracing: Tracing | None = None
    access_log: Annotated[Switch | None, Meta(description="Whether requests are logged.")] = None


class TrafficPolicy(Policy, frozen=True, kw_only=True):
    spec: TrafficPolicySpec
