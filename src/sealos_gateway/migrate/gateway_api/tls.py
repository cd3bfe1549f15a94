"""Certificates of hosts, and ReferenceGrants for what stands in other namespaces."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sealos_gateway.migrate.findings import Finding, Severity
from sealos_gateway.migrate.gateway_api.listeners import Secure
from sealos_gateway.migrate.gateway_api.names import Names
from sealos_gateway.migrate.gateway_api.objects import Metadata, Written
from sealos_gateway.model.traffic import VirtualHost
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.gateway_api.meta import GROUP
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import hosts as hostnames


class Grant(NamedTuple):
    """Objects of `kind` in `namespace` may refer to one object (`to`) of another namespace."""

    group: str
    kind: str
    namespace: str
    to_kind: str
    to: Ref


def secure(row: VirtualHost, pipeline: Pipeline, grants: set[Grant]) -> Secure | Finding | None:
    """How a host has TLS: handed through, or with the certificate of its own name or of the wildcard above it. As on
    Ingresses only the namespaces of the host have a say. None: it has none."""
    host, users = row.key.host, tuple(dict.fromkeys(it.ref.namespace for it in row.origins))
    origins = tuple(map(str, row.origins))
    if row.client_tls is not None and row.client_tls.passthrough is not None:
        return Secure(host, row.client_tls.passthrough.namespace, None, users, origins)
    claims = [
        (name != host, Origin("Ingress", ref), secret)
        for ref, claimed in sorted(pipeline.attachments.rows.items())
        if ref.namespace in users
        for name, secret in claimed.server_names
        if hostnames.covers(name, host)
    ]
    if not claims:
        return None
    named = sorted((wider, secret) for wider, _, secret in claims if secret is not None)
    chosen = named[0][1] if named else _default(host, pipeline)
    if chosen is None:
        message = "TLS without a Secret, and no default certificate: write tls.default_certificates in --config"
        return Finding(Severity.REFUSED, "spec.tls", message, str(claims[0][1]))
    namespace = chosen.namespace if chosen.namespace in users else users[0]
    if chosen.namespace != namespace:
        grants.add(Grant(GROUP, "ListenerSet", namespace, "Secret", chosen))
    return Secure(host, namespace, chosen, users, origins)


def _default(host: str, pipeline: Pipeline) -> Ref | None:
    for one in pipeline.settings.tls.default_certificates:
        if hostnames.covers(one.pattern, host):
            namespace, _, name = one.secret.partition("/")
            return Ref(namespace, name)
    return None


def granted(grants: Iterable[Grant], metadata: Metadata, names: Names) -> list[Written]:
    """ReferenceGrants, in the namespaces that have to agree."""
    found = []
    for one in sorted(grants):
        spec = {
            "from": [{"group": one.group, "kind": one.kind, "namespace": one.namespace}],
            "to": [{"group": "", "kind": one.to_kind, "name": one.to.name}],
        }
        name = names.name("ReferenceGrant", one.to.namespace, f"{one.namespace}-{one.kind}-{one.to.name}")
        found.append(metadata.written("ReferenceGrant", one.to.namespace, name, spec, ()))
    return found
