"""Listeners: one per port. No host ever appears in one, except hosts that need a TLS context of their own."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from sealos_gateway.envoy import (
    access_log,
    api,
    client_tls,
    forwarding,
    names,
    prerouting,
    scope,
    server_names,
    tls_contexts,
    tracing,
)
from sealos_gateway.envoy.policies import access
from sealos_gateway.envoy.policies import chain as policies
from sealos_gateway.model.client_tls import ClientTls, OwnContext
from sealos_gateway.model.traffic import Listener

_SELECTOR = "envoy.extensions.transport_sockets.tls.cert_selectors.on_demand_secret.v3.Config"
_MAPPER = "envoy.extensions.transport_sockets.tls.cert_mappers.sni.v3.SNI"


@dataclass(frozen=True)
class Options:
    """The settings that end in a listener. Sizes in bytes or KiB as named, times in seconds."""

    max_request_headers_kb: int = 60
    max_request_headers: int = 100
    trusted_hops: int = 0
    proxy_protocol: bool = False
    upgrade_types: tuple[str, ...] = ()
    normalize_path: bool = True
    merge_slashes: bool = False
    escaped_slashes: str = "KEEP_UNCHANGED"
    underscore_headers: str = "DROP_HEADER"
    keep_request_ids: bool = False
    idle_seconds: int = 600
    stream_idle_seconds: int = 3600
    request_headers_seconds: int = 60
    max_concurrent_streams: int = 128
    buffer_bytes: int = 1 << 20
    log_format: str = "json"
    log_path: str = "/dev/stdout"
    min_tls: str = "1.2"
    ciphers: tuple[str, ...] = ()
    domain: str = "cluster.local"
    tracing: tracing.Options | None = None


def listener(row: Listener, options: Options, own_contexts: tuple[OwnContext, ...] = ()) -> api.Message:
    """envoy.config.listener.v3.Listener. `own_contexts` are the server names that have a filter chain of their own:
    with several certificates side by side, which one on-demand secret cannot hold, or another way to speak TLS.
    """
    message = api.listener.Listener(
        name=row.name,
        address=api.socket_address(row.address, row.port),
        per_connection_buffer_limit_bytes=api.uint(options.buffer_bytes),
    )
    if options.proxy_protocol:
        listener_filter(message, "proxy_protocol", api.proxy_protocol.ProxyProtocol())
    if not row.tls:
        http_chain(message.filter_chains.add(name=row.name), row, options)
        return message
    listener_filter(message, "tls_inspector", api.tls_inspector.TlsInspector())
    own_chains = {own.server_name: f"{row.name}/{own.server_name}" for own in own_contexts}
    message.filter_chain_matcher.CopyFrom(server_names.matcher(own_chains, row.name))
    for own in own_contexts:
        chain = message.filter_chains.add(name=f"{row.name}/{own.server_name}")
        if own.tls is not None and own.tls.passthrough is not None:
            client_tls.pass_through(chain, names.backend(own.tls.passthrough, options.domain))
            continue
        secrets = [names.pair(own.server_name, algorithm) for algorithm in own.algorithms]
        chain.transport_socket.CopyFrom(_tls(options, secrets, own.tls))
        if own.tls is not None:
            client_tls.mark(chain, own.server_name)
        http_chain(chain, row, options)
    chain = message.filter_chains.add(name=row.name)
    chain.transport_socket.CopyFrom(on_demand_tls(options))
    http_chain(chain, row, options)
    bound_handshakes(message, options)
    return message


def bound_handshakes(message: api.Message, options: Options) -> None:
    """A client that stops in the middle of its handshake is let go: it has as long as for the headers of a request.

    Without this only the limit of idle connections would end it.
    """
    for chain in message.filter_chains:
        if chain.HasField("transport_socket"):
            chain.transport_socket_connect_timeout.CopyFrom(api.seconds(options.request_headers_seconds))


def listener_filter(message: api.Message, name: str, config: api.Message) -> None:
    """Add one of Envoy's listener filters."""
    message.listener_filters.add(name=f"envoy.filters.listener.{name}", typed_config=api.pack(config))


def http_chain(chain: api.Message, row: Listener, options: Options, labels: int = 1) -> None:
    """Give a filter chain the connection manager; `labels` is for how many a wildcard may stand (`scope.filters`)."""
    manager = _packed_manager(row, options, labels)
    chain.filters.add(name="envoy.filters.network.http_connection_manager", typed_config=manager)


