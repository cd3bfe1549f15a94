"""The Envoy resources of the experiment, as dictionaries turned into messages once, here.

One listener per candidate, all in one Envoy, so that rounds of a measurement can be interleaved on the same process.
"""

from pathlib import Path
from typing import Any

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2, scoped_route_pb2

# ParseDict finds the message inside an Any only if its module was imported.
from envoy.extensions.access_loggers.file.v3 import file_pb2  # noqa: F401
from envoy.extensions.common.matching.v3 import extension_matcher_pb2  # noqa: F401
from envoy.extensions.filters.common.matcher.action.v3 import skip_action_pb2  # noqa: F401
from envoy.extensions.filters.http.composite.v3 import composite_pb2  # noqa: F401
from envoy.extensions.filters.http.header_mutation.v3 import header_mutation_pb2 as _filter  # noqa: F401
from envoy.extensions.filters.http.lua.v3 import lua_pb2  # noqa: F401
from envoy.extensions.filters.http.on_demand.v3 import on_demand_pb2  # noqa: F401
from envoy.extensions.filters.http.router.v3 import router_pb2  # noqa: F401
from envoy.extensions.filters.network.http_connection_manager.v3 import (  # noqa: F401
    http_connection_manager_pb2,
)
from envoy.extensions.http.early_header_mutation.header_mutation.v3 import header_mutation_pb2  # noqa: F401
from envoy.type.matcher.v3 import http_inputs_pb2  # noqa: F401
from google.protobuf import json_format
from xds.type.matcher.v3 import domain_pb2, matcher_pb2  # noqa: F401
from xds.type.v3 import typed_struct_pb2  # noqa: F401

EXT = "type.googleapis.com/envoy.extensions."
ADS: dict[str, Any] = {"ads": {}, "resource_api_version": "V3"}
SCOPE_HEADER = "x-sealos-scope"
HERE = Path(__file__).parent
# Every filter that is of no use once a route is known bears this one name, so one entry in a route configuration
# switches all of them off. Envoy allows the same name more than once.
FALLBACK = "sealos.scope"


def on_demand(name: str = "sealos.on_demand") -> dict[str, Any]:
    """Load what is missing on demand: the routes of the scope, and the cluster of a route."""
    config = {"@type": EXT + "filters.http.on_demand.v3.OnDemand", "odcds": {"source": ADS}}
    return {"name": name, "typed_config": config}


def lua(name: str, file: str) -> dict[str, Any]:
    """A Lua filter that runs one of the scripts beside this file."""
    code = {"inline_string": (HERE / file).read_text()}
    config = {"@type": EXT + "filters.http.lua.v3.Lua", "default_source_code": code}
    return {"name": name, "typed_config": config}


def router() -> dict[str, Any]:
    """The last filter."""
    return {"name": "router", "typed_config": {"@type": EXT + "filters.http.router.v3.Router"}}


def guarded() -> list[dict[str, Any]]:
    """Candidate A': fall back to the next key only where no route was found."""
    return [
        lua(FALLBACK, "fold.lua"),
        on_demand(),
        lua(FALLBACK, "next.lua"),
        on_demand(FALLBACK),
        lua(FALLBACK, "next.lua"),
        on_demand(FALLBACK),
        router(),
    ]


