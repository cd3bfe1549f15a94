"""The one border to `xds-protos`, which ships no types: every generated module is imported here.

`pack` and the small builders save the other files from repeating what protobuf wants spelled out.
"""

from __future__ import annotations

from typing import Any

from envoy.config.accesslog.v3 import accesslog_pb2 as accesslog
from envoy.config.bootstrap.v3 import bootstrap_pb2 as bootstrap
from envoy.config.cluster.v3 import circuit_breaker_pb2 as circuit_breaker
from envoy.config.cluster.v3 import cluster_pb2 as cluster
from envoy.config.cluster.v3 import outlier_detection_pb2 as outlier_detection
from envoy.config.core.v3 import address_pb2 as address
from envoy.config.core.v3 import base_pb2 as base
from envoy.config.core.v3 import config_source_pb2 as config_source
from envoy.config.core.v3 import extension_pb2 as extension
from envoy.config.core.v3 import grpc_service_pb2 as grpc_service
from envoy.config.core.v3 import health_check_pb2 as health_check
from envoy.config.core.v3 import protocol_pb2 as protocol
from envoy.config.core.v3 import proxy_protocol_pb2 as proxy_protocol_config
from envoy.config.core.v3 import substitution_format_string_pb2 as substitution
from envoy.config.endpoint.v3 import endpoint_components_pb2 as endpoint_components
from envoy.config.endpoint.v3 import endpoint_pb2 as endpoint
from envoy.config.listener.v3 import listener_components_pb2 as listener_components
from envoy.config.listener.v3 import listener_pb2 as listener
from envoy.config.metrics.v3 import stats_pb2 as stats
from envoy.config.overload.v3 import overload_pb2 as overload
from envoy.config.rbac.v3 import rbac_pb2 as rbac_config
from envoy.config.route.v3 import route_components_pb2 as route_components
from envoy.config.route.v3 import route_pb2 as route
from envoy.config.route.v3 import scoped_route_pb2 as scoped_route
from envoy.config.trace.v3 import opentelemetry_pb2 as opentelemetry
from envoy.extensions.access_loggers.file.v3 import file_pb2 as file_log
from envoy.extensions.access_loggers.stream.v3 import stream_pb2 as stream_log
from envoy.extensions.clusters.common.dns.v3 import dns_pb2 as dns
from envoy.extensions.clusters.dns.v3 import dns_cluster_pb2 as dns_cluster
from envoy.extensions.common.matching.v3 import extension_matcher_pb2 as extension_matcher
from envoy.extensions.compression.brotli.compressor.v3 import brotli_pb2 as brotli
from envoy.extensions.compression.gzip.compressor.v3 import gzip_pb2 as gzip
from envoy.extensions.filters.http.buffer.v3 import buffer_pb2 as buffer
from envoy.extensions.filters.http.composite.v3 import composite_pb2 as composite
from envoy.extensions.filters.http.compressor.v3 import compressor_pb2 as compressor
from envoy.extensions.filters.http.ext_authz.v3 import ext_authz_pb2 as ext_authz
from envoy.extensions.filters.http.fault.v3 import fault_pb2 as fault
from envoy.extensions.filters.http.header_mutation.v3 import header_mutation_pb2 as header_mutation
from envoy.extensions.filters.http.local_ratelimit.v3 import local_rate_limit_pb2 as local_ratelimit
from envoy.extensions.filters.http.lua.v3 import lua_pb2 as lua
from envoy.extensions.filters.http.on_demand.v3 import on_demand_pb2 as on_demand
from envoy.extensions.filters.http.rbac.v3 import rbac_pb2 as rbac
from envoy.extensions.filters.http.router.v3 import router_pb2 as router
from envoy.extensions.filters.http.set_metadata.v3 import set_metadata_pb2 as set_metadata
from envoy.extensions.filters.http.stateful_session.v3 import stateful_session_pb2 as stateful_session
from envoy.extensions.filters.listener.proxy_protocol.v3 import proxy_protocol_pb2 as proxy_protocol
from envoy.extensions.filters.listener.tls_inspector.v3 import tls_inspector_pb2 as tls_inspector
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as hcm
from envoy.extensions.filters.network.set_filter_state.v3 import set_filter_state_pb2 as set_filter_state
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2 as tcp_proxy
from envoy.extensions.filters.udp.udp_proxy.v3 import route_pb2 as udp_route
from envoy.extensions.filters.udp.udp_proxy.v3 import udp_proxy_pb2 as udp_proxy
from envoy.extensions.http.early_header_mutation.header_mutation.v3 import header_mutation_pb2 as early_header_mutation
from envoy.extensions.http.stateful_session.cookie.v3 import cookie_pb2 as session_cookie
from envoy.extensions.http.stateful_session.header.v3 import header_pb2 as session_header
from envoy.extensions.matching.common_inputs.network.v3 import network_inputs_pb2 as network_inputs
from envoy.extensions.matching.common_inputs.ssl.v3 import ssl_inputs_pb2 as ssl_inputs
from envoy.extensions.matching.input_matchers.consistent_hashing.v3 import consistent_hashing_pb2 as consistent_hashing
from envoy.extensions.request_id.uuid.v3 import uuid_pb2 as request_id
from envoy.extensions.resource_monitors.downstream_connections.v3 import downstream_connections_pb2 as connections
from envoy.extensions.resource_monitors.fixed_heap.v3 import fixed_heap_pb2 as fixed_heap
from envoy.extensions.retry.host.previous_hosts.v3 import previous_hosts_pb2 as previous_hosts
from envoy.extensions.transport_sockets.proxy_protocol.v3 import upstream_proxy_protocol_pb2 as upstream_proxy_protocol
from envoy.extensions.transport_sockets.raw_buffer.v3 import raw_buffer_pb2 as raw_buffer
from envoy.extensions.transport_sockets.tls.v3 import common_pb2 as tls_common
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2 as tls_secret
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2 as tls
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2 as http_options
from envoy.type.matcher.v3 import http_inputs_pb2 as http_inputs
from envoy.type.matcher.v3 import regex_pb2 as regex
from google.protobuf import any_pb2, duration_pb2, struct_pb2, wrappers_pb2
from xds.core.v3 import extension_pb2 as xds_extension
from xds.type.matcher.v3 import matcher_pb2 as matcher
from xds.type.v3 import typed_struct_pb2 as typed_struct

