"""Clusters and load assignments."""

from __future__ import annotations

from typing import Any

import pytest

from sealos_gateway.envoy import api, names, reading, retries, types, upstreams
from sealos_gateway.model.backend_policy import (
    ActiveCheck,
    BackendPolicy,
    BackendTls,
    Balance,
    Limits,
    PassiveCheck,
    Protocol,
)
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.upstream import Backend, Endpoint, EndpointSet
from sealos_gateway.resources.meta import Origin, Ref
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
    found = api.dns_cluster.DnsCluster()
    assert message.cluster_type.typed_config.Unpack(found)
    assert found.respect_dns_ttl
    assert found.dns_lookup_family == api.dns.ALL
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


def reached(policy: BackendPolicy, **more: Any) -> Any:
    message = upstreams.cluster(Backend(BackendKey("shop", "web", 80, policy), **more), "cluster.local")
    assert not rules.broken(message)
    return message


def test_a_policy_changes_what_it_names_and_nothing_else() -> None:
    usual = upstreams.cluster(Backend(BackendKey("shop", "web", 80)), "cluster.local")
    found = reached(BackendPolicy(connect_timeout=1.5, balance=Balance.ROUND_ROBIN))
    assert found.connect_timeout.ToMilliseconds() == 1500
    assert found.lb_policy == found.ROUND_ROBIN
    assert found.alt_stat_name == usual.name
    for field in ("name", "alt_stat_name", "connect_timeout", "lb_policy"):
        found.ClearField(field)
        usual.ClearField(field)
    assert found == usual


def test_http_of_a_policy() -> None:
    policy = BackendPolicy(idle_timeout=7, requests_per_connection=100, max_response_headers_kb=64)
    found = http_options(reached(policy, protocol=Protocol.H2C))
    assert found.explicit_http_config.HasField("http2_protocol_options")
    common = found.common_http_protocol_options
    assert common.idle_timeout.ToSeconds() == 7
    assert (common.max_requests_per_connection.value, common.max_response_headers_kb.value) == (100, 64)


def test_checks_and_limits() -> None:
    found = reached(BackendPolicy(active=ActiveCheck("/ready", statuses=((200, 204),)), passive=PassiveCheck(3),
                                  limits=Limits(connections=9)))  # fmt: skip
    (check,) = found.health_checks
    assert check.http_health_check.path == "/ready"
    expected = check.http_health_check.expected_statuses[0]
    assert (expected.start, expected.end) == (200, 205)
    assert found.outlier_detection.consecutive_5xx.value == 3
    assert found.circuit_breakers.thresholds[0].max_connections.value == 9
    assert found.circuit_breakers.thresholds[0].max_requests.value == 1_000_000


def test_a_budget_of_retries() -> None:
    found = reached(BackendPolicy(limits=Limits(retry_percent=25, retry_minimum=2))).circuit_breakers.thresholds[0]
    assert (found.retry_budget.budget_percent.value, found.retry_budget.min_retry_concurrency.value) == (25, 2)
    assert not reached(BackendPolicy(limits=Limits(retries=3))).circuit_breakers.thresholds[0].HasField("retry_budget")


def test_an_endpoint_is_asked_in_the_way_it_is_reached() -> None:
    grpc = reached(BackendPolicy(active=ActiveCheck(grpc=True)), protocol=Protocol.H2C)
    assert grpc.health_checks[0].HasField("grpc_health_check")
    tcp = reached(BackendPolicy(active=ActiveCheck()))
    assert tcp.health_checks[0].HasField("tcp_health_check")


def context(tls: BackendTls, protocol: Protocol = Protocol.HTTPS) -> Any:
    message = upstreams.cluster(Backend(BackendKey("shop", "web", 443), protocol, tls=tls), "cluster.local")
    assert not rules.broken(message)
    return api.tls.UpstreamTlsContext.FromString(message.transport_socket.typed_config.value)


def test_tls_that_verifies_by_its_own_authorities() -> None:
    authority = Origin("Secret", Ref("shop", "ca"))
    found = context(
        BackendTls("db.test", verify=True, authorities=(authority,), certificate=Ref("shop", "me"), verify_depth=2)
    )
    common = found.common_tls_context
    assert found.sni == "db.test"
    assert common.tls_certificate_sds_secret_configs[0].name == "client/shop/me"
    combined = common.combined_validation_context
    assert combined.validation_context_sds_secret_config.name == "trust/Secret/shop/ca"
    checked = combined.default_validation_context
    assert checked.max_verify_depth.value == 2
    assert [(it.san_type, it.matcher.exact) for it in checked.match_typed_subject_alt_names] == [(2, "db.test")]


