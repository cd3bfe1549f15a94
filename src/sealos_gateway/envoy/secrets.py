"""Certificates as secrets. The name is stamped last, because Envoy asks by the SNI a client sent."""

from __future__ import annotations

from sealos_gateway.envoy import api
from sealos_gateway.model.upstream import KeyPair, TrustBundle


def secret(pair: KeyPair) -> api.Message:
    """envoy.extensions.transport_sockets.tls.v3.Secret, without its name (see `reading.named_secret`)."""
    certificate = api.tls_common.TlsCertificate(
        certificate_chain=api.base.DataSource(inline_bytes=pair.chain),
        private_key=api.base.DataSource(inline_bytes=bytes(pair.key)),
    )
    return api.tls_secret.Secret(tls_certificate=certificate)


def trust(bundle: TrustBundle) -> api.Message:
    """envoy.extensions.transport_sockets.tls.v3.Secret with a validation context, without its name."""
    context = api.tls_common.CertificateValidationContext()
    context.trusted_ca.inline_bytes = bundle.roots
    if bundle.revoked:
        context.crl.inline_bytes = bundle.revoked
    return api.tls_secret.Secret(validation_context=context)
