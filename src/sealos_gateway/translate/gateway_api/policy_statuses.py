"""What is written into the status of policies: one entry for each Gateway that leads to what the policy is about.

Source: GEP-713, `PolicyAncestorStatus`. Conditions have no times here; see the writer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from sealos_gateway.resources.gateway_api.meta import GROUP, Condition, ParentReference
from sealos_gateway.resources.gateway_api.policies import AncestorStatus, PolicyStatus
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate.gateway_api.backend_tls import Outcome
from sealos_gateway.translate.gateway_api.listeners import ACCEPTED, RESOLVED, Flaw, summed

#: A Service, one of its ports, and a Gateway.
Reach = tuple[Ref, int, Ref]


def status(
    targets: Sequence[tuple[Outcome, Collection[Reach]]], flaws: Sequence[Flaw], controller: str, generation: int
) -> PolicyStatus:
    """`targets` are what became of the policy, each with all that leads to its Service; `flaws` are of the policy."""
    gateways: dict[Ref, list[Outcome]] = {}
    for outcome, reached in targets:
        for gateway in {gateway for _, port, gateway in reached if port in outcome.ports}:
            gateways.setdefault(gateway, []).append(outcome)
    return PolicyStatus(
        tuple(
            AncestorStatus(_ancestor(gateway), controller, tuple(_conditions(outcomes, flaws, generation)))
            for gateway, outcomes in sorted(gateways.items())
        )
    )


def _ancestor(gateway: Ref) -> ParentReference:
    return ParentReference(gateway.name, GROUP, "Gateway", gateway.namespace)


def _conditions(outcomes: Iterable[Outcome], flaws: Sequence[Flaw], generation: int) -> Iterator[Condition]:
    """A policy that holds for one of its targets behind a Gateway is accepted there, and says which it lost."""
    lost = [it.flaw for it in outcomes]
    conflict = next((it for it in lost if it is not None), None)
    if all(lost) and conflict is not None:
        yield _bad(conflict, generation)
    elif (refused := summed(flaws, ACCEPTED)) is not None:
        yield _bad(refused, generation)
    else:
        text = f"it holds, but {conflict.message}" if conflict else "it holds"
        yield Condition(ACCEPTED, "True", ACCEPTED, text, generation)
    missing = summed(flaws, RESOLVED)
    if missing is not None:
        yield _bad(missing, generation)
    else:
        yield Condition(RESOLVED, "True", RESOLVED, "all references are resolved", generation)


def _bad(flaw: Flaw, generation: int) -> Condition:
    return Condition(flaw.condition, "False", flaw.reason, flaw.message, generation)
