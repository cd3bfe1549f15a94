"""Settings as the arguments of the pure rooms."""

from __future__ import annotations

import msgspec
import pytest

from sealos_gateway import wiring
from sealos_gateway.envoy import listeners, names, tracing
from sealos_gateway.resources.meta import Ref
from sealos_gateway.settings import (
    DefaultCertificate,
    EnvoySettings,
    EscapedSlashes,
    GatewayApiSettings,
    HostOwnership,
    HttpSettings,
    IngressSettings,
    RequestIds,
    Settings,
    SettingsError,
    Statistics,
    TlsSettings,
    TracingSettings,
    UnderscoreHeaders,
)
from tests import objects
from tests.translate import gateways


def with_default(pattern: str, secret: str) -> Settings:
    return Settings(tls=TlsSettings(default_certificates=(DefaultCertificate(pattern, secret),)))


def test_rules() -> None:
    chosen = Settings(ingress=IngressSettings(("a", "b"), (), "c", HostOwnership.FIRST_NAMESPACE, False))
    found = wiring.rules(chosen)
    assert found.classes == {"a", "b"}
    assert found.controller == "c"
    assert found.first_namespace_owns
    assert not found.ssl_redirect


@pytest.mark.parametrize(("https_port", "redirect_port", "https"), [(8443, 0, True), (0, 0, False), (0, 443, True)])
def test_redirects_need_a_port(https_port: int, redirect_port: int, https: bool) -> None:
    chosen = Settings(https_port=https_port, http=HttpSettings(https_redirect_port=redirect_port))
    assert wiring.rules(chosen).https is https


@pytest.mark.parametrize(
    ("wanted", "classes", "kept"),
    [
        (RequestIds.AUTO, ("sealos",), False), (RequestIds.AUTO, ("sealos", "nginx"), True),
        (RequestIds.KEEP, (), True), (RequestIds.REPLACE, ("nginx",), False),
    ],
)  # fmt: skip
def test_request_ids_of_clients(wanted: RequestIds, classes: tuple[str, ...], kept: bool) -> None:
    chosen = Settings(http=HttpSettings(request_ids=wanted), ingress=IngressSettings(classes))
    assert wiring.listener_options(chosen).keep_request_ids is kept


@pytest.mark.parametrize("pattern", ["*.Example.com", "a.example.com", "*"])
def test_default_certificates(pattern: str) -> None:
    assert wiring.rules(with_default(pattern, "ns/x")).default_certificates == ((pattern.lower(), Ref("ns", "x")),)


@pytest.mark.parametrize("secret", ["x", "/x", "ns/", "a/b/c", ""])
def test_a_secret_needs_namespace_and_name(secret: str) -> None:
    with pytest.raises(SettingsError, match=r"tls\.default_certificates.*namespace/name"):
        wiring.rules(with_default("*", secret))


@pytest.mark.parametrize("pattern", ["", "*.*.com", "a b", "**", "1.2.3.4", "*."])
def test_a_pattern_is_a_name_a_wildcard_or_any(pattern: str) -> None:
    with pytest.raises(SettingsError, match=r"tls\.default_certificates"):
        wiring.rules(with_default(pattern, "ns/x"))


def test_every_choice_has_a_word_of_envoy() -> None:
    assert set(wiring._UNDERSCORES) == set(UnderscoreHeaders)
    assert set(wiring._SLASHES) == set(EscapedSlashes)


def test_every_option_of_a_listener_is_set_from_a_setting() -> None:
    """A setting that is not handed on would silently do nothing."""
    http = HttpSettings(
        7,
        8,
        9,
        True,
        ("u",),
        False,
        True,
        EscapedSlashes.REJECT,
        UnderscoreHeaders.ALLOW,
        RequestIds.KEEP,
        10,
        11,
        12,
        13,
        14,
        15,
    )
    found = wiring.listener_options(Settings(http=http))
    same = [
        field.name
        for field in msgspec.structs.fields(HttpSettings)
        if hasattr(found, field.name) and getattr(found, field.name) == getattr(listeners.Options(), field.name)
    ]
    assert same == []
    unused = {field.name for field in msgspec.structs.fields(HttpSettings) if not hasattr(found, field.name)}
    assert unused == {"https_redirect_port", "request_ids"}  # belongs to routes; depends on classes, too


