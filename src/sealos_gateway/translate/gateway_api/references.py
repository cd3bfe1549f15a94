"""What Gateways and ListenerSets refer to: Secrets with certificates, authorities. Only what they may is followed.

A row of references says what has to be fetched; what came of it is judged in `listeners`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.resources.gateway_api.gateways import FrontendValidation, Gateway, Listener
from sealos_gateway.resources.gateway_api.meta import ObjectReference, SecretReference
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import trust
from sealos_gateway.translate.gateway_api import grants
from sealos_gateway.translate.gateway_api.grants import Referrer
from sealos_gateway.translate.gateway_api.world import GatewayWorld

TERMINATE = "Terminate"
#: What may be named for the certificates of clients.
CLIENT_AUTHORITIES: Final = trust.KINDS - {("", trust.SECRET)}


class References(msgspec.Struct, frozen=True, gc=False):
    """What an object refers to and may use: key pairs, and authorities in ConfigMaps and ClusterTrustBundles."""

    secrets: tuple[Ref, ...] = ()
    config_maps: tuple[Ref, ...] = ()
    authorities: tuple[Origin, ...] = ()


def of_gateway(ref: Ref, read: Read, world: GatewayWorld) -> References | None:
    """Of a Gateway of ours: certificates of listeners, its own towards backends, authorities of clients."""
    gateway = read(world.gateways, ref)
    if gateway is None or read(world.ours, ref) is None:
        return None
    referrer = Referrer("Gateway", ref.namespace)
    secrets = dict.fromkeys(_secrets(gateway.spec.listeners, referrer, read, world))
    client = client_certificate(gateway)
    if client and (pair := _secret(client, referrer, read, world)):
        secrets[pair] = None
    origins = tuple(dict.fromkeys(_authorities(gateway, referrer, read, world)))
    return References(tuple(secrets), tuple(it.ref for it in origins if it.kind == trust.CONFIG_MAP), origins)


def of_listener_set(ref: Ref, read: Read, world: GatewayWorld) -> References | None:
    """Of a ListenerSet whose Gateway is ours."""
    row = read(world.listener_sets, ref)
    if (
        row is None
        or read(world.ours, Ref(row.spec.parent_ref.namespace or ref.namespace, row.spec.parent_ref.name)) is None
    ):
        return None
    found = _secrets(row.spec.listeners, Referrer("ListenerSet", ref.namespace), read, world)
    return References(tuple(dict.fromkeys(found)))


def client_certificate(gateway: Gateway) -> SecretReference | None:
    """What the Gateway shows to backends."""
    tls = gateway.spec.tls
    return tls.backend.client_certificate_ref if tls and tls.backend else None


def validation(gateway: Gateway, port: int) -> FrontendValidation | None:
    """Which client certificates are good on a port: what is said for it counts instead of the default."""
    frontend = gateway.spec.tls.frontend if gateway.spec.tls else None
    if frontend is None:
        return None
    own = next((it.tls for it in frontend.per_port if it.port == port), None)
    return (own or frontend.default).validation


def target_of(reference: SecretReference | ObjectReference, namespace: str) -> Ref:
    return Ref(reference.namespace or namespace, reference.name)


def _secrets(listeners: tuple[Listener, ...], referrer: Referrer, read: Read, world: GatewayWorld) -> Iterator[Ref]:
    for listener in listeners:
        if listener.tls is not None and listener.tls.mode == TERMINATE:
            for reference in listener.tls.certificate_refs:
                if (target := _secret(reference, referrer, read, world)) is not None:
                    yield target


def _secret(reference: SecretReference, referrer: Referrer, read: Read, world: GatewayWorld) -> Ref | None:
    target = target_of(reference, referrer.namespace)
    fits = (reference.group, reference.kind) == ("", "Secret")
    return target if fits and grants.permitted(referrer, "", "Secret", target, read, world) else None


def _authorities(gateway: Gateway, referrer: Referrer, read: Read, world: GatewayWorld) -> Iterator[Origin]:
    for port in {listener.port for listener in gateway.spec.listeners}:
        chosen = validation(gateway, port)
        for reference in chosen.ca_certificate_refs if chosen else ():
            origin = authority(reference, referrer)
            if origin is not None and authority_permitted(origin, referrer, read, world):
                yield origin


def authority(reference: ObjectReference, referrer: Referrer) -> Origin | None:
    """What certificates of clients are checked with; None for kinds that hold no authorities.

    A ClusterTrustBundle is in no namespace, and a reference to it must not name one.
    """
    if (reference.group, reference.kind) not in CLIENT_AUTHORITIES:
        return None
    return trust.origin(reference.kind, target_of(reference, referrer.namespace))


def authority_permitted(origin: Origin, referrer: Referrer, read: Read, world: GatewayWorld) -> bool:
    """ClusterTrustBundles are for everybody."""
    return origin.kind == trust.BUNDLE or grants.permitted(referrer, "", origin.kind, origin.ref, read, world)