@functools.lru_cache(maxsize=64)
def _packed_manager(row: Listener, options: Options, labels: int) -> api.Message:
    """Made once for all filter chains of a port: a name with TLS of its own has the same one as its neighbours."""
    return api.pack(connection_manager(row, options, labels))


def connection_manager(row: Listener, options: Options, labels: int = 1) -> api.Message:
    """envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager."""
    chain = [
        *scope.filters((forwarding.WEBSOCKET, *options.upgrade_types), labels),
        *prerouting.http_filters(row.asked),
        policies.http_filter(),
        access.http_filter(),
        *forwarding.filters(bool(options.trusted_hops), options.tracing is not None),
    ]
    manager = api.hcm.HttpConnectionManager(
        stat_prefix=row.name,
        scoped_routes=scope.scoped_routes(),
        early_header_mutation_extensions=[scope.key_mutation(row.gateway)],
        http_filters=[*chain, _router()],
        access_log=access_log.loggers(options.log_format, options.log_path),
        normalize_path=api.boolean(options.normalize_path),
        merge_slashes=options.merge_slashes,
        path_with_escaped_slashes_action=options.escaped_slashes,
        max_request_headers_kb=api.uint(options.max_request_headers_kb),
        use_remote_address=api.boolean(True),
        xff_num_trusted_hops=options.trusted_hops,
        append_x_forwarded_port=True,
        preserve_external_request_id=options.keep_request_ids,
        stream_idle_timeout=api.seconds(options.stream_idle_seconds),
        request_headers_timeout=api.seconds(options.request_headers_seconds),
        server_header_transformation=api.hcm.HttpConnectionManager.PASS_THROUGH,
        upgrade_configs=[{"upgrade_type": name} for name in (forwarding.WEBSOCKET, *options.upgrade_types)],
    )
    common = manager.common_http_protocol_options
    common.idle_timeout.CopyFrom(api.seconds(options.idle_seconds))
    common.max_headers_count.value = options.max_request_headers
    common.headers_with_underscores_action = api.protocol.HttpProtocolOptions.HeadersWithUnderscoresAction.Value(
        options.underscore_headers
    )
    if options.tracing is not None:
        tracing.fill_manager(manager, options.tracing)
    http2 = manager.http2_protocol_options
    http2.max_concurrent_streams.value = options.max_concurrent_streams
    http2.initial_stream_window_size.value = 1 << 18
    http2.initial_connection_window_size.value = 1 << 20
    http2.allow_connect = True
    return manager


def _router() -> api.Message:
    config = api.router.Router(suppress_envoy_headers=True)
    return api.hcm.HttpFilter(name="envoy.filters.http.router", typed_config=api.pack(config))


def on_demand_tls(options: Options) -> api.Message:
    """envoy.config.core.v3.TransportSocket; the certificate is fetched at the handshake, its name being the SNI."""
    return _tls(options, [])


def _tls(options: Options, secrets: list[str], own: ClientTls | None = None) -> api.Message:
    """TLS towards clients; without named secrets the certificate is fetched on demand, its name being the SNI."""
    context = api.tls.DownstreamTlsContext()
    common = context.common_tls_context
    fill_tls(common, options)
    for name in secrets:
        tls_contexts.show(common, name)
    if not secrets:
        common.custom_tls_certificate_selector.CopyFrom(_on_demand_secret())
        # Envoy refuses an on-demand certificate together with resumption: a ticket would outlive its certificate.
        context.disable_stateless_session_resumption = True
        context.disable_stateful_session_resumption = True
    if own is not None:
        client_tls.fill(context, own)
    return tls_contexts.socket(context)


def fill_tls(common: api.Message, options: Options) -> None:
    """What every CommonTlsContext towards clients has: protocols, versions, ciphers."""
    common.alpn_protocols.extend(["h2", "http/1.1"])
    tls_contexts.versions(common, options.min_tls)
    common.tls_params.cipher_suites.extend(options.ciphers)


def _on_demand_secret() -> api.Message:
    config = {
        "config_source": {"ads": {}, "resource_api_version": "V3"},
        "certificate_mapper": {
            "name": "envoy.tls.certificate_mappers.sni",
            "typed_config": {
                "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
                "type_url": f"type.googleapis.com/{_MAPPER}",
                "value": {"default_value": server_names.NONE},
            },
        },
    }
    return api.extension.TypedExtensionConfig(
        name="envoy.tls.certificate_selectors.on_demand_secret", typed_config=api.pack_struct(_SELECTOR, config)
    )