def test_tls_that_verifies_by_the_authorities_of_the_machine_and_a_uri() -> None:
    common = context(BackendTls("db.test", verify=True, system_trust=True, uris=("spiffe://a/b",))).common_tls_context
    combined = common.combined_validation_context
    secret = combined.validation_context_sds_secret_config
    assert (secret.name, secret.HasField("sds_config")) == (types.SYSTEM_AUTHORITIES, False), "of the bootstrap"
    checked = combined.default_validation_context
    assert [it.matcher.exact for it in checked.match_typed_subject_alt_names] == ["spiffe://a/b"]


@pytest.mark.parametrize(("said", "highest"), [("", "TLSv1_3"), ("1.2", "TLSv1_2")])
def test_the_newest_version_is_offered_unless_something_else_is_said(said: str, highest: str) -> None:
    parameters = context(BackendTls(max_version=said)).common_tls_context.tls_params
    assert parameters.TlsProtocol.Name(parameters.tls_maximum_protocol_version) == highest


def test_nobody_is_believed_by_accident() -> None:
    with pytest.raises(ValueError, match="no authority"):
        context(BackendTls("db.test", verify=True))


def test_any_of_several_authorities_will_do() -> None:
    several = (Origin("ConfigMap", Ref("shop", "a")), Origin("Secret", Ref("shop", "b")))
    found = context(BackendTls("db.test", verify=True, authorities=several)).common_tls_context
    name = found.combined_validation_context.validation_context_sds_secret_config.name
    assert names.parse_trust(name) == several


def test_a_backend_that_is_shut_has_no_endpoints() -> None:
    message = cluster(Backend(KEY, Protocol.HTTPS, shut="nobody can be believed"))
    assert message.type == api.cluster.Cluster.STATIC
    assert not message.load_assignment.endpoints
    assert message.name == NAME


def test_http2_over_tls_is_asked_for_by_alpn() -> None:
    assert context(BackendTls(), Protocol.HTTPS2).common_tls_context.alpn_protocols == ["h2"]


def test_fallback_endpoints_stand_in_the_second_priority() -> None:
    found = upstreams.load_assignment(
        EndpointSet(BackendKey("shop", "web", 80), (), (Endpoint("10.0.0.9", 80),)), "cluster.local"
    )
    assert [(it.priority, len(it.lb_endpoints)) for it in found.endpoints] == [(0, 0), (1, 1)]


def test_senders_of_datagrams_are_limited_because_each_costs_a_socket() -> None:
    found = cluster(Backend(BackendKey("shop", "dns", 53, None, "UDP")))
    assert found.circuit_breakers.thresholds[0].max_connections.value == 32_768
    assert cluster(Backend(KEY)).circuit_breakers.thresholds[0].max_connections.value == 1_000_000
    asked = BackendPolicy(limits=Limits(connections=100))
    found = cluster(Backend(BackendKey("shop", "dns", 53, None, "UDP"), attached=asked))
    assert found.circuit_breakers.thresholds[0].max_connections.value == 100


def test_questions_are_repeated_elsewhere_and_only_for_them_the_cluster_says_so() -> None:
    message = cluster(Backend(KEY._replace(policy=BackendPolicy(for_questions=True))))
    assert http_options(message).retry_policy == retries.USUAL
    assert message.alt_stat_name == NAME, "counted with the rest of the Service"
    for policy in (None, BackendPolicy(idle_timeout=1.0)):
        assert not http_options(cluster(Backend(KEY._replace(policy=policy)))).HasField("retry_policy")


def test_of_which_clusters_envoy_asks_for_endpoints() -> None:
    """Nobody may wait for the endpoints of the others."""
    shut = cluster(Backend(KEY, shut="no authority"))
    outside = cluster(Backend(KEY, dns_name="db.example.org", dns_port=443))
    usual = cluster(Backend(KEY, Protocol.HTTPS))
    found = [reading.by_eds(it.SerializeToString(deterministic=True)) for it in (shut, outside, usual)]
    assert found == [False, False, True]