__all__ = [
    "accesslog",
    "address",
    "any_pb2",
    "base",
    "bootstrap",
    "brotli",
    "buffer",
    "circuit_breaker",
    "cluster",
    "composite",
    "compressor",
    "config_source",
    "connections",
    "consistent_hashing",
    "dns",
    "dns_cluster",
    "duration_pb2",
    "early_header_mutation",
    "endpoint",
    "endpoint_components",
    "ext_authz",
    "extension",
    "extension_matcher",
    "fault",
    "file_log",
    "fixed_heap",
    "grpc_service",
    "gzip",
    "hcm",
    "header_mutation",
    "health_check",
    "http_inputs",
    "http_options",
    "listener",
    "listener_components",
    "local_ratelimit",
    "lua",
    "matcher",
    "network_inputs",
    "on_demand",
    "opentelemetry",
    "outlier_detection",
    "overload",
    "previous_hosts",
    "protocol",
    "proxy_protocol",
    "proxy_protocol_config",
    "raw_buffer",
    "rbac",
    "rbac_config",
    "regex",
    "request_id",
    "route",
    "route_components",
    "router",
    "scoped_route",
    "session_cookie",
    "session_header",
    "set_filter_state",
    "set_metadata",
    "ssl_inputs",
    "stateful_session",
    "stats",
    "stream_log",
    "struct_pb2",
    "substitution",
    "tcp_proxy",
    "tls",
    "tls_common",
    "tls_inspector",
    "tls_secret",
    "typed_struct",
    "udp_proxy",
    "udp_route",
    "upstream_proxy_protocol",
    "wrappers_pb2",
    "xds_extension",
]

Message = Any


def pack(message: Message) -> Message:
    """The message as `google.protobuf.Any`, with the same bytes each time."""
    return any_pb2.Any(
        type_url=f"type.googleapis.com/{message.DESCRIPTOR.full_name}",
        value=message.SerializeToString(deterministic=True),
    )


def pack_struct(type_name: str, value: dict[str, Any]) -> Message:
    """An extension that Envoy has and xds-protos lacks, as `xds.type.v3.TypedStruct`."""
    struct = struct_pb2.Struct()
    struct.update(value)
    return pack(typed_struct.TypedStruct(type_url=f"type.googleapis.com/{type_name}", value=struct))


def named(name: str, message: Message) -> Message:
    """An extension by name (`TypedExtensionConfig`)."""
    return extension.TypedExtensionConfig(name=name, typed_config=pack(message))


def seconds(value: float) -> Message:
    """A protobuf duration."""
    whole = int(value)
    return duration_pb2.Duration(seconds=whole, nanos=int((value - whole) * 1e9))


def uint(value: int) -> Message:
    return wrappers_pb2.UInt32Value(value=value)


def boolean(value: bool) -> Message:
    return wrappers_pb2.BoolValue(value=value)


def ads() -> Message:
    """The config source 'over the aggregated stream'."""
    return config_source.ConfigSource(
        ads=config_source.AggregatedConfigSource(), resource_api_version=config_source.ApiVersion.V3
    )


def socket_address(host: str, port: int) -> Message:
    return address.Address(socket_address=address.SocketAddress(address=host, port_value=port))


def pipe_address(path: str) -> Message:
    return address.Address(pipe=address.Pipe(path=path))
