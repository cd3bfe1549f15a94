"""Services that annotations name: copies, error pages, the backend behind the backend."""

from __future__ import annotations

import re

from sealos_gateway.model.backend_policy import BackendPolicy, PassiveCheck, Protocol
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import Compression
from sealos_gateway.resources.annotations.entry import Annotation
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate import places
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values
from sealos_gateway.translate.world import World

#: What is worth compressing: text of all kinds. Pictures and archives are compressed already.
USUAL_COMPRESSION = Compression(
    types=(
        "text/html", "text/plain", "text/css", "text/xml", "text/javascript", "application/javascript",
        "application/json", "application/xml", "application/wasm", "image/svg+xml",
    )
)  # fmt: skip
_URL = re.compile(r"(https?)://([^/?#:$\s]+)(?::([0-9]{1,5}))?([/?$][^\s#]*)?", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?", re.ASCII)
#: What people write for the request's own path and query.
_SAME_PATH = (None, "/", "$request_uri", "/$request_uri", "$uri$is_args$args")


def service_of(values: Values, entry: Annotation, draft: Draft, port: int = 0) -> BackendKey | None:
    """A Service of the Ingress' own namespace by its name, `name:port`, `name.namespace` or its DNS name in the
    cluster.

    Without a port the first one of the Service. What is no such Service, or does not exist, is told.
    """
    text = values.text(entry)
    return named(values, entry, draft, text, port) if text else None


def named(values: Values, entry: Annotation, draft: Draft, text: str, port: int = 0) -> BackendKey | None:
    """The same for a text; of another namespace only where `ingress.cross_namespace` allows it."""
    own = draft.ingress.metadata.namespace
    host, colon, number = text.partition(":")
    labels = host.lower().rstrip(".").split(".")
    namespace = labels[1] if len(labels) > 1 else own
    if colon and not (number.isascii() and number.isdigit()):
        values.complain(entry, f"{text[:60]!r} has no port number behind the colon")
        return None
    foreign = namespace != own and not draft.world.rules.cross_namespace
    if foreign or (len(labels) > 2 and labels[2] != "svc"):
        values.complain(entry, f"{text[:60]!r} is not a Service of namespace {own}")
        return None
    ref, wanted = Ref(namespace, labels[0]), int(number) if colon else port
    service = draft.read(draft.world.services, ref)
    if service is None:
        values.complain(entry, f"Service {ref} does not exist")
        return None
    if fault := places.external_fault(service, draft.world.rules.local_external_names):
        values.complain(entry, f"Service {ref}: {fault}", "InvalidExternalName")
        return None
    ports = [it.port for it in service.spec.ports if it.protocol == "TCP"]
    chosen = wanted or (ports[0] if ports else 0)
    if chosen not in ports:
        values.complain(entry, f"Service {ref} has no TCP port {chosen or ''}".rstrip())
        return None
    return BackendKey(ref.namespace, ref.name, chosen)


def of_url(values: Values, entry: Annotation, draft: Draft) -> tuple[BackendKey, str] | None:
    """What a URL `http://host:port$request_uri` names, and its host: a Service of the namespace, or a name outside of
    the cluster. Requests keep their path: another one is told."""
    found = values.read(entry, _URL.fullmatch, "a URL as https://copy.example.com$request_uri")
    if found is None:
        return None
    scheme, host, port = found[1].lower(), found[2].lower().rstrip("."), int(found[3] or 0)
    if found[4] not in _SAME_PATH:
        values.warn(
            entry, f"requests keep their path and query: {found[4][:60]!r} is left out", "UnsupportedAnnotation"
        )
    labels = host.split(".")
    if len(labels) == 1 or labels[1] == draft.ingress.metadata.namespace or labels[2:3] == ["svc"]:
        place = f"{host}:{port}" if port else host
        inside = named(values, entry, draft, place, 443 if scheme == "https" else 80)
        if inside is not None and scheme == "https":
            inside = inside._replace(policy=BackendPolicy(protocol=Protocol.HTTPS))
        return (inside, host) if inside is not None else None
    key = told_outside(values, entry, draft, scheme, host, port)
    return (key, host) if key is not None else None


def outside(scheme: str, host: str, port: int, world: World) -> BackendKey | str:
    """A host by its name in DNS, or why it cannot be one; `port` 0 is the usual one of `scheme`."""
    number = port or (443 if scheme == "https" else 80)
    if not _NAME.fullmatch(host):
        return f"{host[:60]!r} is not a host"
    if not 0 < number < 65_536:
        return f"{number} is not a port"
    if places.is_own_machine(host) and not world.rules.local_external_names:
        return f"{host} is the gateway's own machine; the setting ingress.local_external_names allows it"
    # One address of a name may be unreachable (IPv6 where there is none): it is left out after one failure.
    passive = PassiveCheck(1, local_only=True)
    protocol = Protocol.HTTPS if scheme == "https" else None
    return BackendKey("", host, number, BackendPolicy(protocol=protocol, passive=passive))


def told_outside(
    values: Values, entry: Annotation, draft: Draft, scheme: str, host: str, port: int
) -> BackendKey | None:
    """The same; what cannot be one is told."""
    found = outside(scheme, host, port, draft.world)
    if isinstance(found, BackendKey):
        return found
    values.complain(entry, found)
    return None
