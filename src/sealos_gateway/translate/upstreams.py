"""Backends and their endpoints, from Services and EndpointSlices."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.model.backend_policy import AS_IT_IS, BackendPolicy, BackendTls, Protocol
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.upstream import Backend, Endpoint, EndpointSet
from sealos_gateway.resources import core
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate import places
from sealos_gateway.translate.policies import services
from sealos_gateway.translate.world import World

#: Service port appProtocol (KEP-3726 and common practice) to what the gateway speaks; others are plain HTTP/1.1.
PROTOCOLS = {
    "kubernetes.io/h2c": Protocol.H2C,
    "h2c": Protocol.H2C,
    "http2": Protocol.H2C,
    "grpc": Protocol.H2C,
    "https": Protocol.HTTPS,
    "kubernetes.io/wss": Protocol.HTTPS,
}

_USUAL = BackendPolicy()
_SECURED = {Protocol.HTTP1: Protocol.HTTPS, Protocol.H2C: Protocol.HTTPS2}


class Asked(NamedTuple):
    """What a policy about a Service asks for: TLS, or that nobody is sent there, and why."""

    tls: BackendTls | None
    shut: str = ""


#: What is asked for of a Service and the name of its port, if anything.
AskedOf = Callable[[Read, Ref, str], Asked | None]


def backend(key: BackendKey, read: Read, world: World, asked_of: AskedOf) -> Backend | None:
    """The cluster of one Service port, or of a name of DNS; None when the Service or its port is gone."""
    if not key.namespace:
        outside = key.policy or _USUAL
        return Backend(key, outside.protocol or Protocol.HTTP1, key.service, key.port, outside.tls)
    service = read(world.services, Ref(key.namespace, key.service))
    if service is None:
        return None
    if fault := places.external_fault(service, world.rules.local_external_names):
        return Backend(key, shut=fault)
    port = _port(service, key)
    attached = services.level(key, read, world)
    policy = services.policy(key, attached) if attached else key.policy
    protocol = PROTOCOLS.get((port.app_protocol or "").lower(), Protocol.HTTP1) if port else Protocol.HTTP1
    if policy is not None and policy.protocol is not None:
        protocol = policy.protocol
    if attached is not None and attached.closed:
        return Backend(key, protocol, shut=f"{attached.by[0]} asks for TLS that cannot be spoken")
    unread = key.transport != "TCP" or key.policy == AS_IT_IS
    asked = None if unread else asked_of(read, service.ref, port.name if port else "")
    if asked is not None:
        protocol = _SECURED.get(protocol, protocol)
        if asked.tls is None:
            return Backend(key, protocol, shut=asked.shut)
    own = policy.tls if policy is not None and protocol in _SECURED.values() else None
    tls = _both(asked.tls, own) if asked is not None and asked.tls is not None else own
    made = Backend(key, protocol, tls=tls, attached=policy if attached else None)
    if service.spec.type == "ExternalName":
        return msgspec.structs.replace(made, dns_name=service.spec.external_name.rstrip("."), dns_port=key.port)
    return made if port else None


def _both(asked: BackendTls, own: BackendTls | None) -> BackendTls:
    """Whom to believe is for the policy about the Service to say; the rest may come from who sends there."""
    if own is None:
        return asked
    return msgspec.structs.replace(
        asked,
        certificate=own.certificate,
        min_version=own.min_version,
        max_version=own.max_version,
        ciphers=own.ciphers,
    )


def endpoint_set(key: BackendKey, read: Read, world: World) -> EndpointSet | None:
    """The addresses behind one Service port; an empty set when there are none, None for ExternalName."""
    attached = services.level(key, read, world)
    if attached is not None and attached.closed:
        return EndpointSet(key)
    policy = services.policy(key, attached) if attached else key.policy
    if policy is None or (policy.fallback is None and not policy.service_address):
        found = _addresses(key, read, world)
        return None if found is None else EndpointSet(key, found)
    found = _service_address(key, read, world) if policy.service_address else _addresses(key, read, world)
    spare = _addresses(BackendKey(*policy.fallback), read, world) if policy.fallback else ()
    return None if found is None else EndpointSet(key, found, spare or ())


def _service_address(key: BackendKey, read: Read, world: World) -> tuple[Endpoint, ...] | None:
    """The cluster's own address of the Service, where it has one."""
    service = read(world.services, Ref(key.namespace, key.service))
    if service is None or service.spec.type == "ExternalName":
        return None
    address = service.spec.cluster_ip
    return (Endpoint(address, key.port),) if _is_address(address) else _addresses(key, read, world)


def _addresses(key: BackendKey, read: Read, world: World) -> tuple[Endpoint, ...] | None:
    ref = Ref(key.namespace, key.service)
    service = read(world.services, ref)
    if service is None or service.spec.type == "ExternalName":
        return None
    port = _port(service, key)
    if port is None:
        return None
    ready: set[Endpoint] = set()
    serving: set[Endpoint] = set()
    for slice_ref in read(world.slices_by_service, ref) or ():
        found = read(world.slices, slice_ref)
        if found is not None:
            _sort_endpoints(found, port, ready, serving)
    return tuple(sorted(ready or serving))


def _port(service: core.Service, key: BackendKey) -> core.ServicePort | None:
    return next((p for p in service.spec.ports if (p.port, p.protocol) == (key.port, key.transport)), None)


def _sort_endpoints(
    found: core.EndpointSlice, wanted: core.ServicePort, ready: set[Endpoint], serving: set[Endpoint]
) -> None:
    """Put the endpoints of one slice where they belong; slices and Services pair ports by name, not by number.

    Terminating endpoints that still serve are a last resort, used while no ready one is left (KEP-1669).
    """
    number = next((p.port for p in found.ports or () if _is_port(p, wanted)), None)
    if not number or not 0 < number < 65536 or found.address_type == "FQDN":
        return
    for endpoint in found.endpoints or ():
        conditions = endpoint.conditions
        # Ready and terminating at once is what a Service with publishNotReadyAddresses says: it wants them used.
        is_ready = not conditions.terminating if conditions.ready is None else conditions.ready
        is_serving = conditions.ready is not False if conditions.serving is None else conditions.serving
        for address in endpoint.addresses[:1]:
            if not _is_address(address):
                continue
            if is_ready:
                ready.add(Endpoint(address, number))
            elif conditions.terminating and is_serving:
                serving.add(Endpoint(address, number))


def _is_port(port: core.EndpointPort, wanted: core.ServicePort) -> bool:
    return (port.name or "", port.protocol or "TCP") == (wanted.name, wanted.protocol)


def _is_address(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):
        return False
    return True
