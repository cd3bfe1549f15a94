"""Services that annotations name: copies, error pages, the backend behind the backend."""

from __future__ import annotations

from sealos_gateway.model.backend_policy import BackendPolicy, Protocol
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import Compression
from sealos_gateway.resources.annotations.entry import Annotation
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values

#: What is worth compressing: text of all kinds. Pictures and archives are compressed already.
USUAL_COMPRESSION = Compression(
    types=(
        "text/html", "text/plain", "text/css", "text/xml", "text/javascript", "application/javascript",
        "application/json", "application/xml", "application/wasm", "image/svg+xml",
    )
)  # fmt: skip


def service_of(values: Values, entry: Annotation, draft: Draft, port: int = 0) -> BackendKey | None:
    """A Service of the Ingress' own namespace by its name, `name:port`, `name.namespace` or its DNS name in the
    cluster.

    Without a port the first one of the Service. What is no such Service, or does not exist, is told.
    """
    text = values.text(entry)
    return _resolved(values, entry, draft, text, port) if text else None


def _resolved(values: Values, entry: Annotation, draft: Draft, text: str, port: int) -> BackendKey | None:
    own = draft.ingress.metadata.namespace
    host, colon, number = text.partition(":")
    labels = host.lower().rstrip(".").split(".")
    namespace = labels[1] if len(labels) > 1 else own
    if colon and not (number.isascii() and number.isdigit()):
        values.complain(entry, f"{text[:60]!r} has no port number behind the colon")
        return None
    if namespace != own or (len(labels) > 2 and labels[2] != "svc"):
        values.complain(entry, f"{text[:60]!r} is not a Service of namespace {own}")
        return None
    ref, wanted = Ref(own, labels[0]), int(number) if colon else port
    service = draft.read(draft.world.services, ref)
    if service is None:
        values.complain(entry, f"Service {ref} does not exist")
        return None
    ports = [it.port for it in service.spec.ports if it.protocol == "TCP"]
    chosen = wanted or (ports[0] if ports else 0)
    if chosen not in ports:
        values.complain(entry, f"Service {ref} has no TCP port {chosen or ''}".rstrip())
        return None
    return BackendKey(own, ref.name, chosen)


def service_of_url(values: Values, entry: Annotation, draft: Draft) -> BackendKey | None:
    """The Service that a URL `http://name.namespace.svc:port/…` names."""
    text = values.text(entry)
    if not text:
        return None
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in ("http", "https"):
        values.complain(entry, f"{text[:60]!r} is not a URL")
        return None
    place = rest.replace("$", "/").partition("/")[0]
    found = _resolved(values, entry, draft, place, 443 if scheme == "https" else 80)
    return found._replace(policy=BackendPolicy(protocol=Protocol.HTTPS)) if found and scheme == "https" else found
