"""Clusters and load assignments."""

from __future__ import annotations

from typing import Any

import pytest

from sealos_gateway.envoy import api, names, upstreams
from sealos_gateway.model.backend_policy import Protocol
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.upstream import Backend, Endpoint, EndpointSet
from tests.envoy import rules

KEY = BackendKey("shop", "web", 80)
NAME = "outbound|80||web.shop.svc.cluster.local"


def cluster(backend: Backend) -> Any:
    message = upstreams.cluster(backend, "cluster.local")
    assert not rules.broken(message)
    return message


def http_options(message: Any) -> Any:
    (packed,) = message.typed_extension_protocol_options.values()
    found = api.http_options.HttpProtocolOptions()
    assert packed.Unpack(found)
    return found


def test_endpoints_come_over_the_same_stream() -> None:
    message = cluster(Backend(KEY))
    assert message.name == NAME
    assert message.type == api.cluster.Cluster.EDS
    assert message.eds_cluster_config.eds_config.HasField("ads")
    assert not message.eds_cluster_config.service_name


def test_an_external_name_is_resolved_by_envoy() -> None:
    message = cluster(Backend(KEY, dns_name="db.example.org", dns_port=443))
    assert message.type == api.cluster.Cluster.STRICT_DNS
    socket = message.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address
    assert (socket.address, socket.port_value) == ("db.example.org", 443)


@pytest.mark.parametrize(
    ("protocol", "http2", "tls"),
    [(Protocol.HTTP1, False, False), (Protocol.H2C, True, False), (Protocol.HTTPS, False, True)],
)
def test_protocols(protocol: Protocol, http2: bool, tls: bool) -> None:
    message = cluster(Backend(KEY, protocol))
    explicit = http_options(message).explicit_http_config
    assert explicit.WhichOneof("protocol_config") == ("http2_protocol_options" if http2 else "http_protocol_options")
    assert message.HasField("transport_socket") is tls


def test_tls_to_an_external_name_asks_for_that_name() -> None:
    message = cluster(Backend(KEY, Protocol.HTTPS, "db.example.org", 443))
    context = api.tls.UpstreamTlsContext()
    assert message.transport_socket.typed_config.Unpack(context)
    assert context.sni == "db.example.org"


def test_no_default_limit_of_envoy_answers_503() -> None:
    message = cluster(Backend(KEY))
    (limits,) = message.circuit_breakers.thresholds
    assert min(limits.max_connections.value, limits.max_pending_requests.value, limits.max_requests.value) >= 1_000_000
    assert message.common_lb_config.HasField("healthy_panic_threshold")
    assert message.common_lb_config.healthy_panic_threshold.value == 0


def test_equal_rows_are_equal_bytes() -> None:
    found = {cluster(Backend(KEY, Protocol.HTTPS)).SerializeToString(deterministic=True) for _ in range(5)}
    assert len(found) == 1


def test_load_assignment() -> None:
    row = EndpointSet(KEY, (Endpoint("10.0.0.1", 8080), Endpoint("fd00::1", 1)))
    message = upstreams.load_assignment(row, "cluster.local")
    assert not rules.broken(message)
    assert message.cluster_name == names.backend(KEY, "cluster.local")
    found = [it.endpoint.address.socket_address for it in message.endpoints[0].lb_endpoints]
    assert [(it.address, it.port_value) for it in found] == list(row.endpoints)


def test_a_backend_without_endpoints_has_no_locality() -> None:
    message = upstreams.load_assignment(EndpointSet(KEY), "cluster.local")
    assert not rules.broken(message)
    assert not message.endpoints
