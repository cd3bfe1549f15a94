"""The Envoy resources of a settled pipeline as plain dictionaries, grouped by the object that caused them."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import json_format

from sealos_gateway.envoy import listeners, names, routes, upstreams
from sealos_gateway.envoy.policies import access
from sealos_gateway.pipeline import Pipeline

Resources = dict[str, Any]


def per_object(pipeline: Pipeline) -> list[Resources]:
    """One entry per object or setting: `object`, `resources`, and `problems` where there are any.

    A host that several Ingresses share stands under the oldest of them. Secrets show names only, never keys.
    """
    found: dict[str, Resources] = {}
    for listener, own_context in pipeline.listeners.rows.values():
        message = listeners.listener(listener, pipeline.listener_options, own_context)
        _add(found, "Settings", names.LISTENER, listener.name, _dict(message))
    for key in sorted(pipeline.host_keys()):
        row = pipeline.host(key)
        if row is None:
            continue
        owner = str(row.origins[0]) if row.origins else "Settings"
        _add(found, owner, names.SCOPE, names.scope(key), _dict(routes.host_scope(key)))
        message = routes.route_configuration(row, pipeline.context)
        access.redact(message)
        _add(found, owner, names.ROUTES, names.host(key), _dict(message))
    # By the name, not by the key: keys of one Service with and without a policy have no order.
    for name, backend_key in sorted((names.backend(key, pipeline.domain), key) for key in pipeline.backends.rows):
        owner = f"Service {backend_key.namespace}/{backend_key.service}"
        _add(
            found,
            owner,
            names.CLUSTER,
            name,
            _dict(upstreams.cluster(pipeline.backends.rows[backend_key], pipeline.domain)),
        )
        if endpoints := pipeline.endpoints.get(backend_key):
            _add(found, owner, names.ENDPOINTS, name, _dict(upstreams.load_assignment(endpoints, pipeline.domain)))
    for pattern in sorted(pipeline.certificates.rows):
        for pair in pipeline.certificates.rows[pattern].pairs:
            shown = {"server_name": pattern, "algorithm": pair.algorithm, "not_after": pair.not_after}
            _add(found, f"Secret {pair.name}", names.SECRET, pattern, shown)
    for problem in pipeline.problems():
        found.setdefault(str(problem.origin), {}).setdefault("problems", []).append(str(problem))
    return [{"object": name, **entry} for name, entry in found.items()]


def _add(found: dict[str, Resources], owner: str, type_url: str, name: str, value: Any) -> None:
    resources = found.setdefault(owner, {}).setdefault("resources", {})
    resources.setdefault(names.SHORT[type_url], {})[name] = value


def _dict(message: Any) -> Any:
    # By way of text: MessageToDict leaves ordered dictionaries inside, which YAML would print with their type.
    return json.loads(json_format.MessageToJson(message, preserving_proto_field_name=True))
