"""What a tracer costs where there is none, and what routes and the collector's cluster say where there is one."""

from __future__ import annotations

import pytest

from sealos_gateway.envoy import actions, api, listeners, names, tracing, types
from sealos_gateway.envoy.actions import Context
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import Policy, Tracing
from sealos_gateway.model.template import literal
from sealos_gateway.model.traffic import Forward, Listener, Match, PathKind, Route
from sealos_gateway.resources.meta import Origin, Ref

OPTIONS = tracing.Options("collector.test", 4317, percent=12.5)
ROW = Listener("http", "ingress", "127.0.0.1", 80)
ROUTE = Route(
    Match(PathKind.PREFIX, "/"), Forward(BackendKey("shop", "web", 80)), Origin("Ingress", Ref("shop", "web"))
)


def route(wanted: Tracing, options: tracing.Options | None) -> api.Message:
    message = api.route_components.Route()
    policy = Policy(tracing=wanted)
    made = Route(ROUTE.match, ROUTE.action, ROUTE.origin, policy=policy)
    actions.fill(message, made, Context("cluster.local", tracing=options))
    return message


def test_without_a_collector_there_is_no_trace_of_it() -> None:
    manager = listeners.connection_manager(ROW, listeners.Options())
    assert not manager.HasField("tracing")
    assert not manager.HasField("request_id_extension")
    assert [it.name for it in manager.early_header_mutation_extensions] == ["sealos.scope_key"]
    assert not route(Tracing(True, literal("x")), None).HasField("tracing")


def test_the_manager_has_the_tracer() -> None:
    manager = listeners.connection_manager(ROW, listeners.Options(tracing=OPTIONS))
    config = api.opentelemetry.OpenTelemetryConfig.FromString(manager.tracing.provider.typed_config.value)
    assert config.grpc_service.envoy_grpc.cluster_name == names.TRACING
    assert (manager.tracing.random_sampling.value, manager.tracing.overall_sampling.value) == (12.5, 100)


def test_where_not_everything_is_traced_a_route_has_to_ask() -> None:
    some = tracing.Options("c", 1, everywhere=False, percent=50)
    assert listeners.connection_manager(ROW, listeners.Options(tracing=some)).tracing.overall_sampling.value == 0
    asks, is_silent = (route(Tracing(enabled, literal("x")), some).tracing for enabled in (True, None))
    assert (asks.overall_sampling.numerator, asks.random_sampling.numerator) == (100, 500_000)
    assert (is_silent.overall_sampling.numerator, is_silent.random_sampling.numerator) == (0, 0)


@pytest.mark.parametrize("percent", [0.0, 0.01, 12.5, 100.0])
def test_a_route_repeats_the_share_because_it_replaces_what_the_manager_says(percent: float) -> None:
    found = route(Tracing(operation=literal("100%")), tracing.Options("c", 1, percent=percent)).tracing
    assert (found.operation, found.random_sampling.numerator / 10_000) == ("100%%", percent)


@pytest.mark.parametrize(
    ("host", "kind", "uri"),
    [
        ("collector.test", "STRICT_DNS", "http://collector.test:9/v1/traces"),
        ("192.0.2.1", "STATIC", "http://192.0.2.1:9/v1/traces"),
        ("2001:db8::1", "STATIC", "http://[2001:db8::1]:9/v1/traces"),
    ],
)
def test_addresses_need_no_dns(host: str, kind: str, uri: str) -> None:
    options = tracing.Options(host, 9, "/v1/traces")
    message = tracing.cluster(options)
    assert api.cluster.Cluster.DiscoveryType.Name(message.type) == kind
    manager = listeners.connection_manager(ROW, listeners.Options(tracing=options))
    config = api.opentelemetry.OpenTelemetryConfig.FromString(manager.tracing.provider.typed_config.value)
    assert config.http_service.http_uri.uri == uri


def test_who_is_not_trusted_has_no_say() -> None:
    """Neither by a span nor by the header by which Envoy lets clients ask for a trace."""
    for trust, removed in ((True, {tracing.WANTED}), (False, {tracing.WANTED, "traceparent", "tracestate"})):
        options = listeners.Options(tracing=tracing.Options("c", 1, trust=trust))
        manager = listeners.connection_manager(ROW, options)
        mutation = api.early_header_mutation.HeaderMutation.FromString(
            manager.early_header_mutation_extensions[-1].typed_config.value
        )
        assert {it.remove for it in mutation.mutations if it.remove} == removed
        assert manager.tracing.client_sampling.value == (100 if trust else 0)


@pytest.mark.parametrize(
    ("host", "path", "kind", "alpn"),
    [("c.test", "", "DNS", "h2"), ("192.0.2.1", "/v1/traces", "IP_ADDRESS", "http/1.1")],
)
def test_a_collector_with_tls_must_show_its_name(host: str, path: str, kind: str, alpn: str) -> None:
    message = tracing.cluster(tracing.Options(host, 443, path, secure=True))
    context = api.tls.UpstreamTlsContext.FromString(message.transport_socket.typed_config.value)
    common = context.common_tls_context
    assert (context.sni, list(common.alpn_protocols)) == (host if kind == "DNS" else "", [alpn])
    combined = common.combined_validation_context
    assert combined.validation_context_sds_secret_config.name == types.SYSTEM_AUTHORITIES
    (wanted,) = combined.default_validation_context.match_typed_subject_alt_names
    assert (api.tls_common.SubjectAltNameMatcher.SanType.Name(wanted.san_type), wanted.matcher.exact) == (kind, host)
    assert not tracing.cluster(tracing.Options(host, 80, path)).HasField("transport_socket")
