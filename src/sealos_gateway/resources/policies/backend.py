"""BackendPolicy: how the endpoints of a Service are chosen, watched and spoken to."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from sealos_gateway.resources.policies.common import (
    AuthorityReference,
    Ciphers,
    Duration,
    Name,
    Policy,
    Port,
    Quantity,
    SecretReference,
    ServiceReference,
    ServiceTarget,
    StatusCode,
    TlsVersion,
    Value,
)

KIND: Final = "BackendPolicy"
Count = Annotated[int, Meta(ge=1, le=2_147_483_647)]
Attribute = Annotated[str, Meta(pattern=r"^[!-+\--:<-~]*$", max_length=1024)]
UrlPath = Annotated[str, Meta(pattern=r"^/[!-~]*$", max_length=1024)]


class HashKey(Value, frozen=True):
    """Something of a request that is hashed."""

    source: Literal["Header", "Cookie", "QueryParameter", "ClientAddress", "Path", "PathAndQuery", "Host"]
    name: Annotated[Name | None, Meta(description="Which header, cookie or parameter.")] = None


class LoadBalancing(Value, frozen=True):
    """Which endpoint gets a request."""

    algorithm: Annotated[
        Literal["LeastRequest", "RoundRobin", "Random", "RingHash", "Maglev"],
        Meta(description="RingHash and Maglev keep a hash with an endpoint and need `hashOn`."),
    ] = "LeastRequest"
    hash_on: Annotated[
        tuple[HashKey, ...],
        Meta(max_length=8, description="Requests that are equal in all of this go to one endpoint."),
    ] = ()
    slow_start: Annotated[Duration | None, Meta(description="How long a new endpoint gets less than its share.")] = None


class SessionCookie(Value, frozen=True):
    """The cookie that names the endpoint."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=256)]
    path: Annotated[Attribute, Meta(description="Absent: the path of the route.")] = ""
    domain: Annotated[Attribute, Meta(description="Absent: the host that was asked.")] = ""
    max_age: Annotated[Duration | None, Meta(description="Absent: until the browser ends.")] = None
    same_site: Annotated[Literal["", "None", "Lax", "Strict"], Meta(description="SameSite; empty: not said.")] = ""
    secure: Annotated[bool, Meta(description="Only over HTTPS.")] = False
    http_only: Annotated[bool, Meta(description="Not for scripts.")] = True


class SessionAffinity(Value, frozen=True):
    """A client stays with its endpoint while that is there."""

    cookie: SessionCookie


class CodeRange(Value, frozen=True):
    """Status codes from `start` to `end`, both included."""

    start: StatusCode
    end: StatusCode


class ActiveHealthCheck(Value, frozen=True):
    """Every endpoint is asked now and then."""

    type: Annotated[Literal["HTTP", "TCP", "GRPC"], Meta(description="TCP only connects.")] = "HTTP"
    path: Annotated[UrlPath, Meta(description="What is asked for with HTTP.")] = "/"
    hostname: Annotated[Name | None, Meta(description="Host of the question.")] = None
    interval: Duration = "10s"
    timeout: Duration = "2s"
    unhealthy_threshold: Annotated[Annotated[int, Meta(ge=1, le=100)], Meta(description="Failures in a row.")] = 3
    healthy_threshold: Annotated[Annotated[int, Meta(ge=1, le=100)], Meta(description="Successes in a row.")] = 2
    expected_codes: Annotated[
        tuple[CodeRange, ...], Meta(max_length=16, description="Which answers are good; absent: 200 to 399.")
    ] = ()


class PassiveHealthCheck(Value, frozen=True):
    """An endpoint that fails is left out for a while."""

    consecutive_errors: Annotated[
        Annotated[int, Meta(ge=1, le=1000)], Meta(description="Failures in a row: 5xx, and what follows.")
    ] = 5
    connection_errors_only: Annotated[
        bool, Meta(description="Count only failures that no response explains: connect, reset, timeout.")
    ] = False
    interval: Annotated[Duration, Meta(description="How often is looked.")] = "10s"
    base_ejection_time: Annotated[Duration, Meta(description="The first time; it grows.")] = "30s"
    max_ejection_percent: Annotated[
        Annotated[int, Meta(ge=1, le=100)], Meta(description="Of the endpoints at most.")
    ] = 50


class HealthCheck(Value, frozen=True):
    active: ActiveHealthCheck | None = None
    passive: PassiveHealthCheck | None = None


class RetryBudget(Value, frozen=True):
    """How many retries a Service may be sent in proportion to its requests; the rest get the answer there is."""

    percent: Annotated[
        Annotated[int, Meta(ge=1, le=100)], Meta(description="Of the requests under way, retries at most.")
    ] = 20
    min_parallel_retries: Annotated[Count, Meta(description="So many always, however few requests there are.")] = 3


