"""Everything that is wrong at the moment, wherever it came up, as problems of the objects that caused it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from sealos_gateway.envoy import gateway_listeners, names
from sealos_gateway.model.problem import Problem
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.provision import names as planes
from sealos_gateway.resources import kinds
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.gateway_api import places
from sealos_gateway.xds.fleet import Fleet, Rejection

log = logging.getLogger(__name__)


class Source(Protocol):
    """Where objects come from, and what was wrong with them there."""

    @property
    def problems(self) -> Sequence[Problem]: ...


class Report:
    """Collects problems on demand, and logs each once when it appears and once when it is gone."""

    def __init__(self, source: Source, pipeline: Pipeline, fleet: Fleet) -> None:
        self._source = source
        self._pipeline = pipeline
        self._fleet = fleet
        self._known: set[Problem] = set()

    def problems(self) -> list[Problem]:
        """Of files, of objects, of what an Envoy refused, and of our own bugs."""
        found = [*self._source.problems, *self._pipeline.problems()]
        for rejection in self._fleet.rejections():
            found += _rejected(rejection, self._pipeline)
        for (table, key), error in self._pipeline.graph.failures.items():
            origin = Origin("Row", Ref(table, str(key)))
            message = f"{type(error).__name__}: {error}; the last good state is served; please report this"
            found.append(Problem(origin, "", "InternalError", message))
        return found

    def log_changes(self) -> list[Problem]:
        """Log what appeared and what went away since the last call; all that there is now."""
        found = self.problems()
        now = set(found)
        for problem in sorted(now - self._known):
            log.warning("%s", problem)
        for problem in sorted(self._known - now):
            log.info("solved: %s", problem)
        self._known = now
        return found


def _rejected(rejection: Rejection, pipeline: Pipeline) -> list[Problem]:
    """A NACK in the words of the objects behind the resource."""
    what = f"{names.SHORT.get(rejection.type, rejection.type)} {rejection.name}"
    if rejection.node:
        reason, message = "Rejected", f"Envoy refused it and keeps the last good state: {_reason(rejection)}"
    else:
        reason, message = "InternalError", f"it cannot be made ({rejection.message}); please report this"
    return [Problem(origin, what, reason, message) for origin in origins(pipeline, rejection.type, rejection.name)]


def _reason(rejection: Rejection) -> str:
    """What Envoy says, without the dump of the whole resource it often repeats: a Secret's holds the private key."""
    head, dump, rest = rejection.message.partition("goo.gle/debug")
    tail = rest[rest.rfind("}") + 1 :] if "}" in rest else ""
    said = " ".join(f"{head} {tail}".replace("\\n", " ").split()).strip(": ") if dump else rejection.message
    if rejection.type == names.SECRET and ("PRIVATE" in said or "inline_" in said):
        return "(Envoy's words are left out, they repeat the key)"
    return said


def refused_listeners(fleet: Fleet) -> dict[str, str]:
    """The listeners that some Envoy refuses, and what it says of each. One that is gone has no say any more."""
    return {it.name: _reason(it) for it in fleet.refused(names.LISTENER)}


def origins(pipeline: Pipeline, type_url: str, name: str) -> tuple[Origin, ...]:
    """The objects a resource was made from."""
    lookups: dict[str, Callable[[], tuple[Origin, ...]]] = {
        names.SCOPE: lambda: _of_scope(pipeline, name),
        names.ROUTES: lambda: _of_host(pipeline, name),
        names.CLUSTER: lambda: _of_service(pipeline, name),
        names.ENDPOINTS: lambda: _of_service(pipeline, name),
        names.SECRET: lambda: _of_secret(pipeline, name),
        names.LISTENER: lambda: _of_listener(name),
    }
    setting = (Origin("Setting", Ref("", name)),)
    return lookups.get(type_url, lambda: setting)() or setting


def _of_host(pipeline: Pipeline, name: str) -> tuple[Origin, ...]:
    row = pipeline.host(names.parse_host(name))
    return row.origins if row else ()


def _of_scope(pipeline: Pipeline, name: str) -> tuple[Origin, ...]:
    """The name is a hash: looking through all hosts is for the rare refusal, not for traffic."""
    row = next((pipeline.host(key) for key in pipeline.host_keys() if names.scope(key) == name), None)
    return row.origins if row else ()


def _of_service(pipeline: Pipeline, name: str) -> tuple[Origin, ...]:
    if name == names.TRACING:
        return (Origin("Setting", Ref("", "tracing.collector")),)
    key = pipeline.backend_names.key(name)
    policy = pipeline.backend_tls.holder(key)
    found = Origin("Service", Ref(key.namespace, key.service))
    return (found,) if policy is None else (found, Origin(kinds.BACKEND_TLS_POLICY.name, policy))


def _of_listener(name: str) -> tuple[Origin, ...]:
    """A Gateway with a data plane of its own; where several share one, no single object is to blame."""
    plane = places.plane_of(gateway_listeners.place(name))
    return (Origin("Gateway", planes.gateway(plane)),) if plane else ()


def _of_secret(pipeline: Pipeline, name: str) -> tuple[Origin, ...]:
    if trusted := names.parse_trust(name):
        return trusted
    if pair := names.parse_client_pair(name):
        return (Origin("Secret", pair),)
    if served := names.parse_served(name):
        secret = pipeline.routes.tls.secrets.get(served)
        return (Origin("Secret", secret),) if secret else ()
    row = pipeline.certificates.get(name.rpartition("/")[2])
    pairs = row.pairs if row else ()
    return tuple(Origin("Secret", Ref(*pair.name.split("/", 1))) for pair in pairs)
