"""What the status of a Gateway, a ListenerSet or a route says against it, for log, events and `sgw check`; and of those
that nobody writes a status for, because what they name is not there, that it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from sealos_gateway.model.problem import Problem
from sealos_gateway.resources.gateway_api.gateways import Gateway
from sealos_gateway.resources.gateway_api.meta import GROUP, Condition, ParentReference
from sealos_gateway.resources.gateway_api.routes import RouteSpec
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.gateway_api import default_gateways
from sealos_gateway.translate.gateway_api.listeners import NOTE, ListenerRow

#: What speaks against an object. `Programmed` says what is not done yet, or repeats another condition; alone and with
#: the reason `Invalid` it says that an Envoy refuses what is otherwise good.
_BAD: Final = {
    "Accepted": "False", "ResolvedRefs": "False", "Conflicted": "True", "PartiallyInvalid": "True",
    "SupportedVersion": "False", default_gateways.CONDITION: "False",
}  # fmt: skip


def of_status(origin: Origin, status: Any) -> Iterator[Problem]:
    """`status` is one of GatewayStatus, ListenerSetStatus, RouteStatus, PolicyStatus, GatewayClassStatus."""
    yield from _told(origin, "", getattr(status, "conditions", ()))
    for listener in getattr(status, "listeners", ()):
        yield from _told(origin, f"spec.listeners[{listener.name}]", listener.conditions)
    for parent in getattr(status, "parents", ()):
        section = f"/{parent.parent_ref.section_name}" if parent.parent_ref.section_name else ""
        yield from _told(origin, f"spec.parentRefs[{parent.parent_ref.name}{section}]", parent.conditions)
    for ancestor in getattr(status, "ancestors", ()):
        target = ancestor.ancestor_ref
        section = f"/{target.section_name}" if target.section_name else ""
        yield from _told(origin, f"spec.targetRefs[{target.kind} {target.name}{section}]", ancestor.conditions)


def of_listeners(origin: Origin, rows: Iterable[ListenerRow]) -> Iterator[Problem]:
    """What is told of listeners and speaks against nothing."""
    for row in rows:
        for flaw in row.flaws:
            if flaw.condition == NOTE:
                yield Problem(origin, f"spec.listeners[{row.name}]", flaw.reason, flaw.message)


def of_class(row: Gateway) -> Problem:
    """Of a Gateway whose class does not exist."""
    text = f"GatewayClass {row.spec.gateway_class_name} does not exist, so nobody serves this; make it, or name another"
    return Problem(Origin("Gateway", row.ref), "spec.gatewayClassName", "NoSuchClass", text)


def of_parents(
    origin: Origin, references: Iterable[ParentReference], exists: Callable[[Origin], bool]
) -> Iterator[Problem]:
    """The parents of a route, or of a ListenerSet, that do not exist. Only those beside it are looked for: objects of
    another namespace may be there without being read."""
    field = "spec.parentRef" if origin.kind == "ListenerSet" else "spec.parentRefs"
    for it in references:
        if it.group != GROUP or it.kind not in ("Gateway", "ListenerSet"):
            continue
        if it.namespace not in (None, "", origin.ref.namespace):
            continue
        parent = Origin(it.kind, Ref(origin.ref.namespace, it.name))
        if not exists(parent):
            where = f"{field}[{it.name}]" if field.endswith("s") else field
            yield Problem(origin, where, "NoSuchParent", f"{parent} does not exist; make it, or name another")


def of_default_gateways(origin: Origin, spec: RouteSpec, exists: Callable[[str], bool]) -> Iterator[Problem]:
    """A route that asks for default Gateways where there are none; `exists` says whether a scope has any."""
    scope = default_gateways.scope(spec)
    if scope and not exists(scope):
        text = f"no Gateway has defaultScope {scope[:40]}; let one have it, or name a Gateway in spec.parentRefs"
        yield Problem(origin, "spec.useDefaultGateways", "NoDefaultGateway", text)


def _told(origin: Origin, field: str, conditions: Iterable[Condition]) -> Iterator[Problem]:
    bad = [it for it in conditions if _BAD.get(it.type) == it.status]
    # A conflict stands in two conditions with the same words.
    bad = list({(it.reason, it.message): it for it in bad}.values())
    for it in bad or (it for it in conditions if (it.type, it.status, it.reason) == ("Programmed", "False", "Invalid")):
        yield Problem(origin, field, it.reason, it.message)
