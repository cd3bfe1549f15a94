"""Backends as clusters, endpoint sets as load assignments."""

from __future__ import annotations

from sealos_gateway.envoy import api, names
from sealos_gateway.model.backend_policy import Protocol
from sealos_gateway.model.upstream import Backend, EndpointSet

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_MANY = 1_000_000  # a gateway limits its clients, not its backends: Envoy's default of 1,024 would answer 503
_IDLE_SECONDS = 60


def cluster(backend: Backend, domain: str) -> api.Message:
    """envoy.config.cluster.v3.Cluster: endpoints by EDS, or by DNS for ExternalName."""
    name = names.backend(backend.key, domain)
    message = api.cluster.Cluster(
        name=name,
        connect_timeout=api.seconds(5),
        lb_policy=api.cluster.Cluster.LEAST_REQUEST,
        circuit_breakers=_CIRCUIT_BREAKERS,
        common_lb_config=_NO_PANIC,
    )
    message.typed_extension_protocol_options[_HTTP_OPTIONS].CopyFrom(
        _HTTP2 if backend.protocol is Protocol.H2C else _HTTP1
    )
    if backend.dns_name:
        message.type = api.cluster.Cluster.STRICT_DNS
        message.dns_lookup_family = api.cluster.Cluster.ALL
        message.respect_dns_ttl = True
        message.load_assignment.CopyFrom(_assignment(name, ((backend.dns_name, backend.dns_port),)))
    else:
        message.type = api.cluster.Cluster.EDS
        message.eds_cluster_config.eds_config.CopyFrom(_EDS)
    if backend.protocol is Protocol.HTTPS:
        message.transport_socket.CopyFrom(_tls(backend.dns_name))
    return message


def load_assignment(endpoints: EndpointSet, domain: str) -> api.Message:
    """envoy.config.endpoint.v3.ClusterLoadAssignment, all endpoints in one locality."""
    return _assignment(names.backend(endpoints.key, domain), endpoints.endpoints)


def _assignment(name: str, places: tuple[tuple[str, int], ...]) -> api.Message:
    message = api.endpoint.ClusterLoadAssignment(cluster_name=name)
    if places:
        locality = message.endpoints.add()
        for host, port in places:
            socket = locality.lb_endpoints.add().endpoint.address.socket_address
            socket.address, socket.port_value = host, port
    return message


def _tls(server_name: str) -> api.Message:
    """TLS towards a backend is not verified unless a policy says so, as nginx does by default."""
    return api.base.TransportSocket(
        name="envoy.transport_sockets.tls", typed_config=api.pack(api.tls.UpstreamTlsContext(sni=server_name))
    )


def _http_options(http2: bool) -> api.Message:
    explicit = api.http_options.HttpProtocolOptions.ExplicitHttpConfig()
    if http2:
        explicit.http2_protocol_options.allow_connect = True
    else:
        explicit.http_protocol_options.SetInParent()
    common = api.protocol.HttpProtocolOptions(idle_timeout=api.seconds(_IDLE_SECONDS))
    options = api.http_options.HttpProtocolOptions(explicit_http_config=explicit, common_http_protocol_options=common)
    return api.pack(options)


def _circuit_breakers() -> api.Message:
    most = api.uint(_MANY)
    message = api.circuit_breaker.CircuitBreakers()
    message.thresholds.add(max_connections=most, max_pending_requests=most, max_requests=most, max_retries=api.uint(64))
    return message


def _no_panic() -> api.Message:
    """Without this Envoy would send requests to endpoints it knows to be bad when too few good ones are left."""
    message = api.cluster.Cluster.CommonLbConfig()
    message.healthy_panic_threshold.SetInParent()
    return message


_HTTP1 = _http_options(http2=False)
_HTTP2 = _http_options(http2=True)
_EDS = api.ads()
_CIRCUIT_BREAKERS = _circuit_breakers()
_NO_PANIC = _no_panic()
