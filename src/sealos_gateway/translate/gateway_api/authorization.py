"""`externalAuth` of a filter: which service is asked about a request, and what it is told (GEP-1494).

Source: Gateway API v1.7.0, `HTTPExternalAuthFilter`; the filters of rules (`filters`) and of listeners (`prerouting`)
share it. What becomes of requests where the service cannot be used is for those two to say.
"""

from __future__ import annotations

from collections.abc import Iterable

from sealos_gateway.live import Read
from sealos_gateway.model.authorization import Authorization
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.resources.gateway_api.filters import ExternalAuth
from sealos_gateway.resources.meta import Origin
from sealos_gateway.translate.gateway_api import backends
from sealos_gateway.translate.gateway_api.listeners import Flaw
from sealos_gateway.translate.gateway_api.world import GatewayWorld
from sealos_gateway.translate.world import World


def authorization(
    origin: Origin, field: str, wanted: ExternalAuth, read: Read, world: World, gateways: GatewayWorld
) -> Authorization | Flaw:
    """Of a filter that is right by itself (`filter_faults`); `field` is where it stands in the object."""
    policy = backends.GRPC if wanted.protocol == "GRPC" else None
    found = backends.backend(
        origin, f"{field}.externalAuth.backendRef", wanted.backend_ref, read, world, gateways, policy
    )
    return found if isinstance(found, Flaw) else _asked(found, wanted)


def _asked(key: BackendKey, wanted: ExternalAuth) -> Authorization:
    body = wanted.forward_body.max_size if wanted.forward_body else 0
    if wanted.protocol == "GRPC":
        told = wanted.grpc.allowed_headers if wanted.grpc else ()
        return Authorization(key, grpc=True, asks_with=_names(told), body_bytes=body)
    http = wanted.http
    if http is None:
        return Authorization(key, body_bytes=body)
    return Authorization(
        key,
        path_prefix=http.path.rstrip("/"),
        asks_with=_names(http.allowed_headers),
        gives=_names(http.allowed_response_headers),
        body_bytes=body,
    )


def _names(wanted: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.lower() for name in wanted))
