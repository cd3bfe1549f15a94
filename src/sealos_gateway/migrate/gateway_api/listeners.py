"""Where hosts come in: one Gateway with port 80, and for each namespace ListenerSets with its hosts of TLS.

A Gateway takes 64 listeners; ListenerSets take as many each, and stand beside the Secrets of their hosts, so that no
namespace has to allow another one to read its certificates.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sealos_gateway.migrate.gateway_api.names import Names
from sealos_gateway.migrate.gateway_api.objects import Metadata, Written
from sealos_gateway.resources.meta import Ref

PLAIN = "http"
_MOST = 64
_NAMESPACE = "kubernetes.io/metadata.name"


class Secure(NamedTuple):
    """A host with TLS. `secret` None: it is handed through. `users` are the namespaces whose routes attach."""

    host: str
    namespace: str
    secret: Ref | None
    users: tuple[str, ...]
    origins: tuple[str, ...]


class Place(NamedTuple):
    """The section of a ListenerSet that a host got."""

    set: Ref
    section: str


def gateway(metadata: Metadata, ref: Ref, class_name: str, sets: bool) -> Written:
    """The Gateway: plain HTTP for all hosts; ListenerSets of every namespace may join it."""
    everybody = {"namespaces": {"from": "All"}}
    listener = {"name": PLAIN, "port": 80, "protocol": "HTTP", "allowedRoutes": everybody}
    spec: dict[str, Any] = {"gatewayClassName": class_name, "listeners": [listener]}
    if sets:
        spec["allowedListeners"] = everybody
    return metadata.written("Gateway", ref.namespace, ref.name, spec, ())


def listener_sets(
    metadata: Metadata, parent: Ref, hosts: Iterable[Secure], names: Names
) -> tuple[list[Written], Mapping[str, Place]]:
    """The sets, and which section each host got."""
    made: list[Written] = []
    places: dict[str, Place] = {}
    ordered = sorted(hosts, key=lambda it: (it.namespace, it.host))
    for namespace, group in itertools.groupby(ordered, key=lambda it: it.namespace):
        for several in _batched(list(group)):
            ref = Ref(namespace, names.name("ListenerSet", namespace, f"{parent.name}-tls"))
            sections = Names()
            listeners = []
            for one in several:
                section = sections.name("section", "", one.host)
                places[one.host] = Place(ref, section)
                listeners.append(_listener(one, section))
            reference = {"name": parent.name, "namespace": parent.namespace}
            origins = tuple(sorted({origin for one in several for origin in one.origins}))
            spec = {"parentRef": reference, "listeners": listeners}
            made.append(metadata.written("ListenerSet", namespace, ref.name, spec, origins))
    return made, places


def _batched(several: list[Secure]) -> Iterable[list[Secure]]:
    return (several[start : start + _MOST] for start in range(0, len(several), _MOST))


def _listener(one: Secure, section: str) -> Written:
    found: Written = {"name": section, "port": 443, "protocol": "HTTPS"}
    if one.host != "*":
        found["hostname"] = one.host
    if one.secret is None:
        found |= {"protocol": "TLS", "tls": {"mode": "Passthrough"}}
    else:
        reference = {"name": one.secret.name}
        if one.secret.namespace != one.namespace:
            reference["namespace"] = one.secret.namespace
        found["tls"] = {"certificateRefs": [reference]}
    others = sorted(set(one.users) - {one.namespace})
    if others:
        values = sorted(set(one.users))
        wanted = {"key": _NAMESPACE, "operator": "In", "values": values}
        found["allowedRoutes"] = {"namespaces": {"from": "Selector", "selector": {"matchExpressions": [wanted]}}}
    return found
