"""TLS towards backends: envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext."""

from __future__ import annotations

from sealos_gateway.envoy import api, names
from sealos_gateway.model.backend_policy import BackendTls, Protocol
from sealos_gateway.model.upstream import Backend

_SOCKET = "envoy.transport_sockets.tls"
#: Where Debian, Alpine and distroless images keep the certificate authorities that everybody believes.
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_NOTHING_ASKED = BackendTls()


def transport_socket(backend: Backend) -> api.Message:
    """TLS towards a backend is not verified unless a policy says so, as nginx does by default."""
    tls = backend.tls or _NOTHING_ASKED
    context = api.tls.UpstreamTlsContext(sni=tls.server_name or backend.dns_name)
    common = context.common_tls_context
    if backend.protocol is Protocol.HTTPS2:
        common.alpn_protocols.append("h2")
    if tls.certificate is not None:
        common.tls_certificate_sds_secret_configs.add(name=names.client_pair(tls.certificate), sds_config=api.ads())
    _versions(common.tls_params, tls)
    if tls.verify:
        _validation(common, tls)
    return api.base.TransportSocket(name=_SOCKET, typed_config=api.pack(context))


def _versions(message: api.Message, tls: BackendTls) -> None:
    versions = api.tls_common.TlsParameters
    known = {"1.0": versions.TLSv1_0, "1.1": versions.TLSv1_1, "1.2": versions.TLSv1_2, "1.3": versions.TLSv1_3}
    if tls.min_version:
        message.tls_minimum_protocol_version = known[tls.min_version]
    if tls.max_version:
        message.tls_maximum_protocol_version = known[tls.max_version]
    message.cipher_suites.extend(tls.ciphers)


def _validation(common: api.Message, tls: BackendTls) -> None:
    """Who signed it, and whose name is in it. Names come first from the policy, else the server name must be there."""
    if tls.authority is not None:
        combined = common.combined_validation_context
        secret = combined.validation_context_sds_secret_config
        secret.name = names.trust(tls.authority)
        secret.sds_config.CopyFrom(api.ads())
        context = combined.default_validation_context
    else:
        context = common.validation_context
        context.trusted_ca.filename = SYSTEM_AUTHORITIES
    if tls.verify_depth:
        context.max_verify_depth.value = tls.verify_depth
    kinds = api.tls_common.SubjectAltNameMatcher
    wanted = tls.names or (() if tls.uris or not tls.server_name else (tls.server_name,))
    for name in wanted:
        context.match_typed_subject_alt_names.add(san_type=kinds.DNS).matcher.exact = name
    for uri in tls.uris:
        context.match_typed_subject_alt_names.add(san_type=kinds.URI).matcher.exact = uri