def test_listeners() -> None:
    assert [(it.name, it.port, it.tls) for it in wiring.listeners_wanted(Settings(http_port=1, https_port=2))] == [
        ("http", 1, False), ("https", 2, True),
    ]  # fmt: skip
    assert [it.name for it in wiring.listeners_wanted(Settings(https_port=0))] == ["http"]


def test_the_port_of_redirects() -> None:
    assert objects.pipeline(settings=Settings(https_port=8443)).context.https_port == 8443
    chosen = Settings(https_port=8443, http=HttpSettings(https_redirect_port=443))
    assert objects.pipeline(settings=chosen).context.https_port == 443


@pytest.mark.parametrize(
    ("text", "host", "port", "path"),
    [
        ("grpc://collector.monitoring.svc", "collector.monitoring.svc", 4317, ""),
        ("grpc://192.0.2.1:9999/", "192.0.2.1", 9999, ""),
        ("http://[2001:db8::1]", "2001:db8::1", 4318, "/v1/traces"),
        ("http://c:80/otlp/v1/traces/", "c", 80, "/otlp/v1/traces"),
        ("grpcs://c:443", "c", 443, ""),
        ("https://c", "c", 4318, "/v1/traces"),
    ],
)
def test_the_collector(text: str, host: str, port: int, path: str) -> None:
    secure = text.partition(":")[0] in ("grpcs", "https")
    found = wiring.tracing_options(Settings(tracing=TracingSettings(text, "edge", False, 5, False)))
    assert found == tracing.Options(host, port, path, secure, "edge", everywhere=False, percent=5, trust=False)


def test_no_collector_no_tracer() -> None:
    assert wiring.tracing_options(Settings()) is None
    assert objects.pipeline().snapshot.count(names.CLUSTER) == 0


@pytest.mark.parametrize(
    "text", ["collector:4317", "zipkin://c", "grpcs://c:1/x", "grpc://c:0", "grpc://c:70000", "grpc://c/path", "http://u@c",
             "http://", "grpc://c:x", "http://c/a b"],
)  # fmt: skip
def test_a_collector_that_cannot_be_one(text: str) -> None:
    with pytest.raises(SettingsError, match=r"tracing\.collector: .*grpc://HOST:4317 or http://HOST:4318/v1/traces"):
        wiring.tracing_options(Settings(tracing=TracingSettings(text)))


def test_every_data_plane_gets_the_collector() -> None:
    chosen = Settings(tracing=TracingSettings("grpc://c"), gateway_api=GatewayApiSettings(control="control"))
    edge = gateways.gateway(gateways.listener(port=9090))
    it = objects.pipeline(gateways.gateway_class(), edge, settings=chosen)
    planes = it.snapshot.placement.planes(names.CLUSTER, names.TRACING)
    assert planes == {"", "shop.edge"}


def test_data_planes_of_gateways_have_the_settings_of_all_nodes() -> None:
    assert wiring.provision_options(Settings()).settings == ()
    chosen = Settings(
        envoy=EnvoySettings(istio_labels=True, statistics=Statistics.FULL, max_heap_mb=100, drain_seconds=3),
        ingress=IngressSettings(cluster_domain="corp.local"),
        tls=TlsSettings(max_secrets=7),
    )
    assert wiring.provision_options(chosen).settings == (
        ("envoy", "istio_labels", True), ("envoy", "statistics", "full"),
        ("ingress", "cluster_domain", "corp.local"), ("tls", "max_secrets", 7),
    )  # fmt: skip


def test_data_planes_log_as_their_control_plane_does() -> None:
    assert not wiring.provision_options(Settings()).log_json
    assert wiring.provision_options(Settings(log_json=True)).log_json


def test_a_node_understands_the_settings_that_it_is_given() -> None:
    """Whatever is handed on is a setting, and of the type that it has there."""
    for group, fields in wiring._NODES_READ.items():
        for field in fields:
            value = getattr(getattr(Settings(), group), field)
            text = msgspec.json.encode({group: {field: msgspec.to_builtins(value)}})
            assert msgspec.json.decode(text, type=Settings) == Settings()