def key_mutation(listener: str) -> dict[str, Any]:
    """Overwrite the private header with `<listener>|<authority>`, whatever the client sent."""
    header = {"key": SCOPE_HEADER, "value": f"{listener}|%REQ(:AUTHORITY)%"}
    mutation = {"append": {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
    config = {"@type": EXT + "http.early_header_mutation.header_mutation.v3.HeaderMutation", "mutations": [mutation]}
    return {"name": "key", "typed_config": config}


def connection_manager(
    name: str, filters: list[dict[str, Any]], mutation: dict[str, Any], log: str | None
) -> dict[str, Any]:
    """The HTTP connection manager of one listener."""
    extractor: dict[str, Any] = {"header_value_extractor": {"name": SCOPE_HEADER, "index": 0}}
    manager: dict[str, Any] = {
        "@type": EXT + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "strip_any_host_port": True,
        "strip_trailing_host_dot": True,
        "use_remote_address": True,
        "early_header_mutation_extensions": [mutation],
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "http_filters": filters,
        "scoped_routes": {
            "name": "scopes",
            "scope_key_builder": {"fragments": [extractor]},
            "rds_config_source": ADS,
            "scoped_rds": {"scoped_rds_config_source": ADS},
        },
    }
    if log:
        line = "%REQ(:AUTHORITY)% %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %ROUTE_NAME% %DURATION%\n"
        config: dict[str, Any] = {"@type": EXT + "access_loggers.file.v3.FileAccessLog", "path": log}
        config["log_format"] = {"text_format_source": {"inline_string": line}}
        manager["access_log"] = [{"name": "log", "typed_config": config}]
    return manager


def listener(
    name: str,
    port: int,
    filters: list[dict[str, Any]],
    mutation: dict[str, Any] | None = None,
    log: str | None = None,
) -> Any:
    """A plain HTTP listener on loopback."""
    manager = connection_manager(name, filters, mutation or key_mutation(name), log)
    chain = {"filters": [{"name": "hcm", "typed_config": manager}]}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    body = {"name": name, "address": address, "filter_chains": [chain]}
    return json_format.ParseDict(body, listener_pb2.Listener())


def scope(listener_name: str, host: str) -> Any:
    """The 100 bytes that say a host exists."""
    name = f"{listener_name}|{host}"
    body = {
        "name": name,
        "on_demand": True,
        "route_configuration_name": name,
        "key": {"fragments": [{"string_key": name}]},
    }
    return json_format.ParseDict(body, scoped_route_pb2.ScopedRouteConfiguration())


def routes(listener_name: str, host: str, cluster: str, path: str = "/") -> Any:
    """The routes of one host. The last route answers 404, so no route means no such scope."""
    disabled = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    to_backend = {
        "name": f"{host}{path}",
        "match": {"prefix": path},
        "route": {"cluster": cluster, "upgrade_configs": [{"upgrade_type": "websocket"}], "timeout": "30s"},
    }
    virtual_host = {
        "name": host,
        "domains": ["*"],
        "metadata": {"filter_metadata": {FALLBACK: {"known": True}}},
        "routes": [to_backend, {"name": "404", "match": {"prefix": "/"}, "direct_response": {"status": 404}}],
    }
    body = {
        "name": f"{listener_name}|{host}",
        "virtual_hosts": [virtual_host],
        "request_headers_to_remove": [SCOPE_HEADER],
        "request_headers_to_add": [{"header": {"key": "x-served-by", "value": host}}],
        "typed_per_filter_config": {FALLBACK: disabled},
    }
    return json_format.ParseDict(body, route_pb2.RouteConfiguration())


def cluster(name: str, port: int, http2: bool = False) -> Any:
    """One loopback backend."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoint = {"lb_endpoints": [{"endpoint": {"address": address}}]}
    body: dict[str, Any] = {
        "name": name,
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": [endpoint]},
    }
    if http2:
        body["http2_protocol_options"] = {}
    return json_format.ParseDict(body, cluster_pb2.Cluster())


def bootstrap(ads_port: int, admin_port: int) -> dict[str, Any]:
    """The file Envoy starts with."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": ads_port}}
    xds = {
        "name": "xds",
        "connect_timeout": "2s",
        "http2_protocol_options": {},
        "load_assignment": {
            "cluster_name": "xds",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    service = {"envoy_grpc": {"cluster_name": "xds"}}
    return {
        "node": {"id": "bench", "cluster": "bench"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": admin_port}}},
        "static_resources": {"clusters": [xds]},
        "dynamic_resources": {
            "ads_config": {"api_type": "DELTA_GRPC", "transport_api_version": "V3", "grpc_services": [service]},
            "lds_config": ADS,
        },
    }
