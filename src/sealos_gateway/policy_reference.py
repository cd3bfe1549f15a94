"""Makes `docs/policies.md` from the structs of our policies, their words and their examples."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from sealos_gateway.resources.policies import backend, examples, security, traffic

Schema = dict[str, Any]
_KINDS: Final[tuple[tuple[str, type, dict[str, str]], ...]] = (
    (traffic.KIND, traffic.TrafficPolicySpec, examples.TRAFFIC),
    (security.KIND, security.SecurityPolicySpec, examples.SECURITY),
    (backend.KIND, backend.BackendPolicySpec, examples.BACKEND),
)
_WORDS: Final = {
    "h|m|s|ms": "a duration as `1m30s`",
    "Ki|Mi|Gi": "a quantity as `8Mi`",
    "0-9a-fA-F:.": "an address or a network",
}
_HEAD: Final = """\
<!-- Made by `make docs` from src/sealos_gateway/resources/policies: edit there, not here. -->

# Policies

Three kinds of group `sealos.io`, version `v1`, say for the Gateway API and for Ingresses what annotations say for
Ingresses alone, and reach the same code: **TrafficPolicy** (what happens to requests), **SecurityPolicy** (who may
send them), **BackendPolicy** (how a Service is spoken to). The definitions are in `deploy/crds`; the chart installs
them.

```yaml
apiVersion: sealos.io/v1
kind: TrafficPolicy
metadata: {name: web, namespace: shop}
spec:
  targetRefs:
  - {group: gateway.networking.k8s.io, kind: HTTPRoute, name: web}
  timeouts: {request: 30s}
  maxRequestBodySize: 8Mi
```

## What holds where

* **Targets** are of the policy's own namespace: a Gateway or a ListenerSet (`sectionName`: one listener), an
  HTTPRoute or a GRPCRoute (`sectionName`: the name of a rule), an Ingress; for a BackendPolicy a Service
  (`sectionName`: the name of a port). Connections of TLSRoute, TCPRoute and UDPRoute are not read, so only a
  BackendPolicy means anything to them.
* **The nearest place wins, field by field:** a rule before what its route says of all of them, that before the
  listener, that before the Gateway (a ListenerSet stands between). What stands in a rule itself (`timeouts`, filters
  …) comes after a policy at that rule and before one at the route. Changes of headers add up, the nearest last; of
  `timeouts` and `rewrite` each part counts by itself.
* **Of two policies of one kind at one place the older holds,** wholly (then by name); the other is told `Conflicted`.
* **On an Ingress** a policy comes before the annotations, field by field; headers add up. A policy at a Service comes
  before what annotations say of backends. What is said there of routes (`sessionAffinity`, `loadBalancing.hashOn`,
  `timeouts.read`) comes after a rule or a route and before a Gateway. Where a rule has several Services, the first
  that says something has it.
* **References** to Secrets, ConfigMaps and Services of other namespaces need a ReferenceGrant there, `from` group
  `sealos.io` and the kind of the policy. The same goes for a `url` that names a Service.

## What is wrong

* A TrafficPolicy or BackendPolicy that is wrong by itself has no effect at all (`Accepted: False`, reason `Invalid`).
  What it refers to and is not there is left out alone (`ResolvedRefs: False`).
* **A SecurityPolicy is closed:** where anything of it cannot be honoured (a missing Secret, a network that is none, a
  section that is not there, a name that is misspelt) what it is attached to answers 503 until it is corrected; the
  rest is served. So is a Service with `tls` that cannot be spoken as it is asked for.
* Each target has an entry in `status.ancestors`, with the target itself as the ancestor: `Accepted` with the reason
  `Accepted`, `Invalid`, `TargetNotFound` or `Conflicted`. Entries of other controllers stay. The same is in the log,
  in events, and in `sgw check`; `sgw explain` names the policies that hold for a URL.

Texts with variables (`template`, `hostname`, `url` …) know those of nginx: [snippets.md](snippets.md). Upgrades
besides WebSocket are a setting (`http.upgrade_types`), and so is what Envoy trusts of clients' addresses
(`http.trusted_hops`).
"""


def page() -> str:
    """The whole page."""
    lines = [_HEAD]
    for kind, spec, shown in _KINDS:
        _, parts = msgspec.json.schema_components([spec], ref_template="{name}")
        whole = parts[spec.__name__]
        lines.append(f"## {kind}\n")
        for name, field in whole["properties"].items():
            lines += _section(name, field, parts, shown[name])
    return "\n".join(lines).rstrip() + "\n"


def _section(name: str, field: Schema, parts: Schema, example: str) -> Iterator[str]:
    found = _resolved(field, parts)
    yield f"### `{name}`\n"
    if words := field.get("description") or found.get("description", ""):
        yield " ".join(inspect.cleandoc(words).split()) + "\n"
    rows = list(_rows("", field, parts))
    if rows:
        yield "| field | values | where it is absent | meaning |\n|---|---|---|---|"
        yield "\n".join(rows) + "\n"
    else:
        yield f"Values: {_values(field, parts)}.\n"
    yield f"```yaml\n{example}\n```\n"


def _rows(before: str, field: Schema, parts: Schema) -> Iterator[str]:
    found = _resolved(field, parts)
    if found.get("type") == "array":
        found, before = _resolved(found["items"], parts), f"{before[:-1]}[]." if before else "[]."
    for name, part in found.get("properties", {}).items():
        inner = _resolved(part, parts)
        items = _resolved(inner["items"], parts) if inner.get("type") == "array" else inner
        if "properties" in items:
            yield from _rows(f"{before}{name}.", part, parts)
            continue
        words = " ".join((part.get("description") or "").split()).replace("|", "\\|")
        absent = "required" if name in found.get("required", ()) else _default(part)
        yield f"| `{before}{name}` | {_values(part, parts)} | {absent} | {words} |"


def _resolved(field: Schema, parts: Schema) -> Schema:
    """The schema behind a reference, or behind `… or null`."""
    if "$ref" in field:
        return dict(parts[field["$ref"]])
    several = [one for one in field.get("anyOf", ()) if one.get("type") != "null"]
    return _resolved(several[0], parts) if len(several) == 1 else field


def _default(field: Schema) -> str:
    value = field.get("default")
    return "–" if value in (None, [], (), {}, "") else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _values(field: Schema, parts: Schema) -> str:
    found = _resolved(field, parts)
    if "enum" in found:
        return ", ".join(f"`{value}`" if value != "" else "nothing" for value in found["enum"])
    if found.get("type") == "array":
        return f"a list: {_values(found['items'], parts)}"
    patterns = " ".join(str(one.get("pattern", "")) for one in (found, *found.get("anyOf", ())))
    for part, words in _WORDS.items():
        if part in patterns:
            return words
    if found.get("type") == "boolean":
        return "`true`, `false`"
    if found.get("type") == "integer":
        return f"{found['minimum']} to {found['maximum']}" if "maximum" in found else "a whole number"
    return "text"
