"""What one Ingress claims, and the routes it contributes to one host.

Source of the semantics: networking.k8s.io/v1 `Ingress`. `spec.defaultBackend` of an Ingress without rules answers any
host; of one with rules it answers only that Ingress' own hosts, so that no tenant catches the stray requests of
the platform.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.model.keys import BackendKey, HostKey
from sealos_gateway.model.problem import Problem
from sealos_gateway.model.traffic import Action, Forward, Match, PathKind, Respond, Route
from sealos_gateway.resources.annotations.general import INGRESS_CLASS
from sealos_gateway.resources.core import Service
from sealos_gateway.resources.ingress import Ingress, IngressBackend, IngressPath
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.annotations.policies import IngressPolicy
from sealos_gateway.translate.world import World

KIND = "Ingress"
ANY_HOST = "*"
#: Envoy's own words when a cluster has no usable endpoint; software reads them, so a missing Service says the same.
NO_UPSTREAM = Respond(503, "no healthy upstream")
#: What every route of an Ingress answers whose protection cannot be had: closed is safe, open is not.
REFUSED = Respond(503, "refused: an annotation that protects this route cannot be honoured")

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*", re.ASCII | re.IGNORECASE)
#: Names of the machine the gateway runs on, where ports may listen that are not for tenants (also link-local ones).
_OWN_MACHINE = re.compile(r"(.*\.)?localhost|127(\.[0-9]+){0,3}|0(\.0){0,3}|169\.254\..*")
_ADDRESS = re.compile(r"[0-9.]+")
_EXTERNAL = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.ASCII | re.IGNORECASE)


class Attachment(msgspec.Struct, frozen=True, gc=False):
    """What an Ingress of our class claims: hosts to serve, server names with the Secret that answers for each."""

    hosts: tuple[HostKey, ...]
    server_names: tuple[tuple[str, Ref | None], ...] = ()
    problems: tuple[Problem, ...] = ()


class Candidate(NamedTuple):
    """A route with its rank: a default backend (`last`) yields to every path of any Ingress."""

    last: bool
    route: Route


def age(ingress: Ingress) -> tuple[str, str, str]:
    """Sorts older before younger, and by name where the age is equal or unknown."""
    return (ingress.metadata.creation_timestamp, ingress.metadata.namespace, ingress.metadata.name)


def is_ours(ingress: Ingress, read: Read, world: World) -> bool:
    """Whether the class of the Ingress is ours. The annotation, where present, decides alone (as in ingress-nginx)."""
    return any(class_is_ours(name, read, world) for name in class_names(ingress, read, world))


def class_names(ingress: Ingress, read: Read, world: World) -> tuple[str, ...]:
    """The class an Ingress names, or every default class where it names none."""
    name = ingress.metadata.annotation(INGRESS_CLASS.name)
    if name is None:
        name = ingress.spec.ingress_class_name
    if name is None:
        return tuple(sorted(ref.name for ref in read(world.default_classes, "default") or ()))
    return (name,)


def class_is_ours(name: str, read: Read, world: World) -> bool:
    """Whether the settings name the class, or its IngressClass names our controller."""
    if name in world.rules.classes:
        return True
    found = read(world.ingress_classes, Ref("", name))
    return found is not None and found.spec.controller == world.rules.controller


def attachment(ref: Ref, read: Read, world: World) -> Attachment | None:
    """The claims of one Ingress; None when its class is not ours."""
    ingress = read(world.ingresses, ref)
    if ingress is None or not is_ours(ingress, read, world):
        return None
    problems: list[Problem] = []
    hosts = dict.fromkeys(_hosts(ingress, problems))
    names = dict.fromkeys(_server_names(ingress, hosts, problems))
    if not hosts and not problems:
        problems.append(_problem(ref, "spec.rules", "NoRules", "no rule and no default backend: nothing is served"))
    keys = tuple(HostKey(world.rules.gateway, host) for host in hosts)
    return Attachment(keys, tuple(names), tuple(problems))


def _hosts(ingress: Ingress, problems: list[Problem]) -> list[str]:
    rules = ingress.spec.rules or ()
    if not rules:
        return [ANY_HOST] if ingress.spec.default_backend else []
    hosts = []
    for number, rule in enumerate(rules):
        reason = host_error(rule.host) if rule.host else ""
        if reason:
            problems.append(_problem(ingress.ref, f"spec.rules[{number}].host", "InvalidHost", reason))
        else:
            hosts.append(rule.host.lower() or ANY_HOST)
    return hosts


def host_error(host: str) -> str:
    """Why a host cannot be served; empty when it can. Source: validation of IngressRule.host.

    A literal `*` is refused as the API server refuses it: any host is said by leaving the host out.
    """
    if len(host) > 253 or not _HOST.fullmatch(host):
        return f"{host[:80]!r} is not a DNS name; write a.example.com or *.example.com"
    if _ADDRESS.fullmatch(host):
        return f"{host!r} is an IP address; an Ingress host must be a DNS name"
    return ""


def _server_names(ingress: Ingress, hosts: dict[str, None], problems: list[Problem]) -> list[tuple[str, Ref | None]]:
    """A TLS entry without hosts stands for every host of the Ingress."""
    found: list[tuple[str, Ref | None]] = []
    for number, tls in enumerate(ingress.spec.tls or ()):
        secret = Ref(ingress.metadata.namespace, tls.secret_name) if tls.secret_name else None
        for index, name in enumerate(tls.hosts or ()):
            if reason := host_error(name):
                place = f"spec.tls[{number}].hosts[{index}]"
                problems.append(_problem(ingress.ref, place, "InvalidHost", reason))
            else:
                found.append((name.lower(), secret))
        if not tls.hosts:
            found += [(host, secret) for host in hosts]
    return found


def covers(pattern: str, host: str) -> bool:
    """Whether a server name pattern covers a host: equal, or a wildcard for exactly one label."""
    if pattern in (host, ANY_HOST):
        return True
    return pattern.startswith("*.") and host.partition(".")[2] == pattern[2:] and host[:1] != "*"


def routes(
    ingress: Ingress, host: str, secure: bool, read: Read, world: World, policy: IngressPolicy
) -> tuple[list[Candidate], list[Problem]]:
    """The routes of one Ingress for one of its hosts. `secure`: the host has TLS, so plain HTTP may be redirected."""
    wanted = world.rules.ssl_redirect if policy.ssl_redirect is None else policy.ssl_redirect
    https_only = secure and world.rules.https and wanted
    found: list[Candidate] = []
    problems: list[Problem] = []

    def add(last: bool, match: Match, backend: IngressBackend, field: str) -> None:
        action = _action(ingress.ref, backend, field, read, world, problems)
        if policy.refused:
            action = REFUSED
        elif policy.backend is not None and isinstance(action, Forward):
            action = Forward(action.backend._replace(policy=policy.backend))
        found.append(Candidate(last, Route(match, action, Origin(KIND, ingress.ref), https_only, policy.policy)))

    for number, rule in enumerate(ingress.spec.rules or ()):
        if (rule.host.lower() or ANY_HOST) != host:
            continue
        for index, path in enumerate(rule.http.paths if rule.http else ()):
            field = f"spec.rules[{number}].http.paths[{index}]"
            match = _match(path)
            if isinstance(match, str):
                problems.append(_problem(ingress.ref, field, "InvalidPath", match))
            else:
                add(False, match, path.backend, f"{field}.backend")
    if ingress.spec.default_backend:
        add(True, Match(PathKind.PREFIX, "/"), ingress.spec.default_backend, "spec.defaultBackend")
    return found, problems


def _match(path: IngressPath) -> Match | str:
    """The match of one path, or what is wrong with it. ImplementationSpecific is read as Prefix."""
    text = path.path or "/"
    if not text.startswith("/"):
        return f"path {text[:80]!r} must begin with a slash"
    if any(ch in text for ch in "\r\n\0?#") or not text.isprintable():
        return f"path {text[:80]!r} holds a character that no request path has (?, # or a control character)"
    match path.path_type:
        case "Exact":
            return Match(PathKind.EXACT, text)
        case "Prefix" | "ImplementationSpecific" | "":
            return Match(PathKind.PREFIX, text.rstrip("/") or "/")
    return f"pathType {path.path_type[:40]!r} is not one of Exact, Prefix, ImplementationSpecific"


def _action(ref: Ref, backend: IngressBackend, field: str, read: Read, world: World, problems: list[Problem]) -> Action:
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
    if fault := _external_fault(service, world.rules.local_external_names):
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


def _external_fault(service: Service, local: bool) -> str:
    """Why an ExternalName cannot be used; empty when it can, and for every other Service."""
    name = service.spec.external_name.rstrip(".").lower()
    if service.spec.type != "ExternalName":
        return ""
    if len(name) > 253 or not _EXTERNAL.fullmatch(name):
        return f"externalName {name[:80]!a} is not a DNS name; the path answers 503 until it is"
    if not local and _OWN_MACHINE.fullmatch(name):
        return f"externalName {name} is the gateway's own machine; the setting ingress.local_external_names allows it"
    return ""


def _problem(ref: Ref, field: str, reason: str, message: str) -> Problem:
    return Problem(Origin(KIND, ref), field, reason, message)
