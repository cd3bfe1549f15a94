"""The file an Envoy starts with: where its configuration comes from, its admin socket, its limits.

JSON is written as protobuf maps it (field names as in the .proto files), without the generated modules: a node writes
this file once, and would keep two hundred of them in memory for it. Tests read it back as the message.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sealos_gateway.envoy import stats, types

XDS_CLUSTER = "sealos-xds"
#: In instructions of RE2.
LARGEST_PROGRAM = 4_000

#: A message as JSON.
Json = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """Paths of Unix sockets, limits (0 means none), the suffix of cluster names, a further label for them, whether all
    is kept that Envoy counts, and a file with the certificate authorities that the machine believes (empty: none)."""

    node_id: str
    xds_socket: str
    admin_socket: str
    max_heap_mb: int = 0
    max_connections: int = 0
    cluster_domain: str = "cluster.local"
    istio_labels: bool = False
    all_statistics: bool = False
    system_authorities: str = ""
    passwords_socket: str = ""


def bootstrap(options: Options) -> str:
    """envoy.config.bootstrap.v3.Bootstrap as JSON."""
    return json.dumps(_bootstrap(options), indent=2)


def _bootstrap(options: Options) -> Json:
    return {
        "node": {"id": options.node_id, "cluster": "sealos-gateway"},
        "static_resources": _static(options),
        "dynamic_resources": {"ads_config": _ads_config(), "lds_config": _over_ads(), "cds_config": _over_ads()},
        "admin": {"address": _pipe(options.admin_socket)},
        "stats_config": stats.config(options.cluster_domain, options.istio_labels, options.all_statistics),
        # A cluster that was never used keeps no statistics: most of its memory.
        "deferred_stat_options": {"enable_deferred_creation_stats": True},
        # Workers build their part of a cluster at its first request: a thousand that change at once cost little until
        # then.
        "cluster_manager": {"enable_deferred_cluster_creation": True},
        "layered_runtime": runtime(),
        **_overload(options),
    }


def _static(options: Options) -> Json:
    clusters = [_xds_cluster(options.xds_socket), _nowhere()]
    if options.passwords_socket:
        clusters.append(_local(types.PASSWORDS, options.passwords_socket))
    found: Json = {"clusters": clusters}
    if options.system_authorities:
        context = {"trusted_ca": {"filename": options.system_authorities}}
        found["secrets"] = [{"name": types.SYSTEM_AUTHORITIES, "validation_context": context}]
    return found


def _ads_config() -> Json:
    return {
        "api_type": "DELTA_GRPC",
        "transport_api_version": "V3",
        "set_node_on_first_message_only": True,
        "grpc_services": [{"envoy_grpc": {"cluster_name": XDS_CLUSTER}}],
    }


def _over_ads() -> Json:
    return {"ads": {}, "resource_api_version": "V3"}


def _pipe(path: str) -> Json:
    return {"pipe": {"path": path}}


def runtime() -> Json:
    """What is set in Envoy's runtime. Its own limit for regular expressions, 100 instructions of RE2, is too small for
    an ordinary list of file names; what users write is measured before it is sent (`nginx.regex.LARGEST_PROGRAM`)."""
    limits = {"error_level": LARGEST_PROGRAM, "warn_level": LARGEST_PROGRAM}
    return {"layers": [{"name": "sealos", "static_layer": {"re2": {"max_program_size": limits}}}]}


def _xds_cluster(socket: str) -> Json:
    options = {"@type": types.HTTP_OPTIONS_URL, "explicit_http_config": {"http2_protocol_options": {}}}
    return {**_local(XDS_CLUSTER, socket), "typed_extension_protocol_options": {types.HTTP_OPTIONS: options}}


def _local(name: str, socket: str) -> Json:
    """A process beside us, over HTTP/1.1 unless somebody says otherwise."""
    endpoint = {"endpoint": {"address": _pipe(socket)}}
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": name, "connect_timeout": "1s", "type": "STATIC", "load_assignment": assignment}


def _nowhere() -> Json:
    """A cluster without endpoints: a share of connections that nobody takes is closed at once. One that does not exist
    would first be asked for, for seconds."""
    assignment = {"cluster_name": types.NOWHERE}
    return {"name": types.NOWHERE, "connect_timeout": "1s", "type": "STATIC", "load_assignment": assignment}


def _overload(options: Options) -> Json:
    """Stop accepting before memory or file handles run out: what is already open keeps being served."""
    monitors, actions = [], []
    if options.max_heap_mb:
        heap = "envoy.resource_monitors.fixed_heap"
        monitors.append(_monitor(heap, "fixed_heap.v3.FixedHeapConfig", max_heap_size_bytes=options.max_heap_mb << 20))
        actions = [
            {"name": f"envoy.overload_actions.{action}", "triggers": [{"name": heap, "threshold": {"value": share}}]}
            for action, share in (
                ("shrink_heap", 0.90),
                ("disable_http_keepalive", 0.92),
                ("stop_accepting_connections", 0.95),
                ("stop_accepting_requests", 0.98),
            )
        ]
    if options.max_connections:
        name, config = "global_downstream_max_connections", "downstream_connections.v3.DownstreamConnectionsConfig"
        most = {"max_active_downstream_connections": options.max_connections}
        monitors.append(_monitor(f"envoy.resource_monitors.{name}", config, **most))
    return {"overload_manager": {"resource_monitors": monitors, "actions": actions}} if monitors else {}


def _monitor(name: str, config: str, **fields: int) -> Json:
    url = f"type.googleapis.com/envoy.extensions.resource_monitors.{config}"
    return {"name": name, "typed_config": {"@type": url, **fields}}
