"""What is written into the status of routes: one entry for each parent of ours, conditions without times."""

from __future__ import annotations

from collections.abc import Iterable

from sealos_gateway.resources.gateway_api.meta import Condition, ParentStatus, RouteStatus
from sealos_gateway.translate.gateway_api.attachments import Attached, Parent
from sealos_gateway.translate.gateway_api.listeners import ACCEPTED, RESOLVED, Flaw, summed

_PARTLY = "PartiallyInvalid"


def status(attached: Attached, flaws: tuple[Flaw, ...], controller: str, generation: int, served: bool) -> RouteStatus:
    """`flaws` are of the rules; `served` says that some rule still answers as it is written."""
    entries = tuple(
        ParentStatus(parent.reference, controller, tuple(_conditions(parent, flaws, generation, served)))
        for parent in attached.parents
    )
    return RouteStatus(entries)


def _conditions(parent: Parent, flaws: tuple[Flaw, ...], generation: int, served: bool) -> Iterable[Condition]:
    wrong = summed(flaws, ACCEPTED)
    refused = parent.flaw or (wrong if wrong is not None and not served else None)
    yield _condition(ACCEPTED, refused, generation, "the route is attached")
    yield _condition(RESOLVED, summed(flaws, RESOLVED), generation, "all references are resolved")
    if wrong is not None and refused is None:
        yield Condition(_PARTLY, "True", wrong.reason, f"{wrong.message}; the other rules are served", generation)


def _condition(type_: str, flaw: Flaw | None, generation: int, good: str) -> Condition:
    if flaw is None:
        return Condition(type_, "True", type_, good, generation)
    return Condition(type_, "False", flaw.reason, flaw.message, generation)
