"""Spans for an OpenTelemetry collector: the tracer of a connection manager, the collector's cluster, what routes say.

Nothing of this is written unless a collector is set. Sources: envoy.config.trace.v3.OpenTelemetryConfig,
envoy.config.route.v3.Tracing, W3C Trace Context (`traceparent`, `tracestate`). Decision 040.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from sealos_gateway.envoy import api, names, templates, tls_contexts, upstream_http
from sealos_gateway.model.backend_policy import Protocol
from sealos_gateway.model.policy import Tracing

#: What a span of a route without a name of its own is called: few names, as OpenTelemetry wants it.
_OPERATION = "%REQ(:METHOD)% %ROUTE_NAME%"
_PARENTS = ("traceparent", "tracestate")
#: No client may send it, and no backend gets it.
WANTED = "x-client-trace-id"
_PARTS = 10_000  # of a percent, in FractionalPercent's millionths
_PATIENCE = 5  # seconds for one delivery


@dataclass(frozen=True)
class Options:
    """Where spans go, and which there are. With `path` they go over HTTP, without over gRPC; `secure`: with TLS;
    `percent` is a share."""

    host: str
    port: int
    path: str = ""
    secure: bool = False
    service_name: str = "sealos-gateway"
    everywhere: bool = True
    percent: float = 100.0
    trust: bool = True


def fill_manager(manager: api.Message, options: Options) -> None:
    """Give a connection manager a tracer."""
    tracing = manager.tracing
    tracing.client_sampling.value = 100 if options.trust else 0
    tracing.random_sampling.value = options.percent if options.everywhere else 0
    tracing.overall_sampling.value = 100 if options.everywhere else 0
    tracing.operation = _OPERATION
    config = api.opentelemetry.OpenTelemetryConfig(service_name=options.service_name)
    if options.path:
        uri = config.http_service.http_uri
        scheme = "https" if options.secure else "http"
        uri.uri, uri.cluster = f"{scheme}://{_authority(options)}{options.path}", names.TRACING
        uri.timeout.CopyFrom(api.seconds(_PATIENCE))
    else:
        config.grpc_service.envoy_grpc.cluster_name = names.TRACING
        config.grpc_service.timeout.CopyFrom(api.seconds(_PATIENCE))
    tracing.provider.name = "envoy.tracers.opentelemetry"
    tracing.provider.typed_config.CopyFrom(api.pack(config))
    # Otherwise the first decision stands in the request's id, and one taken before the route was known stays.
    request_id = api.request_id.UuidRequestIdConfig(pack_trace_reason=api.boolean(False))
    manager.request_id_extension.typed_config.CopyFrom(api.pack(request_id))
    manager.early_header_mutation_extensions.append(_parents(options.trust))


def fill_route(message: api.Message, wanted: Tracing, options: Options, name: str = "") -> None:
    """What one route says, into envoy.config.route.v3.Route: all of it, because it replaces what the manager says.

    `name` as in `templates.text`.
    """
    traced = options.everywhere if wanted.enabled is None else wanted.enabled
    tracing = message.tracing
    tracing.client_sampling.numerator = 100 if options.trust else 0
    tracing.random_sampling.numerator = round(options.percent * _PARTS) if traced else 0
    tracing.random_sampling.denominator = 2  # MILLION
    tracing.overall_sampling.numerator = 100 if traced else 0
    tracing.operation = templates.text(wanted.operation, name) if wanted.operation else _OPERATION


def cluster(options: Options) -> api.Message:
    """envoy.config.cluster.v3.Cluster of the collector."""
    kinds = api.cluster.Cluster
    message = kinds(name=names.TRACING, connect_timeout=api.seconds(_PATIENCE))
    message.type = kinds.STATIC if _is_address(options.host) else kinds.STRICT_DNS
    # One family: what is sent to an address of the other that cannot be reached would be lost.
    message.dns_lookup_family = kinds.V4_PREFERRED
    message.load_assignment.cluster_name = names.TRACING
    endpoint = message.load_assignment.endpoints.add().lb_endpoints.add().endpoint
    endpoint.address.CopyFrom(api.socket_address(options.host, options.port))
    protocol = upstream_http.options(Protocol.HTTP1 if options.path else Protocol.H2C)
    message.typed_extension_protocol_options[upstream_http.OPTIONS].CopyFrom(api.pack(protocol))
    if options.secure:
        message.transport_socket.CopyFrom(_tls(options))
    return message


def _tls(options: Options) -> api.Message:
    """The collector's certificate must be for its host, and be signed by an authority of the machine."""
    address = _is_address(options.host)
    context = api.tls.UpstreamTlsContext(sni="" if address else options.host)
    common, kinds = context.common_tls_context, api.tls_common.SubjectAltNameMatcher
    common.alpn_protocols.append("http/1.1" if options.path else "h2")
    tls_contexts.versions(common, "", "1.3")
    rules = tls_contexts.believe_machine(common)
    san_type = kinds.IP_ADDRESS if address else kinds.DNS
    rules.match_typed_subject_alt_names.add(san_type=san_type).matcher.exact = options.host
    return tls_contexts.socket(context)


def _parents(trust: bool) -> api.Message:
    """Spans of clients: removed, or a reason to trace. Envoy's share is taken of requests that come with a span, too,
    but what a client has sampled shall be traced as a whole. So such requests get the header by which Envoy knows that
    a client wants a trace; its value means nothing, and where the client has not sampled, Envoy does not either.
    """
    message = api.early_header_mutation.HeaderMutation()
    for name in (WANTED,) if trust else (WANTED, *_PARENTS):
        message.mutations.add().remove = name
    if trust:
        append = message.mutations.add().append
        append.header.key, append.header.value = WANTED, "%REQ(traceparent)%"
        append.append_action = api.base.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    return api.named("sealos.parents", message)


def _authority(options: Options) -> str:
    return f"[{options.host}]:{options.port}" if ":" in options.host else f"{options.host}:{options.port}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
