"""What one Ingress claims: hosts to serve, names to answer for with a certificate.

Source of the semantics: networking.k8s.io/v1 `Ingress`. `spec.defaultBackend` of an Ingress without rules answers any
host; of one with rules it answers only that Ingress' own hosts, so that no tenant catches the stray requests of
the platform.
"""

from __future__ import annotations

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.model.keys import HostKey
from sealos_gateway.model.problem import Problem
from sealos_gateway.resources.annotations import routing
from sealos_gateway.resources.annotations.general import INGRESS_CLASS
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import hosts as names
from sealos_gateway.translate.annotations.values import Values
from sealos_gateway.translate.hosts import ANY_HOST
from sealos_gateway.translate.ingress_backends import KIND
from sealos_gateway.translate.world import World


class Attachment(msgspec.Struct, frozen=True, gc=False):
    """What an Ingress of our class claims: hosts to serve, server names with the Secret that answers for each."""

    hosts: tuple[HostKey, ...]
    server_names: tuple[tuple[str, Ref | None], ...] = ()
    problems: tuple[Problem, ...] = ()


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
    hosts |= dict.fromkeys(_further_hosts(ingress, hosts))
    server_names = dict.fromkeys(_server_names(ingress, hosts, problems))
    if not hosts and not problems:
        problems.append(_problem(ref, "spec.rules", "NoRules", "no rule and no default backend: nothing is served"))
    keys = tuple(HostKey(world.rules.gateway, host) for host in hosts)
    return Attachment(keys, tuple(server_names), tuple(problems))


def _hosts(ingress: Ingress, problems: list[Problem]) -> list[str]:
    rules = ingress.spec.rules or ()
    if not rules:
        return [ANY_HOST] if ingress.spec.default_backend else []
    hosts = []
    for number, rule in enumerate(rules):
        reason = names.error(rule.host) if rule.host else ""
        if reason:
            problems.append(_problem(ingress.ref, f"spec.rules[{number}].host", "InvalidHost", reason))
        else:
            hosts.append(rule.host.lower() or ANY_HOST)
    return hosts


def _server_names(ingress: Ingress, hosts: dict[str, None], problems: list[Problem]) -> list[tuple[str, Ref | None]]:
    """A TLS entry without hosts stands for every host of the Ingress."""
    found: list[tuple[str, Ref | None]] = []
    for number, tls in enumerate(ingress.spec.tls or ()):
        secret = Ref(ingress.metadata.namespace, tls.secret_name) if tls.secret_name else None
        for index, name in enumerate(tls.hosts or ()):
            if reason := names.error(name):
                place = f"spec.tls[{number}].hosts[{index}]"
                problems.append(_problem(ingress.ref, place, "InvalidHost", reason))
            else:
                found.append((name.lower(), secret))
        if not tls.hosts:
            found += [(host, secret) for host in hosts]
    return found


def _further_hosts(ingress: Ingress, hosts: dict[str, None]) -> list[str]:
    """Aliases, and the other one of `www.x` and `x`. What is wrong with them is told by `annotations.routing`."""
    if not ingress.metadata.annotations:
        return []
    values = Values(ingress.metadata, Origin(KIND, ingress.ref))
    found = list(values.read(routing.SERVER_ALIAS, names.listed, "a list of hosts", lines=True) or ())
    if values.boolean(routing.WWW_REDIRECT):
        found += [other for other in map(names.www, hosts) if other]
    return found


def _problem(ref: Ref, field: str, reason: str, message: str) -> Problem:
    return Problem(Origin(KIND, ref), field, reason, message)
