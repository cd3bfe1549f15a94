"""What is written back to a policy: for each of its targets whether it holds there (Gateway API, `PolicyStatus`).

The ancestor that an entry is about is the target itself: it is what the user wrote, it is there also when the object
is not, and there are no more than the sixteen that a status may have. A target that another controller serves has no
entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from sealos_gateway.resources.gateway_api.meta import GROUP, Condition, ParentReference
from sealos_gateway.resources.gateway_api.policies import AncestorStatus, PolicyStatus
from sealos_gateway.translate.policies.attached import Attached
from sealos_gateway.translate.policies.said import Fault, Said, Target

ACCEPTED: Final = "Accepted"
RESOLVED: Final = "ResolvedRefs"
_GROUPS: Final = {"Ingress": "networking.k8s.io", "Service": ""}
_MOST = 5
_SECURITY = "SecurityPolicy"


def status(
    said: Said, controller: str, attached: Callable[[Target], Attached | None], state: Callable[[Target], str]
) -> PolicyStatus:
    """`state` of a target is `ours`, `missing`, or `others`."""
    entries = []
    for target in said.targets:
        if (found := state(target)) == "others":
            continue
        flaw = _flaw(said, target, attached(target), found == "missing")
        conditions = [_condition(ACCEPTED, flaw, said.generation, ACCEPTED, "; ".join(("it holds", *said.notes)))]
        if said.origin.kind != _SECURITY:
            conditions.append(_condition(RESOLVED, _unresolved(said), said.generation, RESOLVED, "all were found"))
        entries.append(AncestorStatus(_reference(target), controller, tuple(conditions)))
    return PolicyStatus(tuple(entries))


def _flaw(said: Said, target: Target, attached: Attached | None, missing: bool) -> tuple[str, str] | None:
    """Why the policy does not hold at a target: reason and message."""
    faults = (*said.invalid, *(said.unresolved if said.origin.kind == _SECURITY else ()))
    if missing:
        return "TargetNotFound", f"{target.origin} does not exist"
    if attached is not None and target.section and target.section in attached.unknown:
        closed = "; all of it answers 503 until it is corrected" if said.origin.kind == _SECURITY else ""
        return "TargetNotFound", f"{target.origin} has no section {target.section[:80]!r}{closed}"
    if faults:
        return "Invalid", f"{_words(faults)}; {_effect(said)}"
    lost = attached.lost if attached is not None else ()
    winner = next((it for policy, section, it in lost if (policy, section) == (said.origin, target.section)), None)
    if winner is not None:
        return "Conflicted", f"{winner} is attached to {target} too, and older: it holds, and this one does not"
    return None


def _effect(said: Said) -> str:
    if said.origin.kind == _SECURITY:
        return "what it is attached to answers 503 until it is corrected"
    return "its Services answer 503 until it is corrected" if said.closed else "it has no effect until it is corrected"


def _unresolved(said: Said) -> tuple[str, str] | None:
    if not said.unresolved:
        return None
    effect = "its Services answer 503 until it is there" if said.closed else "that part has no effect, the others have"
    return said.unresolved[0].reason, f"{_words(said.unresolved)}; {effect}"


def _words(faults: Iterable[Fault]) -> str:
    found = [f"{fault.field}: {fault.message}" if fault.field else fault.message for fault in faults]
    more = f" (and {len(found) - _MOST} more)" if len(found) > _MOST else ""
    return "; ".join(found[:_MOST]) + more


def _condition(kind: str, flaw: tuple[str, str] | None, generation: int, reason: str, message: str) -> Condition:
    if flaw is None:
        return Condition(kind, "True", reason, message, generation)
    return Condition(kind, "False", *flaw, generation)


def _reference(target: Target) -> ParentReference:
    kind = target.origin.kind
    return ParentReference(
        target.origin.ref.name, _GROUPS.get(kind, GROUP), kind, None, section_name=target.section or None
    )
