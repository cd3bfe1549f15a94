"""New objects as they are written: plain dictionaries, each with where it comes from."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from sealos_gateway.resources.gateway_api.meta import GROUP
from sealos_gateway.resources.policies.common import GROUP as OWN_GROUP

Written = dict[str, Any]
#: Says which objects came of a migration, for `kubectl get -l`; the annotation says of what each was made.
LABEL = "migrate.sealos.io/source"
FROM = "migrate.sealos.io/from"
#: Kinds in the order in which they are written: what others refer to comes first.
ORDER = (
    "Gateway", "ListenerSet", "ReferenceGrant", "BackendTLSPolicy", "BackendPolicy", "HTTPRoute", "GRPCRoute",
    "TLSRoute", "TrafficPolicy", "SecurityPolicy",
)  # fmt: skip


class Metadata(NamedTuple):
    """What all objects of one migration share."""

    source: str

    def written(self, kind: str, namespace: str, name: str, spec: Any, origins: tuple[str, ...]) -> Written:
        """An object. `spec` is a dictionary, or a struct of `resources.policies`."""
        own = kind in ("BackendPolicy", "TrafficPolicy", "SecurityPolicy")
        version = "v1beta1" if kind == "ReferenceGrant" else "v1"
        annotations = {FROM: ", ".join(origins)} if origins else {}
        return {
            "apiVersion": f"{OWN_GROUP if own else GROUP}/{version}",
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {LABEL: self.source},
                **({"annotations": annotations} if annotations else {}),
            },
            "spec": msgspec.to_builtins(spec),
        }


def fields(said: dict[str, Any]) -> Written:
    """Fields of a policy's spec, under the names that are written."""
    return {_camel(name): msgspec.to_builtins(value) for name, value in said.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def sort_key(one: Written) -> tuple[str, int, str]:
    """By namespace, by kind, by name."""
    metadata = one["metadata"]
    return metadata["namespace"], ORDER.index(one["kind"]), metadata["name"]
