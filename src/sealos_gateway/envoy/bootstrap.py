"""The file an Envoy starts with: where its configuration comes from, its admin socket, its limits."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf import json_format

from sealos_gateway.envoy import api, names, stats, tls_contexts, upstream_http

XDS_CLUSTER = "sealos-xds"
#: In instructions of RE2.
LARGEST_PROGRAM = 4_000


@dataclass(frozen=True)
class Options:
    """Paths of Unix sockets, limits (0 means none), the suffix of cluster names, a further label for them, and a file
    with the certificate authorities that the machine believes (empty: it believes none)."""

    node_id: str
    xds_socket: str
    admin_socket: str
    max_heap_mb: int = 0
    max_connections: int = 0
    cluster_domain: str = "cluster.local"
    istio_labels: bool = False
    system_authorities: str = ""
    passwords_socket: str = ""


def bootstrap(options: Options) -> str:
    """envoy.config.bootstrap.v3.Bootstrap as JSON."""
    message = api.bootstrap.Bootstrap()
    message.node.id, message.node.cluster = options.node_id, "sealos-gateway"
    message.static_resources.clusters.append(_xds_cluster(options.xds_socket))
    message.static_resources.clusters.append(_nowhere())
    if options.system_authorities:
        secret = message.static_resources.secrets.add(name=tls_contexts.SYSTEM_AUTHORITIES)
        secret.validation_context.trusted_ca.filename = options.system_authorities
    if options.passwords_socket:
        message.static_resources.clusters.append(_local(names.PASSWORDS, options.passwords_socket))
    dynamic = message.dynamic_resources
    dynamic.ads_config.api_type = api.config_source.ApiConfigSource.DELTA_GRPC
    dynamic.ads_config.transport_api_version = api.config_source.ApiVersion.V3
    dynamic.ads_config.set_node_on_first_message_only = True
    dynamic.ads_config.grpc_services.add().envoy_grpc.cluster_name = XDS_CLUSTER
    dynamic.lds_config.CopyFrom(api.ads())
    dynamic.cds_config.CopyFrom(api.ads())
    message.admin.address.CopyFrom(api.pipe_address(options.admin_socket))
    message.stats_config.CopyFrom(stats.config(options.cluster_domain, options.istio_labels))
    # A cluster that was never used keeps no statistics: most of its memory.
    message.deferred_stat_options.enable_deferred_creation_stats = True
    # Workers build their part of a cluster at its first request: a thousand that change at once cost little until then.
    message.cluster_manager.enable_deferred_cluster_creation = True
    runtime(message)
    _overload(message, options)
    return json_format.MessageToJson(message, indent=2, preserving_proto_field_name=True)


def runtime(message: api.Message) -> None:
    """What is set in Envoy's runtime. Its own limit for regular expressions, 100 instructions of RE2, is too small for
    an ordinary list of file names; what users write is measured before it is sent (`nginx.regex.LARGEST_PROGRAM`)."""
    layer = message.layered_runtime.layers.add(name="sealos").static_layer
    layer.update({"re2": {"max_program_size": {"error_level": LARGEST_PROGRAM, "warn_level": LARGEST_PROGRAM}}})


def _xds_cluster(socket: str) -> api.Message:
    cluster = _local(XDS_CLUSTER, socket)
    options = api.http_options.HttpProtocolOptions()
    options.explicit_http_config.http2_protocol_options.SetInParent()
    cluster.typed_extension_protocol_options[upstream_http.OPTIONS].CopyFrom(api.pack(options))
    return cluster


def _local(name: str, socket: str) -> api.Message:
    """A process beside us, over HTTP/1.1 unless somebody says otherwise."""
    cluster = api.cluster.Cluster(name=name, connect_timeout=api.seconds(1))
    cluster.type = api.cluster.Cluster.STATIC
    cluster.load_assignment.cluster_name = name
    endpoint = cluster.load_assignment.endpoints.add().lb_endpoints.add().endpoint
    endpoint.address.CopyFrom(api.pipe_address(socket))
    return cluster


def _nowhere() -> api.Message:
    """A cluster without endpoints: a share of connections that nobody takes is closed at once. One that does not exist
    would first be asked for, for seconds."""
    cluster = api.cluster.Cluster(name=names.NOWHERE, connect_timeout=api.seconds(1))
    cluster.type = api.cluster.Cluster.STATIC
    cluster.load_assignment.cluster_name = names.NOWHERE
    return cluster


def _overload(message: api.Message, options: Options) -> None:
    """Stop accepting before memory or file handles run out: what is already open keeps being served."""
    manager = message.overload_manager
    if options.max_heap_mb:
        heap = api.fixed_heap.FixedHeapConfig(max_heap_size_bytes=options.max_heap_mb << 20)
        _monitor(manager, "envoy.resource_monitors.fixed_heap", heap)
        for action, share in (
            ("envoy.overload_actions.shrink_heap", 0.90),
            ("envoy.overload_actions.disable_http_keepalive", 0.92),
            ("envoy.overload_actions.stop_accepting_connections", 0.95),
            ("envoy.overload_actions.stop_accepting_requests", 0.98),
        ):
            trigger = manager.actions.add(name=action).triggers.add(name="envoy.resource_monitors.fixed_heap")
            trigger.threshold.value = share
    if options.max_connections:
        limit = api.connections.DownstreamConnectionsConfig(max_active_downstream_connections=options.max_connections)
        _monitor(manager, "envoy.resource_monitors.global_downstream_max_connections", limit)


def _monitor(manager: api.Message, name: str, config: api.Message) -> None:
    manager.resource_monitors.add(name=name, typed_config=api.pack(config))
