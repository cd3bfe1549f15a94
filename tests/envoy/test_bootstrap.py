"""The file an Envoy starts with. That a real Envoy takes it is checked in `test_listeners.py`."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format

from sealos_gateway.envoy import api, bootstrap, names, types
from sealos_gateway.nginx import regex
from tests.envoy import rules


def made(**limits: Any) -> Any:
    text = bootstrap.bootstrap(bootstrap.Options("node-1", "/run/xds.sock", "/run/admin.sock", **limits))
    message = json_format.Parse(text, api.bootstrap.Bootstrap())
    assert not rules.broken(message)
    return message


def test_everything_comes_over_one_delta_stream_on_a_socket() -> None:
    message = made()
    ads = message.dynamic_resources.ads_config
    assert ads.api_type == api.config_source.ApiConfigSource.DELTA_GRPC
    cluster, nowhere = message.static_resources.clusters
    assert (nowhere.name, len(nowhere.load_assignment.endpoints)) == (names.NOWHERE, 0)
    endpoint = cluster.load_assignment.endpoints[0].lb_endpoints[0].endpoint
    assert ads.grpc_services[0].envoy_grpc.cluster_name == cluster.name
    assert endpoint.address.pipe.path == "/run/xds.sock"
    assert message.node.id == "node-1"


def test_the_authorities_of_the_machine_are_a_secret_of_the_bootstrap() -> None:
    assert not made().static_resources.secrets
    (secret,) = made(system_authorities="/etc/ca.crt").static_resources.secrets
    assert secret.name == types.SYSTEM_AUTHORITIES
    assert secret.validation_context.trusted_ca.filename == "/etc/ca.crt"


def test_passwords_are_hashed_over_a_socket_of_their_own() -> None:
    *_, cluster = made(passwords_socket="/run/crypt.sock").static_resources.clusters
    assert cluster.name == names.PASSWORDS
    assert cluster.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.pipe.path == "/run/crypt.sock"


def test_the_admin_interface_is_on_no_port() -> None:
    assert made().admin.address.pipe.path == "/run/admin.sock"


def test_limits_only_where_they_are_wanted() -> None:
    assert not made().overload_manager.resource_monitors
    message = made(max_heap_mb=100, max_connections=5)
    assert len(message.overload_manager.resource_monitors) == 2
    heap = api.fixed_heap.FixedHeapConfig()
    assert message.overload_manager.resource_monitors[0].typed_config.Unpack(heap)
    assert heap.max_heap_size_bytes == 100 * 1024 * 1024
    shares = [it.triggers[0].threshold.value for it in message.overload_manager.actions]
    assert shares == sorted(shares)
    assert shares[-1] < 1


def test_envoy_takes_every_expression_that_the_check_takes() -> None:
    """What is sent has a little more around it than what was measured."""
    (layer,) = made().layered_runtime.layers
    assert layer.static_layer["re2"]["max_program_size"]["error_level"] >= regex.LARGEST_PROGRAM + 100
