"""Listeners: what is switched on and off, and that a real Envoy takes them with every setting."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from sealos_gateway import wiring
from sealos_gateway.envoy import api, bootstrap, listeners, scope, tracing
from sealos_gateway.model.client_tls import OwnContext
from sealos_gateway.model.traffic import Listener
from sealos_gateway.node.supervisor import packaged_binary
from sealos_gateway.settings import Settings
from tests.envoy import rules

HTTP = Listener("http", "ingress", "127.0.0.1", 18080)
HTTPS = Listener("https", "ingress", "127.0.0.1", 18443, tls=True)
OPTIONS = wiring.listener_options(Settings())
BOTH = (OwnContext("a.example.com", ("ecdsa", "rsa")),)


def made(row: Listener = HTTP, own: tuple[OwnContext, ...] = (), **options: Any) -> Any:
    message = listeners.listener(row, dataclasses.replace(OPTIONS, **options), own)
    assert not rules.broken(message)
    return message


def manager(message: Any, chain: int = 0) -> Any:
    found = api.hcm.HttpConnectionManager()
    assert message.filter_chains[chain].filters[0].typed_config.Unpack(found)
    return found


def tls_context(message: Any, chain: int = 0) -> Any:
    found = api.tls.DownstreamTlsContext()
    assert message.filter_chains[chain].transport_socket.typed_config.Unpack(found)
    return found


def test_plain_http_has_one_chain_without_tls() -> None:
    message = made()
    assert len(message.filter_chains) == 1
    assert not message.filter_chains[0].HasField("transport_socket")
    assert not message.listener_filters


def test_a_client_cannot_choose_its_scope_and_no_backend_sees_it() -> None:
    found = manager(made())
    mutation = api.early_header_mutation.HeaderMutation()
    assert found.early_header_mutation_extensions[0].typed_config.Unpack(mutation)
    append = mutation.mutations[0].append
    assert append.header.key == scope.HEADER
    assert append.append_action == api.base.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    last = api.header_mutation.HeaderMutation()
    assert found.http_filters[-3].typed_config.Unpack(last)
    assert scope.HEADER in [it.remove for it in last.mutations.request_mutations]


def test_the_router_is_last_and_the_search_for_the_host_first() -> None:
    names = [it.name for it in manager(made()).http_filters]
    assert names[-1] == "envoy.filters.http.router"
    assert names[0] == scope.FALLBACK


def test_safe_defaults() -> None:
    found = manager(made())
    common = found.common_http_protocol_options
    assert found.use_remote_address.value
    assert found.xff_num_trusted_hops == 0
    assert found.normalize_path.value
    assert not found.merge_slashes
    assert found.max_request_headers_kb.value == 60
    assert not found.strip_any_host_port, "backends get the Host header as it was written"
    assert not found.strip_trailing_host_dot
    assert common.headers_with_underscores_action == common.DROP_HEADER


def test_upgrades_are_websocket_and_what_settings_add() -> None:
    found = manager(made(upgrade_types=("spdy/3.1",)))
    assert [it.upgrade_type for it in found.upgrade_configs] == ["websocket", "spdy/3.1"]
    assert not any(it.filters for it in found.upgrade_configs), "every program in Lua would be there twice"


def test_proxy_protocol_comes_before_the_server_name_is_looked_at() -> None:
    message = made(HTTPS, proxy_protocol=True)
    assert [it.name for it in message.listener_filters] == [
        "envoy.filters.listener.proxy_protocol", "envoy.filters.listener.tls_inspector",
    ]  # fmt: skip


def test_certificates_are_fetched_on_demand_by_server_name() -> None:
    message = made(HTTPS)
    assert len(message.filter_chains) == 1
    context = tls_context(message)
    common = context.common_tls_context
    assert common.HasField("custom_tls_certificate_selector")
    assert not common.tls_certificate_sds_secret_configs
    assert list(common.alpn_protocols) == ["h2", "http/1.1"]
    assert context.disable_stateless_session_resumption


@pytest.mark.parametrize(("version", "wanted"), [("1.2", "TLSv1_2"), ("1.3", "TLSv1_3")])
def test_the_lowest_version(version: str, wanted: str) -> None:
    params = tls_context(made(HTTPS, min_tls=version)).common_tls_context.tls_params
    assert params.tls_minimum_protocol_version == api.tls_common.TlsParameters.TlsProtocol.Value(wanted)


def test_a_name_with_both_algorithms_has_a_chain_of_its_own_before_the_common_one() -> None:
    message = made(HTTPS, BOTH)
    assert [it.name for it in message.filter_chains] == ["https/a.example.com", "https"]
    exact = message.filter_chain_matcher.matcher_tree.exact_match_map.map
    assert {name: it.action.name for name, it in exact.items()} == {"a.example.com": "https/a.example.com"}
    found = tls_context(message).common_tls_context.tls_certificate_sds_secret_configs
    assert [it.name for it in found] == ["ecdsa/a.example.com", "rsa/a.example.com"]
    assert manager(message, 0) == manager(message, 1)


def test_a_handshake_has_as_long_as_the_headers_of_a_request() -> None:
    found = [
        it.transport_socket_connect_timeout.seconds for it in made(HTTPS, BOTH, request_headers_seconds=7).filter_chains
    ]
    assert found == [7, 7]
    assert not made(HTTP).filter_chains[0].HasField("transport_socket_connect_timeout")


@pytest.mark.parametrize(("format_", "loggers"), [("json", 1), ("text", 1), ("off", 0)])
def test_access_log_formats(format_: str, loggers: int) -> None:
    assert len(manager(made(log_format=format_)).access_log) == loggers


EXTREME: dict[str, dict[str, Any]] = {
    "default": {},
    "careful": {
        "proxy_protocol": True, "trusted_hops": 2, "merge_slashes": True, "normalize_path": False,
        "min_tls": "1.3", "log_format": "text", "upgrade_types": ("spdy/3.1", "tcp"),
    },
    "large": {
        "max_request_headers_kb": 8192, "max_request_headers": 65_536, "buffer_bytes": 2**32 - 1, "log_format": "off",
    },
    "small": {
        "max_request_headers_kb": 1, "max_request_headers": 1, "idle_seconds": 0, "stream_idle_seconds": 0,
        "request_headers_seconds": 0, "max_concurrent_streams": 1, "buffer_bytes": 1,
    },
}  # fmt: skip
CHOICES: dict[str, dict[str, Any]] = {
    **EXTREME,
    "traced": {"tracing": tracing.Options("collector.test", 4317)},
    "traced-tls": {"tracing": tracing.Options("collector.test", 4317, secure=True)},
    "traced-http": {"tracing": tracing.Options("::1", 4318, "/v1/traces", trust=False)},
    **{f"underscores-{word}": {"underscore_headers": word} for word in wiring._UNDERSCORES.values()},
    **{f"slashes-{word}": {"escaped_slashes": word} for word in wiring._SLASHES.values()},
}


@pytest.mark.e2e
@pytest.mark.parametrize("choice", CHOICES)
def test_envoy_takes_the_listeners_with_every_setting(choice: str, tmp_path: Path) -> None:
    sockets = bootstrap.Options("node", str(tmp_path / "xds.sock"), str(tmp_path / "admin.sock"), 100, 1000)
    static = json.loads(bootstrap.bootstrap(sockets))
    found = [made(HTTP, **CHOICES[choice]), made(HTTPS, BOTH, **CHOICES[choice])]
    static["static_resources"]["listeners"] = [
        json.loads(json_format.MessageToJson(message, preserving_proto_field_name=True)) for message in found
    ]
    (tmp_path / "envoy.json").write_text(json.dumps(static), encoding="utf-8")
    command = [str(packaged_binary()), "--mode", "validate", "-c", str(tmp_path / "envoy.json"), "-l", "warning"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
