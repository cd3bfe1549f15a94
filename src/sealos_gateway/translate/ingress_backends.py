"""Where a path of an Ingress goes: the port of a Service, or why it cannot."""

from __future__ import annotations

from sealos_gateway.live import Read
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.problem import Problem
from sealos_gateway.model.traffic import Action, Forward, Respond
from sealos_gateway.resources.ingress import IngressBackend
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import places
from sealos_gateway.translate.world import World

KIND = "Ingress"
#: Envoy's own words when a cluster has no usable endpoint; software reads them, so a missing Service says the same.
NO_UPSTREAM = Respond(503, "no healthy upstream")
#: What every route of an Ingress answers whose protection cannot be had: closed is safe, open is not.
REFUSED = Respond(503, "refused: an annotation that protects this route cannot be honoured")
#: The same, where a policy is attached that cannot be honoured.
CLOSED = Respond(503, "refused: a policy that protects this route cannot be honoured")


def action(ref: Ref, backend: IngressBackend, field: str, read: Read, world: World, problems: list[Problem]) -> Action:
    """Forward to the Service's port; where there is none, answer as Envoy does without endpoints, and say why."""
    if backend.service is None:
        what = f"{backend.resource.kind} {backend.resource.name}" if backend.resource else "nothing"
        message = f"{what} cannot be a backend: only a Service can; the path answers 503"
        problems.append(_problem(ref, field, "ResourceBackend", message))
        return NO_UPSTREAM
    service_ref = Ref(ref.namespace, backend.service.name)
    service = read(world.services, service_ref)
    if service is None:
        message = f"Service {service_ref} does not exist; the path answers 503 until it does"
        problems.append(_problem(ref, f"{field}.service.name", "ServiceNotFound", message))
        return NO_UPSTREAM
    if fault := places.external_fault(service, world.rules.local_external_names):
        message = f"Service {service_ref}: {fault}"
        problems.append(_problem(ref, f"{field}.service.name", "InvalidExternalName", message))
        return NO_UPSTREAM
    wanted = backend.service.port
    for port in service.spec.ports:
        named = port.port == wanted.number or (wanted.name and port.name == wanted.name)
        if named and port.protocol == "TCP" and 0 < port.port < 65536:
            return Forward(BackendKey(service_ref.namespace, service_ref.name, port.port))
    if service.spec.type == "ExternalName" and 0 < wanted.number < 65536:
        return Forward(BackendKey(service_ref.namespace, service_ref.name, wanted.number))
    offered = ", ".join(f"{p.name or '-'}={p.port}/{p.protocol}" for p in service.spec.ports[:8]) or "none"
    message = f"Service {service_ref} has no TCP port {wanted.name or wanted.number} (it has {offered}); 503 until then"
    problems.append(_problem(ref, f"{field}.service.port", "PortNotFound", message))
    return NO_UPSTREAM


def _problem(ref: Ref, field: str, reason: str, message: str) -> Problem:
    return Problem(Origin(KIND, ref), field, reason, message)
