"""What is written into the status of routes: one entry for each parent of ours, conditions without times."""

from __future__ import annotations

from collections.abc import Iterable

from sealos_gateway.resources.gateway_api.meta import Condition, ParentStatus, RouteStatus
from sealos_gateway.translate.gateway_api.attachments import Attached, Parent
from sealos_gateway.translate.gateway_api.listeners import ACCEPTED, RESOLVED, Flaw, summed

_PARTLY = "PartiallyInvalid"
#: How the specification wants the message of that condition to begin.
_DROPPED = "Dropped Rule, or a part of one"
_BY_DEFAULT = "the route is attached, as it asks for default Gateways, and this is one (spec.defaultScope)"


def status(attached: Attached, flaws: tuple[Flaw, ...], controller: str, generation: int, served: bool) -> RouteStatus:
    """`flaws` are of the rules; `served` says that some rule still answers as it is written."""
    entries = tuple(
        ParentStatus(parent.reference, controller, tuple(_conditions(parent, flaws, generation, served)))
        for parent in attached.parents
    )
    return RouteStatus(entries)


def _conditions(parent: Parent, flaws: tuple[Flaw, ...], generation: int, served: bool) -> Iterable[Condition]:
    wrong = summed(flaws, ACCEPTED)
    refused = parent.flaw or refusal(flaws, served)
    yield _condition(ACCEPTED, refused, generation, _BY_DEFAULT if parent.default else "the route is attached")
    yield _condition(RESOLVED, summed(flaws, RESOLVED), generation, "all references are resolved")
    if wrong is not None and refused is None:
        text = f"{_DROPPED}: {wrong.message}; all else is served"
        yield Condition(_PARTLY, "True", wrong.reason, text, generation)


def refusal(flaws: Iterable[Flaw], served: bool) -> Flaw | None:
    """Why a route is accepted nowhere: none of its rules can be honoured. Listeners do not count it then."""
    return None if served else summed(flaws, ACCEPTED)


def _condition(type_: str, flaw: Flaw | None, generation: int, good: str) -> Condition:
    if flaw is None:
        return Condition(type_, "True", type_, good, generation)
    return Condition(type_, "False", flaw.reason, flaw.message, generation)
