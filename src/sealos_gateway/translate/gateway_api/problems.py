"""What the status of a Gateway, a ListenerSet or a route says against it, for log, events and `sgw check`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from sealos_gateway.model.problem import Problem
from sealos_gateway.resources.gateway_api.meta import Condition
from sealos_gateway.resources.meta import Origin

#: What speaks against an object. `Programmed` says what is not done yet, or repeats another condition; alone and with
#: the reason `Invalid` it says that an Envoy refuses what is otherwise good.
_BAD: Final = {"Accepted": "False", "ResolvedRefs": "False", "Conflicted": "True", "PartiallyInvalid": "True"}


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


def _told(origin: Origin, field: str, conditions: Iterable[Condition]) -> Iterator[Problem]:
    bad = [it for it in conditions if _BAD.get(it.type) == it.status]
    for it in bad or (it for it in conditions if (it.type, it.status, it.reason) == ("Programmed", "False", "Invalid")):
        yield Problem(origin, field, it.reason, it.message)
