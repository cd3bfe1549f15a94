"""What routes say of the way to a Service, gathered: one policy for each Service port, and who wants another one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from sealos_gateway.migrate.findings import Finding, Severity
from sealos_gateway.migrate.gateway_api import backends
from sealos_gateway.migrate.gateway_api.names import Names
from sealos_gateway.migrate.gateway_api.objects import Metadata, Written, fields
from sealos_gateway.migrate.gateway_api.texts import InexpressibleError
from sealos_gateway.model.backend_policy import BackendPolicy
from sealos_gateway.model.policy import Affinity, Policy
from sealos_gateway.model.template import Template
from sealos_gateway.model.traffic import Route
from sealos_gateway.model.traffic import backends as targets_of
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.meta import Ref


class Way(msgspec.Struct, frozen=True):
    """How a Service is reached, by its own policy and by what routes say of choosing an endpoint."""

    policy: BackendPolicy | None = None
    hash_by: tuple[Template, ...] = ()
    affinity: Affinity | None = None


USUAL = Way()


class Services:
    """`note` every route, then ask for the objects."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._said: dict[tuple[Ref, int], dict[Way, dict[str, None]]] = {}

    def note(self, route: Route, policy: Policy) -> None:
        for key in targets_of(route.action):
            way = Way(key.policy, policy.hash_by, policy.affinity)
            said = self._said.setdefault((Ref(key.namespace, key.service), key.port), {})
            said.setdefault(way, {})[str(route.origin)] = None

    def written(self, metadata: Metadata, names: Names) -> Iterator[Written | Finding]:
        """A policy of a Service holds for all who use it: where two say something different, one of them has it."""
        for (ref, port), said in sorted(self._said.items()):
            chosen, *others = sorted(said, key=lambda it: (it == USUAL, sorted(said[it])))
            by = tuple(sorted(said[chosen]))
            message = (
                f"a policy holds for all who use a Service, and {by[0]} says another one; make a second Service for one"
                " of both"
            )
            for origin in sorted(origin for other in others for origin in said[other]):
                yield Finding(Severity.REFUSED, f"Service {ref.name} port {port}", message, origin)
            if chosen != USUAL:
                try:
                    yield self._policy(ref, port, chosen, by, metadata, names)
                except InexpressibleError as error:
                    yield Finding(
                        Severity.REFUSED, f"Service {ref.name} port {port}", f"{error}; it is left out", by[0]
                    )

    def _policy(self, ref: Ref, port: int, way: Way, by: tuple[str, ...], metadata: Metadata, names: Names) -> Written:
        service = self._pipeline.services.get(ref)
        ports = service.spec.ports if service is not None else ()
        named = next((it.name for it in ports if it.port == port and it.name), "")
        section = {"sectionName": named} if len(ports) > 1 and named else {}
        target = {"group": "", "kind": "Service", "name": ref.name, **section}
        wanted = f"{ref.name}-{named}" if section else ref.name
        policy = self._without_key_pair(way.policy or BackendPolicy())
        validation = None if way.hash_by or way.affinity else backends.as_gateway_api(policy)
        if validation is not None:
            kind, said = "BackendTLSPolicy", {"validation": validation}
        else:
            kind, said = (
                "BackendPolicy",
                fields(backends.backend_policy(policy, ref.namespace, way.hash_by, way.affinity)),
            )
        spec: dict[str, Any] = {"targetRefs": [target], **said}
        return metadata.written(kind, ref.namespace, names.name(kind, ref.namespace, wanted), spec, by)

    def _without_key_pair(self, policy: BackendPolicy) -> BackendPolicy:
        """`proxy-ssl-secret` often holds authorities only: then there is nothing to show to the backend."""
        tls = policy.tls
        secret = (
            self._pipeline.secrets.get(tls.certificate) if tls is not None and tls.certificate is not None else None
        )
        if tls is None or secret is None or "tls.crt" in secret.keys:
            return policy
        return msgspec.structs.replace(policy, tls=msgspec.structs.replace(tls, certificate=None))
