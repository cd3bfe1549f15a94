"""Backends as clusters, endpoint sets as load assignments."""

from __future__ import annotations

from collections.abc import Sequence

from sealos_gateway.envoy import api, backend_policies, names, upstream_http, upstream_tls
from sealos_gateway.model.backend_policy import Protocol
from sealos_gateway.model.upstream import Backend, EndpointSet

#: Every address that a name has, asked for again when the answer ends.
_DNS = api.pack(api.dns_cluster.DnsCluster(respect_dns_ttl=True, dns_lookup_family=api.dns.ALL))
_MANY = 1_000_000  # a gateway limits its clients, not its backends: Envoy's default of 1,024 would answer 503
#: Whoever sends a datagram begins a session, with a socket of Envoy and about 5 kB, and who that is may be a lie. So
#: a flood must not take the files and the memory that everybody else needs; a BackendPolicy may say another number.
_SESSIONS = 32_768


def cluster(backend: Backend, domain: str) -> api.Message:
    """envoy.config.cluster.v3.Cluster: endpoints by EDS, or by DNS for ExternalName; its policy where it has one."""
    name = names.backend(backend.key, domain)
    message = api.cluster.Cluster(
        name=name,
        connect_timeout=_CONNECT,
        lb_policy=api.cluster.Cluster.LEAST_REQUEST,
        circuit_breakers=_CIRCUIT_BREAKERS,
        common_lb_config=_NO_PANIC,
    )
    if backend.key.transport == "UDP":
        message.lb_policy = api.cluster.Cluster.ROUND_ROBIN  # of datagrams no number of requests is known
        message.circuit_breakers.thresholds[0].max_connections.value = _SESSIONS
    else:
        message.typed_extension_protocol_options[upstream_http.OPTIONS].CopyFrom(_USUAL_HTTP[backend.protocol])
    if backend.key.policy is not None:
        # What it did is counted under the name without the policy: that is what dashboards ask for.
        message.alt_stat_name = names.backend(backend.key._replace(policy=None), domain)
    if backend.shut:  # no endpoints: it is answered 503, and never connected to
        message.type = api.cluster.Cluster.STATIC
        message.load_assignment.CopyFrom(_assignment(name, ()))
        return message
    if backend.dns_name:
        message.cluster_type.name = "envoy.clusters.dns"
        message.cluster_type.typed_config.CopyFrom(_DNS)
        message.load_assignment.CopyFrom(_assignment(name, ((backend.dns_name, backend.dns_port),)))
    else:
        message.type = api.cluster.Cluster.EDS
        message.eds_cluster_config.eds_config.CopyFrom(_EDS)
    if backend.protocol in _SECURE or backend.tls is not None:
        message.transport_socket.CopyFrom(upstream_tls.transport_socket(backend))
    if backend.policy is not None:
        backend_policies.fill(message, backend.policy, backend)
    return message


def load_assignment(endpoints: EndpointSet, domain: str) -> api.Message:
    """envoy.config.endpoint.v3.ClusterLoadAssignment, all endpoints in one locality, fallbacks in a second priority."""
    message = _assignment(names.backend(endpoints.key, domain), endpoints.endpoints)
    if endpoints.fallback:
        if not message.endpoints:
            message.endpoints.add()
        _locality(message.endpoints.add(priority=1), endpoints.fallback)
    return message


def _assignment(name: str, places: tuple[tuple[str, int], ...]) -> api.Message:
    message = api.endpoint.ClusterLoadAssignment(cluster_name=name)
    if places:
        _locality(message.endpoints.add(), places)
    return message


def _locality(message: api.Message, places: Sequence[tuple[str, int]]) -> None:
    for host, port in places:
        socket = message.lb_endpoints.add().endpoint.address.socket_address
        socket.address, socket.port_value = host, port


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


_SECURE = (Protocol.HTTPS, Protocol.HTTPS2)
_CONNECT = api.seconds(5)
_USUAL_HTTP = {kind: api.pack(upstream_http.options(kind)) for kind in Protocol}
_EDS = api.ads()
_CIRCUIT_BREAKERS = _circuit_breakers()
_NO_PANIC = _no_panic()
