"""How a backend is reached, where that differs from the usual way. Part of the backend's key."""

from __future__ import annotations

import enum

import msgspec

from sealos_gateway.resources.meta import Origin, Ref


class _Value(msgspec.Struct, frozen=True, gc=False):
    pass


class Protocol(enum.Enum):
    """What the gateway speaks to the backend."""

    HTTP1 = "http/1.1"
    H2C = "h2c"
    HTTPS = "https"
    HTTPS2 = "https/h2"


class Balance(enum.Enum):
    """How one of the endpoints is chosen. RING_HASH and MAGLEV need a `Policy.hash_by`."""

    LEAST_REQUEST = "least_request"
    ROUND_ROBIN = "round_robin"
    RANDOM = "random"
    RING_HASH = "ring_hash"
    MAGLEV = "maglev"


class BackendTls(_Value, frozen=True):
    """TLS towards a backend. `server_name` is sent as SNI and checked where `verify` is set; empty: no SNI.

    `authorities` (any of them will do) and `certificate` (what the gateway shows) are rows of the tables of authorities
    and of key pairs. `system_trust` stands for the authorities of the machine. Of `names` (DNS) and `uris` one must be
    in the certificate, if any are.
    """

    server_name: str = ""
    verify: bool = False
    authorities: tuple[Origin, ...] = ()
    system_trust: bool = False
    certificate: Ref | None = None
    names: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    verify_depth: int = 0
    min_version: str = ""
    max_version: str = ""
    ciphers: tuple[str, ...] = ()


class ActiveCheck(_Value, frozen=True):
    """Ask every endpoint now and then. An empty path means: connect only. Times in seconds."""

    path: str = ""
    host: str = ""
    interval: float = 10.0
    timeout: float = 2.0
    unhealthy: int = 3
    healthy: int = 2
    statuses: tuple[tuple[int, int], ...] = ((200, 399),)
    grpc: bool = False


class PassiveCheck(_Value, frozen=True):
    """Leave an endpoint out after so many failures in a row, for a growing time. Times in seconds."""

    consecutive_errors: int = 5
    #: Count only failures that no HTTP response explains (connect, reset, timeout).
    local_only: bool = False
    interval: float = 10.0
    base_seconds: float = 30.0
    max_percent: int = 50


class Limits(_Value, frozen=True):
    """Circuit breakers; 0 means none.

    `retry_percent` of the requests under way may be retries, `retry_minimum` always; without it `retries` counts.
    """

    connections: int = 0
    pending: int = 0
    requests: int = 0
    retries: int = 0
    retry_percent: int = 0
    retry_minimum: int = 0


class BackendPolicy(_Value, frozen=True, weakref=True, gc=True):
    """Every attribute has the value that means 'as usual'. Times in seconds, sizes in bytes."""

    protocol: Protocol | None = None
    connect_timeout: float | None = None
    idle_timeout: float | None = None
    balance: Balance | None = None
    slow_start: float = 0.0
    tls: BackendTls | None = None
    active: ActiveCheck | None = None
    passive: PassiveCheck | None = None
    limits: Limits | None = None
    requests_per_connection: int = 0
    max_response_headers_kb: int = 0
    buffer_bytes: int = 0
    #: Use the Service's own address instead of its endpoints.
    service_address: bool = False
    #: Endpoints of this Service port take over while the backend has none that is usable: namespace, service, port.
    fallback: tuple[str, str, int] | None = None
    #: The PROXY protocol towards the backend: 1, 2, or 0 for none.
    proxy_protocol: int = 0
    tcp_keepalive: int = 0
    #: Only questions go there, which no route says anything of: what was not reached is asked at another endpoint.
    for_questions: bool = False


#: The bytes as they are: whatever is said of the Service, nothing is put around them.
AS_IT_IS = BackendPolicy(protocol=Protocol.HTTP1)
