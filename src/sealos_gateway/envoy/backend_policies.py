"""How a backend is reached, where a policy says so: the parts of envoy.config.cluster.v3.Cluster that differ."""

from __future__ import annotations

from sealos_gateway.envoy import api, retries, upstream_http
from sealos_gateway.model.backend_policy import ActiveCheck, BackendPolicy, Balance, Limits, PassiveCheck
from sealos_gateway.model.upstream import Backend

_BALANCE = {
    Balance.LEAST_REQUEST: "LEAST_REQUEST",
    Balance.ROUND_ROBIN: "ROUND_ROBIN",
    Balance.RANDOM: "RANDOM",
    Balance.RING_HASH: "RING_HASH",
    Balance.MAGLEV: "MAGLEV",
}


_RAW = "envoy.transport_sockets.raw_buffer"
_PROXY_PROTOCOL = "envoy.transport_sockets.upstream_proxy_protocol"


def fill(message: api.Message, policy: BackendPolicy, backend: Backend) -> None:
    """Write what the policy changes into the cluster of this backend."""
    if policy.connect_timeout is not None:
        message.connect_timeout.CopyFrom(api.seconds(policy.connect_timeout))
    if policy.balance is not None:
        message.lb_policy = api.cluster.Cluster.LbPolicy.Value(_BALANCE[policy.balance])
    if policy.slow_start:
        _slow_start(message, policy)
    if policy.buffer_bytes:
        message.per_connection_buffer_limit_bytes.value = policy.buffer_bytes
    if policy.tcp_keepalive:
        message.upstream_connection_options.tcp_keepalive.keepalive_time.value = policy.tcp_keepalive
    if policy.active is not None:
        message.health_checks.append(_active(policy.active, backend))
    if policy.passive is not None:
        message.outlier_detection.CopyFrom(_passive(policy.passive))
    if policy.limits is not None:
        _limits(message.circuit_breakers.thresholds[0], policy.limits)
    _http(message, policy, backend)
    if policy.proxy_protocol:
        _proxy_protocol(message, policy.proxy_protocol)


def _proxy_protocol(message: api.Message, version: int) -> None:
    """envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport around what is there."""
    inner = message.transport_socket
    if not inner.name:
        inner = api.base.TransportSocket(name=_RAW, typed_config=api.pack(api.raw_buffer.RawBuffer()))
    around = api.upstream_proxy_protocol.ProxyProtocolUpstreamTransport(
        config=api.proxy_protocol_config.ProxyProtocolConfig(version=version - 1), transport_socket=inner
    )
    message.transport_socket.CopyFrom(api.base.TransportSocket(name=_PROXY_PROTOCOL, typed_config=api.pack(around)))


def _http(message: api.Message, policy: BackendPolicy, backend: Backend) -> None:
    differs = policy.idle_timeout is not None or policy.requests_per_connection or policy.max_response_headers_kb
    if not (differs or policy.for_questions):
        return
    options = upstream_http.options(backend.protocol)
    common = options.common_http_protocol_options
    if policy.idle_timeout is not None:
        common.idle_timeout.CopyFrom(api.seconds(policy.idle_timeout))
    if policy.requests_per_connection:
        common.max_requests_per_connection.value = policy.requests_per_connection
    if policy.max_response_headers_kb:
        common.max_response_headers_kb.value = policy.max_response_headers_kb
    if policy.for_questions:
        # Lua cannot ask for it, and for all others of a cluster this would replace what their routes say.
        options.retry_policy.CopyFrom(retries.USUAL)
    message.typed_extension_protocol_options[upstream_http.OPTIONS].CopyFrom(api.pack(options))


def _slow_start(message: api.Message, policy: BackendPolicy) -> None:
    round_robin = policy.balance is Balance.ROUND_ROBIN
    config = message.round_robin_lb_config if round_robin else message.least_request_lb_config
    config.slow_start_config.slow_start_window.CopyFrom(api.seconds(policy.slow_start))


def _active(wanted: ActiveCheck, backend: Backend) -> api.Message:
    check = api.health_check.HealthCheck(
        timeout=api.seconds(wanted.timeout),
        interval=api.seconds(wanted.interval),
        unhealthy_threshold=api.uint(wanted.unhealthy),
        healthy_threshold=api.uint(wanted.healthy),
        no_traffic_interval=api.seconds(wanted.interval),
    )
    if wanted.grpc:
        check.grpc_health_check.SetInParent()
    elif wanted.path:
        check.http_health_check.path = wanted.path
        check.http_health_check.host = wanted.host
        if backend.protocol in upstream_http.HTTP2:
            check.http_health_check.codec_client_type = 1  # HTTP2
        for first, last in wanted.statuses:
            check.http_health_check.expected_statuses.add(start=first, end=last + 1)
    else:
        check.tcp_health_check.SetInParent()
    return check


def _passive(wanted: PassiveCheck) -> api.Message:
    detection = api.outlier_detection.OutlierDetection(
        interval=api.seconds(wanted.interval),
        base_ejection_time=api.seconds(wanted.base_seconds),
        max_ejection_percent=api.uint(wanted.max_percent),
        enforcing_success_rate=api.uint(0),
    )
    if wanted.local_only:
        detection.split_external_local_origin_errors = True
        detection.consecutive_local_origin_failure.value = wanted.consecutive_errors
        detection.enforcing_consecutive_5xx.value = 0
        detection.enforcing_consecutive_gateway_failure.value = 0
    else:
        detection.consecutive_5xx.value = wanted.consecutive_errors
    return detection


def _limits(message: api.Message, wanted: Limits) -> None:
    for field, value in (
        ("max_connections", wanted.connections),
        ("max_pending_requests", wanted.pending),
        ("max_requests", wanted.requests),
        ("max_retries", wanted.retries),
    ):
        if value:
            getattr(message, field).value = value
    if wanted.retry_percent:
        message.retry_budget.budget_percent.value = wanted.retry_percent
        message.retry_budget.min_retry_concurrency.value = wanted.retry_minimum