class CircuitBreaker(Value, frozen=True):
    """Limits for the whole Service in each Envoy; what is over one is answered 503."""

    max_connections: Count | None = None
    max_pending_requests: Count | None = None
    max_parallel_requests: Count | None = None
    max_parallel_retries: Count | None = None
    retry_budget: Annotated[RetryBudget | None, Meta(description="Instead of `maxParallelRetries`.")] = None


class BackendTimeouts(Value, frozen=True):
    """`0s` switches one off, but for `connect`."""

    connect: Annotated[Duration | None, Meta(description="Until a connection stands; absent: 5s.")] = None
    read: Annotated[
        Duration | None, Meta(description="Silence of the backend; one clock counts for this and `send`.")
    ] = None
    send: Annotated[Duration | None, Meta(description="How long the backend may take nothing of a request.")] = None
    connection_idle: Annotated[Duration | None, Meta(description="How long a connection is kept unused.")] = None


class BackendTls(Value, frozen=True):
    """TLS towards the Service. A BackendTLSPolicy of the same Service comes before it."""

    server_name: Annotated[Name | None, Meta(description="The name that is asked for (SNI), and checked.")] = None
    insecure_skip_verify: Annotated[
        bool, Meta(description="Believe any certificate. Else `caCertificateRef` or `systemAuthorities` is needed.")
    ] = False
    ca_certificate_ref: Annotated[AuthorityReference | None, Meta(description="Whose certificates are believed.")] = (
        None
    )
    system_authorities: Annotated[bool, Meta(description="Believe the authorities of the machine.")] = False
    subject_alt_names: Annotated[
        tuple[Name, ...], Meta(max_length=16, description="One of these must be in the certificate; a URI has `://`.")
    ] = ()
    client_certificate_ref: Annotated[
        SecretReference | None, Meta(description="The certificate that the gateway shows (kubernetes.io/tls).")
    ] = None
    verify_depth: Annotated[
        Annotated[int, Meta(ge=0, le=100)], Meta(description="Authorities in between; 0: no limit.")
    ] = 0
    min_version: TlsVersion | None = None
    max_version: TlsVersion | None = None
    ciphers: Ciphers = ()


class Connection(Value, frozen=True):
    """Connections to endpoints."""

    max_requests: Annotated[Count | None, Meta(description="Requests until it is closed; 1: no keep-alive.")] = None
    buffer_limit: Annotated[Quantity | None, Meta(description="Bytes that are kept for a slow reader.")] = None
    max_response_headers_size: Annotated[
        Quantity | None, Meta(description="Larger headers of a response are answered 502.")
    ] = None
    tcp_keepalive: Annotated[Duration | None, Meta(description="Silence before the kernel asks.")] = None
    proxy_protocol: Annotated[Literal["V1", "V2"] | None, Meta(description="Say the client's address before.")] = None


class LocalServiceReference(Value, frozen=True):
    """A port of a Service of the same namespace."""

    name: Name
    port: Port

    @property
    def anywhere(self) -> ServiceReference:
        """The same as a reference that may name a namespace."""
        return ServiceReference(self.name, self.port)


class BackendPolicySpec(Value, frozen=True):
    """Everything but the targets may be absent: then it is as without the policy."""

    target_refs: Annotated[
        tuple[ServiceTarget, ...],
        Meta(
            min_length=1,
            max_length=16,
            description="Services of the policy's own namespace; `sectionName` is the name of a port. A port comes "
            "before its Service, field by field; of two policies at one place the older.",
        ),
    ]
    load_balancing: LoadBalancing | None = None
    session_affinity: SessionAffinity | None = None
    health_check: HealthCheck | None = None
    circuit_breaker: CircuitBreaker | None = None
    timeouts: BackendTimeouts | None = None
    protocol: Annotated[
        Literal["HTTP", "HTTPS", "H2C", "GRPC", "GRPCS"] | None,
        Meta(description="What is spoken; GRPC is HTTP/2 without TLS, GRPCS with it. Absent: the port's appProtocol."),
    ] = None
    tls: BackendTls | None = None
    connection: Connection | None = None
    use_service_address: Annotated[
        bool | None, Meta(description="Use the cluster address of the Service instead of its endpoints.")
    ] = None
    fallback: Annotated[
        LocalServiceReference | None, Meta(description="Who answers while the Service has no usable endpoint.")
    ] = None


class BackendPolicy(Policy, frozen=True, kw_only=True):
    spec: BackendPolicySpec
