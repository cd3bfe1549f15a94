"""Makes `deploy/crds`: custom resource definitions of our own kinds, from their structs. Never edit those by hand.

`python -m sealos_gateway.definitions deploy/crds [--check]`. The API server wants structural schemas: no references, no
unions, and `nullable` for what may be null (we decode null as absent, so it is simply left out).
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import Kind

Schema = dict[str, Any]

#: Our kinds, and the columns that `kubectl get` shows of each.
OURS: Final[dict[Kind, tuple[tuple[str, str], ...]]] = {
    kinds.GATEWAY_PROFILE: (("Workload", ".spec.workload"), ("Service", ".spec.service.type")),
    **dict.fromkeys(
        kinds.POLICIES,
        (
            ("Targets", ".spec.targetRefs[*].name"),
            ("Accepted", '.status.ancestors[*].conditions[?(@.type=="Accepted")].status'),
        ),
    ),
}
#: What the Gateway API asks of policies (GEP-713): whether what they say of a Gateway reaches its routes.
_LABELS: Final = {
    kinds.TRAFFIC_POLICY: "Inherited",
    kinds.SECURITY_POLICY: "Inherited",
    kinds.BACKEND_POLICY: "Direct",
}
_POLICY_LABEL: Final = "gateway.networking.k8s.io/policy"
_HEAD: Final = "# Made by `make docs` from src/sealos_gateway/resources; edit the struct there.\n"


def definition(kind: Kind) -> Schema:
    """The CustomResourceDefinition of a kind."""
    singular = kind.name.lower()
    columns = [{"name": name, "type": "string", "jsonPath": path} for name, path in OURS[kind]]
    columns.append({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"})
    version = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": columns,
        "schema": {"openAPIV3Schema": _object_schema(kind)},
    }
    if kind in _LABELS:
        version["subresources"] = {"status": {}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{kind.group}",
            **({"labels": {_POLICY_LABEL: _LABELS[kind]}} if kind in _LABELS else {}),
        },
        "spec": {
            "group": kind.group,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {"kind": kind.name, "listKind": f"{kind.name}List", "plural": kind.plural, "singular": singular},
            "versions": [version],
        },
    }


def _object_schema(kind: Kind) -> Schema:
    properties: Schema = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
    required = []
    for field in msgspec.structs.fields(kind.struct):
        if field.name in ("spec", "status"):
            (schema,), parts = msgspec.json.schema_components([field.type], ref_template="{name}")
            properties[field.name] = structural(schema, parts)
            required += [field.name] if field.required else []
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


#: What is the same in both. `nullable` is not among them: null counts as absent.
_SAME: Final = (
    "description", "type", "enum", "minimum", "maximum", "pattern", "minLength", "maxLength", "minItems", "maxItems",
)  # fmt: skip


def structural(schema: Schema, parts: dict[str, Any]) -> Schema:
    """A JSON schema as the API server takes it. Raises ValueError for what cannot be said there."""
    if "$ref" in schema:
        return structural({**parts[schema["$ref"]], **{k: v for k, v in schema.items() if k == "description"}}, parts)
    if "anyOf" in schema:
        return _union(schema, parts)
    found: Schema = {key: schema[key] for key in _SAME if key in schema}
    if "description" in found:
        found["description"] = inspect.cleandoc(found["description"])
    if "enum" in found:
        found["type"] = "integer" if isinstance(found["enum"][0], int) else "string"
    if schema.get("default") not in (None, [], (), {}, ""):
        found["default"] = schema["default"]
    if found["type"] == "array":
        found["items"] = structural(schema["items"], parts)
    elif found["type"] == "object":
        found |= _properties(schema, parts)
    return found


def _properties(schema: Schema, parts: dict[str, Any]) -> Schema:
    if "properties" in schema:
        inside = {"properties": {name: structural(part, parts) for name, part in schema["properties"].items()}}
        return {**inside, **({"required": schema["required"]} if schema.get("required") else {})}
    if isinstance(schema.get("additionalProperties"), dict):
        return {"additionalProperties": structural(schema["additionalProperties"], parts)}
    return {"x-kubernetes-preserve-unknown-fields": True}


def _union(schema: Schema, parts: dict[str, Any]) -> Schema:
    several = [one for one in schema["anyOf"] if one.get("type") != "null"]
    described = {"description": schema["description"]} if "description" in schema else {}
    if len(several) == 1:
        return {**structural(several[0], parts), **described}
    if sorted(one.get("type", "") for one in several) == ["integer", "string"]:
        limits = {key: one[key] for one in several for key in ("minimum", "pattern") if key in one}
        return {"x-kubernetes-int-or-string": True, **limits, **described}
    raise ValueError(f"no structural schema says {schema}")


def pages() -> dict[str, str]:
    """File names and contents."""
    return {
        f"{kind.group}_{kind.plural}.yaml": _HEAD + yaml.safe_dump(definition(kind), sort_keys=False, width=120)
        for kind in OURS
    }


def stale(folder: Path) -> list[str]:
    """Names of the files that are not as they would be made."""
    return [
        name for name, text in pages().items() if not (folder / name).exists() or (folder / name).read_text() != text
    ]


def main(arguments: Sequence[str]) -> int:
    folder = Path(arguments[0])
    if "--check" in arguments:
        for name in (wrong := stale(folder)):
            print(f"{folder / name} is stale: run make docs", file=sys.stderr)
        return 1 if wrong else 0
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
