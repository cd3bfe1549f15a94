"""TLS towards backends: envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext."""

from __future__ import annotations

from sealos_gateway.envoy import api, names, tls_contexts
from sealos_gateway.model.backend_policy import BackendTls, Protocol
from sealos_gateway.model.upstream import Backend

_NOTHING_ASKED = BackendTls()


def transport_socket(backend: Backend) -> api.Message:
    """TLS towards a backend is not verified unless a policy says so, as nginx does by default."""
    tls = backend.tls or _NOTHING_ASKED
    context = api.tls.UpstreamTlsContext(sni=tls.server_name or backend.dns_name)
    common = context.common_tls_context
    if backend.protocol is Protocol.HTTPS2:
        common.alpn_protocols.append("h2")
    if tls.certificate is not None:
        tls_contexts.show(common, names.client_pair(tls.certificate))
    # Of itself Envoy stops at TLS 1.2 as a client, and a backend that wants 1.3 could not be reached.
    tls_contexts.versions(common, tls.min_version, tls.max_version or "1.3")
    common.tls_params.cipher_suites.extend(tls.ciphers)
    if tls.verify:
        _validation(common, tls)
    return tls_contexts.socket(context)


def _validation(common: api.Message, tls: BackendTls) -> None:
    """Who signed it, and whose name is in it. Names come first from the policy, else the server name must be there."""
    if not tls.authorities and not tls.system_trust:
        raise ValueError("a certificate is to be verified, and no authority is named")
    rules = tls_contexts.believe(common, tls.authorities) if tls.authorities else tls_contexts.believe_machine(common)
    if tls.verify_depth:
        rules.max_verify_depth.value = tls.verify_depth
    kinds = api.tls_common.SubjectAltNameMatcher
    wanted = tls.names or (() if tls.uris or not tls.server_name else (tls.server_name,))
    for name in wanted:
        rules.match_typed_subject_alt_names.add(san_type=kinds.DNS).matcher.exact = name
    for uri in tls.uris:
        rules.match_typed_subject_alt_names.add(san_type=kinds.URI).matcher.exact = uri
