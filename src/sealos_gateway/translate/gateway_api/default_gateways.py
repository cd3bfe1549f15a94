"""Gateways for routes that name none: `defaultScope` of a Gateway, `useDefaultGateways` of a route.

A route that asks for default Gateways is attached to each of them as if it named it as a whole, so everything else
(whose routes a listener allows, hostnames, status) is as always. Several Gateways may be defaults, and each takes the
route.

Source: GEP-3793; experimental in v1.6.1 and v1.7.0. The only scope there is `All`; `None` is as good as nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sealos_gateway.resources.gateway_api.gateways import Gateway
from sealos_gateway.resources.gateway_api.meta import GROUP, Condition, ParentReference
from sealos_gateway.resources.gateway_api.routes import RouteSpec
from sealos_gateway.resources.meta import Ref

ALL: Final = "All"
_NOTHING: Final = ("", "None")
#: The condition of a Gateway that is a default.
CONDITION: Final = "DefaultGateway"


def scopes(row: Gateway) -> tuple[str, ...]:
    """The scope that a Gateway is a default for; by it such Gateways are grouped."""
    return (row.spec.default_scope,) if row.spec.default_scope not in _NOTHING else ()


def scope(spec: RouteSpec) -> str:
    """The scope that a route asks for; empty where it asks for no default Gateway."""
    return spec.use_default_gateways if spec.use_default_gateways not in _NOTHING else ""


def references(spec: RouteSpec, namespace: str, defaults: Iterable[Ref]) -> tuple[ParentReference, ...]:
    """The parents of a route of this namespace besides those that it names, in the same order on every replica."""
    named = {Ref(it.namespace or namespace, it.name) for it in spec.parent_refs if _is_whole_gateway(it)}
    return tuple(ParentReference(ref.name, namespace=ref.namespace) for ref in sorted(defaults) if ref not in named)


def _is_whole_gateway(reference: ParentReference) -> bool:
    is_gateway = (reference.group, reference.kind) == (GROUP, "Gateway")
    return is_gateway and not reference.section_name and reference.port is None


def conditions(row: Gateway) -> Iterator[Condition]:
    """Whether a Gateway that wants to be a default is one; nothing of a Gateway that does not."""
    wanted, generation = row.spec.default_scope, row.metadata.generation
    if wanted == ALL:
        text = "the Gateway has default scope All: it takes routes with useDefaultGateways: All"
        yield Condition(CONDITION, "True", CONDITION, text, generation)
    elif wanted not in _NOTHING:
        text = f"spec.defaultScope: {wanted[:40]!a} is not known; write {ALL}, or leave it out"
        yield Condition(CONDITION, "False", "UnsupportedValue", text, generation)
