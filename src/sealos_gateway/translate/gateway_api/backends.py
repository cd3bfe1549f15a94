"""Where rules send requests: Services that exist, have the port, and may be referred to."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.model.backend_policy import AS_IT_IS, BackendPolicy, BackendTls, Protocol
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.resources.gateway_api.meta import BackendReference
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import places, upstreams
from sealos_gateway.translate.gateway_api import grants
from sealos_gateway.translate.gateway_api.grants import Referrer
from sealos_gateway.translate.gateway_api.listeners import RESOLVED, Flaw
from sealos_gateway.translate.gateway_api.world import GatewayWorld
from sealos_gateway.translate.world import World

#: How the backends of a GRPCRoute are spoken to where their `appProtocol` does not say it.
GRPC = BackendPolicy(protocol=Protocol.H2C)
_GRPC_BY_PROTOCOL = {Protocol.H2C: None, Protocol.HTTPS: BackendPolicy(protocol=Protocol.HTTPS2)}
_USUAL = BackendPolicy()
#: Standard application protocols of Kubernetes that a kind of route can be sent by.
_REQUESTS: Final = {
    "HTTPRoute": ("kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss"),
    "GRPCRoute": ("kubernetes.io/h2c",),
}


def backend(
    origin: Origin,
    field: str,
    reference: BackendReference,
    read: Read,
    world: World,
    gateways: GatewayWorld,
    policy: BackendPolicy | None = None,
    protocol: str = "TCP",
) -> BackendKey | Flaw:
    """The backend that a reference names, or why it names none; `protocol` is that of the Service port it has to be."""
    if (reference.group, reference.kind) != ("", "Service"):
        text = f"{field}: {reference.kind} of group {reference.group!a} cannot be a backend; name a Service"
        return Flaw(RESOLVED, "InvalidKind", text)
    target = Ref(reference.namespace or origin.ref.namespace, reference.name)
    if not grants.permitted(Referrer(origin.kind, origin.ref.namespace), "", "Service", target, read, gateways):
        text = f"{field}: Service {target} is in another namespace, and no ReferenceGrant there allows it"
        return Flaw(RESOLVED, "RefNotPermitted", text)
    service = read(world.services, target)
    if service is None:
        return Flaw(RESOLVED, "BackendNotFound", f"{field}: Service {target} does not exist")
    if reference.port is None:
        return Flaw(RESOLVED, "UnsupportedValue", f"{field}: a Service needs a port here")
    port = next((it for it in service.spec.ports if it.port == reference.port and it.protocol == protocol), None)
    if port is None:
        text = f"{field}: Service {target} has no {protocol} port {reference.port}"
        return Flaw(RESOLVED, "BackendNotFound", text)
    if fault := places.external_fault(service, world.rules.local_external_names):
        return Flaw(RESOLVED, "UnsupportedValue", f"{field}: Service {target}: {fault}")
    if (unspoken := _unspoken(origin.kind, (port.app_protocol or "").lower())) is not None:
        text = f"{field}: Service {target} port {port.port}: {origin.kind} cannot be sent by appProtocol {unspoken}"
        return Flaw(RESOLVED, "UnsupportedProtocol", text)
    if policy is GRPC:
        said = upstreams.PROTOCOLS.get((port.app_protocol or "").lower(), Protocol.HTTP1)
        policy = _GRPC_BY_PROTOCOL.get(said, GRPC)
    return BackendKey(target.namespace, target.name, reference.port, policy, protocol)


def _unspoken(kind: str, protocol: str) -> str | None:
    """An `appProtocol` by which requests of a kind of route cannot be sent: standard ones of Kubernetes that are not
    known here (KEP-3726), and WebSocket for gRPC. Names without that prefix mean plain HTTP/1.1 where they are not
    known, as everywhere here: charts write all sorts of things."""
    if kind not in _REQUESTS or not protocol.startswith("kubernetes.io/"):
        return None
    return None if protocol in _REQUESTS[kind] else protocol[:80]


def showing(key: BackendKey, certificate: Ref) -> BackendKey:
    """The same backend, which is shown this certificate where it speaks TLS. Whether it does is not asked here: no name
    of a cluster depends on that."""
    if key.policy == AS_IT_IS or not key.namespace:
        return key
    return key._replace(policy=_showing(key.policy or _USUAL, certificate))


@lru_cache(maxsize=1024)
def _showing(policy: BackendPolicy, certificate: Ref) -> BackendPolicy:
    """All backends of a Gateway share a few of these."""
    tls = msgspec.structs.replace(policy.tls or BackendTls(), certificate=certificate)
    return msgspec.structs.replace(policy, tls=tls)


def as_it_is(key: BackendKey) -> BackendKey:
    """The same backend for bytes that nobody here has read: a client may speak TLS with it already."""
    return key._replace(policy=AS_IT_IS) if key.transport == "TCP" else key
