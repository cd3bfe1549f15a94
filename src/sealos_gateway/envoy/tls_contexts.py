"""What TLS towards clients and TLS towards backends have in common: the socket, versions, whom to believe."""

from __future__ import annotations

from typing import Final

from sealos_gateway.envoy import api, names
from sealos_gateway.envoy.types import SYSTEM_AUTHORITIES
from sealos_gateway.resources.meta import Origin

_SOCKET: Final = "envoy.transport_sockets.tls"
_VERSIONS: Final = {
    "1.0": api.tls_common.TlsParameters.TLSv1_0,
    "1.1": api.tls_common.TlsParameters.TLSv1_1,
    "1.2": api.tls_common.TlsParameters.TLSv1_2,
    "1.3": api.tls_common.TlsParameters.TLSv1_3,
}


def socket(context: api.Message) -> api.Message:
    """envoy.config.core.v3.TransportSocket around a DownstreamTlsContext or an UpstreamTlsContext."""
    return api.base.TransportSocket(name=_SOCKET, typed_config=api.pack(context))


def versions(common: api.Message, lowest: str, highest: str = "") -> None:
    """The range of protocol versions of a CommonTlsContext, `1.0` to `1.3`; empty is Envoy's own limit."""
    if lowest:
        common.tls_params.tls_minimum_protocol_version = _VERSIONS[lowest]
    if highest:
        common.tls_params.tls_maximum_protocol_version = _VERSIONS[highest]


def show(common: api.Message, name: str) -> None:
    """The certificate of a CommonTlsContext: a secret that comes over the stream, and changes without a new listener or
    cluster."""
    common.tls_certificate_sds_secret_configs.add(name=name, sds_config=api.ads())


def believe(common: api.Message, authorities: tuple[Origin, ...]) -> api.Message:
    """Check certificates against a bundle that comes over the stream; returns what else is to be checked, to be filled:
    envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext."""
    rules = _believe(common, names.trust(*authorities))
    common.combined_validation_context.validation_context_sds_secret_config.sds_config.CopyFrom(api.ads())
    return rules


def believe_machine(common: api.Message) -> api.Message:
    """The same against the authorities of the machine, which the bootstrap names."""
    return _believe(common, SYSTEM_AUTHORITIES)


def _believe(common: api.Message, name: str) -> api.Message:
    combined = common.combined_validation_context
    combined.validation_context_sds_secret_config.name = name
    combined.default_validation_context.SetInParent()
    return combined.default_validation_context
