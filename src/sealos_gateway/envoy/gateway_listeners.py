"""Ports of Gateways: one listener each, with one filter chain for all hostnames that TLS needs nothing special for.

Which certificate that chain shows is found out at the handshake, as on the ports of Ingresses. Hostnames with client
certificates, with several certificates, wildcards, and those that are not read here have filter chains of their own.
Which routes answer is found as everywhere else, by scope (`scope`).
"""

from __future__ import annotations

from sealos_gateway.envoy import access_log, api, client_tls, datagrams, listeners, names, server_names, tls_contexts
from sealos_gateway.envoy.listeners import Options
from sealos_gateway.model.gateway_listener import Chain, GatewayListener, Stream
from sealos_gateway.model.traffic import Listener

#: `*.example.com` stands for several labels in Gateway API: so many are tried before any host is.
LABELS = 5
_PREFIX = "gateway/"
#: What a client asked for in the handshake, in lower case: in the shared chain this is the hostname of a connection.
_REQUESTED = "%REQUESTED_SERVER_NAME%"


def name(place: str) -> str:
    """Of the listener of a place."""
    return f"{_PREFIX}{place}"


def place(name: str) -> str:
    """The place of a listener of that name."""
    return name.removeprefix(_PREFIX)


def listener(row: GatewayListener, address: str, options: Options) -> api.Message:
    """envoy.config.listener.v3.Listener."""
    if row.udp:
        return datagrams.listener(name(row.place), address, row.port, _shares(row.streams[0], options), options)
    message = api.listener.Listener(
        name=name(row.place),
        address=api.socket_address(address, row.port),
        per_connection_buffer_limit_bytes=api.uint(options.buffer_bytes),
    )
    if options.proxy_protocol:
        listeners.listener_filter(message, "proxy_protocol", api.proxy_protocol.ProxyProtocol())
    has_tls = bool(row.chains) or row.shared
    as_model = Listener(message.name, row.place, address, row.port, has_tls, row.asked)
    if row.streams and not row.streams[0].server_name:
        _hand_on(message.filter_chains.add(name=row.place), row.streams[0], options)
        return message
    if not row.chains and not row.streams and not row.shared:
        listeners.http_chain(message.filter_chains.add(name=row.place), as_model, options, LABELS)
        return message
    listeners.listener_filter(message, "tls_inspector", api.tls_inspector.TlsInspector())
    named = dict.fromkeys(row.listed, row.place)
    for stream in row.streams:
        found = message.filter_chains.add(name=f"{row.place}/tls/{stream.server_name}")
        named[stream.server_name] = found.name
        if stream.tls is not None:
            found.transport_socket.CopyFrom(_tls(stream.tls, options, http=False))
        _hand_on(found, stream, options)
    for chain in row.chains:
        found = message.filter_chains.add(name=f"{row.place}/{chain.hostname}")
        named[chain.hostname] = found.name
        found.transport_socket.CopyFrom(_tls(chain, options))
        _requests(found, chain.hostname, as_model, row, options)
    if row.shared:
        found = message.filter_chains.add(name=row.place)
        found.transport_socket.CopyFrom(listeners.on_demand_tls(options))
        _requests(found, _REQUESTED, as_model, row, options)
    on_demand = row.place if row.shared and not row.closed else ""
    message.filter_chain_matcher.CopyFrom(server_names.matcher(named, on_demand))
    listeners.bound_handshakes(message, options)
    return message


def _requests(chain: api.Message, hostname: str, as_model: Listener, row: GatewayListener, options: Options) -> None:
    """Read requests, with a note of the hostname of the connection: also where it is the only one of the port, so that
    connections of now are known when a second one comes.

    Where every hostname is a whole name, what routes have in common with them are whole names, too, so nobody looks
    for wildcards.
    """
    client_tls.mark(chain, hostname)
    listeners.http_chain(chain, as_model, options, LABELS if row.wide else 0)


def _hand_on(chain: api.Message, stream: Stream, options: Options) -> None:
    logs = access_log.of_connections(options.log_format, options.log_path)
    client_tls.hand_on(chain, _shares(stream, options), logs)


def _shares(stream: Stream, options: Options) -> list[tuple[str, int]]:
    return [
        (names.backend(it.backend, options.domain) if it.backend else names.NOWHERE, it.weight) for it in stream.targets
    ]


def _tls(chain: Chain, options: Options, http: bool = True) -> api.Message:
    """envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext with the certificates of one hostname."""
    context = api.tls.DownstreamTlsContext()
    common = context.common_tls_context
    listeners.fill_tls(common, options)
    if not http:
        del common.alpn_protocols[:]  # what is in it is for the backend to say, and it is not asked
    if chain.parameters is not None:
        client_tls.fill(context, chain.parameters)
    for ref in chain.certificates:
        tls_contexts.show(common, names.client_pair(ref))
    if chain.authorities:
        context.require_client_certificate.value = not chain.optional
        rules = tls_contexts.believe(common, chain.authorities)
        if chain.optional:
            rules.trust_chain_verification = api.tls_common.CertificateValidationContext.ACCEPT_UNTRUSTED
    return tls_contexts.socket(context)
