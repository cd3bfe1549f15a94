"""What is written into the status of Gateways and ListenerSets. Conditions have no times here; see the writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from sealos_gateway.resources.gateway_api.gateways import (
    Gateway,
    GatewayStatus,
    GatewayStatusAddress,
    ListenerSet,
    ListenerSetStatus,
    ListenerStatus,
)
from sealos_gateway.resources.gateway_api.meta import Condition
from sealos_gateway.resources.meta import Origin
from sealos_gateway.translate.gateway_api import default_gateways, hostnames
from sealos_gateway.translate.gateway_api.listeners import (
    ACCEPTED,
    CONFLICTED,
    INSECURE_FALLBACK,
    NOTE,
    PASSTHROUGH,
    RESOLVED,
    Flaw,
    ListenerRow,
    summed,
)
from sealos_gateway.translate.gateway_api.references import TERMINATE

PROGRAMMED: Final = "Programmed"
NOT_VALID: Final = "ListenersNotValid"
_ADDRESS_FAULTS: Final = ("AddressNotUsable", "UnsupportedAddress")
#: How many routes are attached to a listener of an owner.
Attached = Callable[[Origin, str], int]
#: Why an Envoy refuses the port of a listener; empty when none does.
Refused = Callable[[ListenerRow], str]
#: Whether the hostname of a listener with TLS overlaps with one of another object (`overlaps`).
Overlaps = Callable[[ListenerRow], bool]


class Infrastructure(Protocol):
    """What is known of where the Gateway runs (`provision.deployed.Deployed`)."""

    @property
    def addresses(self) -> tuple[GatewayStatusAddress, ...]: ...

    @property
    def faults(self) -> Sequence[Flaw]:
        """Conditions of the Gateway that are False."""


def gateway_status(
    gateway: Gateway,
    rows: Sequence[ListenerRow],
    flaws: Sequence[Flaw],
    infrastructure: Infrastructure,
    sets: int,
    attached: Attached,
    refused: Refused,
    overlaps: Overlaps,
) -> GatewayStatus:
    """`flaws` are of the Gateway itself, as `Flaw`s of its conditions; `sets` is how many ListenerSets are attached."""
    generation = gateway.metadata.generation
    accepted = _accepted(rows, infrastructure.faults, sets)
    fault = _programmed(accepted, rows, infrastructure.faults)
    programmed = fault or _taken(rows, refused)
    conditions = [
        _condition(ACCEPTED, accepted, generation, "the configuration is valid"),
        _condition(PROGRAMMED, programmed, generation, "it is served"),
        _resolved(rows, flaws, generation),
    ]
    conditions += [*_assigned(gateway, infrastructure), *default_gateways.conditions(gateway)]
    if _insecure(gateway):
        text = "clients without a good certificate are let in (spec.tls.frontend: AllowInsecureFallback)"
        conditions.append(Condition("InsecureFrontendValidationMode", "True", "ConfigurationChanged", text, generation))
    return GatewayStatus(
        infrastructure.addresses,
        tuple(conditions),
        tuple(_listener(it, rows, generation, fault is not None, attached, refused, overlaps) for it in rows),
        sets,
    )


def _assigned(gateway: Gateway, infrastructure: Infrastructure) -> list[Condition]:
    """Whether the wanted addresses are there (v1.7.0); nothing as long as that is not known."""
    type_, generation = "AddressesAssigned", gateway.metadata.generation
    known = {it.value for it in infrastructure.addresses}
    fault = next((it for it in infrastructure.faults if it.reason in _ADDRESS_FAULTS), None)
    if fault is not None:
        some = known and any(not it.value or it.value in known for it in gateway.spec.addresses)
        reason = "PartiallyAssigned" if some and fault.condition == PROGRAMMED else "NotAssigned"
        return [Condition(type_, "False", reason, fault.message, generation)]
    return [Condition(type_, "True", type_, "all addresses are there", generation)] if known else []


def _accepted(rows: Sequence[ListenerRow], faults: Sequence[Flaw], sets: int) -> Flaw | None:
    """Why the Gateway is not accepted. With some listeners wrong it is accepted and says so."""
    refused = next((it for it in faults if it.condition == ACCEPTED), None)
    if refused is not None:
        return refused
    if not rows and not sets:
        return Flaw(ACCEPTED, NOT_VALID, "it has no listener; name one in spec.listeners, or attach a ListenerSet")
    bad = [it.name for it in rows if not it.accepted]
    if bad and len(bad) == len(rows):
        return Flaw(ACCEPTED, NOT_VALID, f"no listener is valid: {', '.join(bad[:10])}")
    if bad:
        return Flaw("", NOT_VALID, f"not valid: {', '.join(bad[:10])}; the others are served")
    return None


def _programmed(accepted: Flaw | None, rows: Sequence[ListenerRow], faults: Sequence[Flaw]) -> Flaw | None:
    if accepted is not None and accepted.condition:
        return Flaw(PROGRAMMED, "Invalid", f"it is not accepted: {accepted.message}")
    fault = next((Flaw(*it) for it in faults if it.condition == PROGRAMMED), None)
    if fault is None and rows and not any(it.serves for it in rows):
        return Flaw(PROGRAMMED, "Invalid", "no listener can be served; their conditions say why")
    return fault


def _taken(rows: Sequence[ListenerRow], refused: Refused) -> Flaw | None:
    """Why it is not served although it is valid: an Envoy does not take it."""
    bad = [it.name for it in rows if it.serves and refused(it)]
    text = f"Envoy refuses {', '.join(bad[:10])}; the conditions of the listeners say why"
    return Flaw(PROGRAMMED, "Invalid", text) if bad else None


def _condition(type_: str, flaw: Flaw | None, generation: int, good: str) -> Condition:
    if flaw is None:
        return Condition(type_, "True", type_, good, generation)
    return Condition(type_, "False" if flaw.condition else "True", flaw.reason, flaw.message, generation)


def _resolved(rows: Sequence[ListenerRow], flaws: Sequence[Flaw], generation: int) -> Condition:
    own = next((it for it in flaws if it.condition == RESOLVED), None)
    if own is not None:
        return _condition(RESOLVED, own, generation, "")
    bad = [it.name for it in rows if any(flaw.condition == RESOLVED for flaw in it.flaws)]
    if bad:
        text = f"references of {', '.join(bad[:10])} cannot be resolved"
        return Condition(RESOLVED, "False", "ListenersNotResolved", text, generation)
    return Condition(RESOLVED, "True", RESOLVED, "all references are resolved", generation)


def _insecure(gateway: Gateway) -> bool:
    frontend = gateway.spec.tls.frontend if gateway.spec.tls else None
    if frontend is None:
        return False
    every = [frontend.default.validation, *(it.tls.validation for it in frontend.per_port)]
    return any(it is not None and it.mode == INSECURE_FALLBACK for it in every)


# ---------------------------------------------------------------- listeners


def _listener(
    row: ListenerRow,
    others: Sequence[ListenerRow],
    generation: int,
    waits: bool,
    attached: Attached,
    refused: Refused,
    overlaps: Overlaps,
) -> ListenerStatus:
    """`waits`: the Gateway as a whole is not served yet, so no listener of it is."""
    conflict, notes = _flaw(row, CONFLICTED), [flaw.message for flaw in row.flaws if flaw.condition == NOTE]
    accepted = _flaw(row, ACCEPTED) or conflict
    resolved = summed(row.flaws, RESOLVED)
    programmed = _listener_programmed(row, conflict, accepted, resolved, waits)
    if programmed is None and (words := refused(row)):
        programmed = Flaw(PROGRAMMED, "Invalid", f"Envoy refuses port {row.port}, and keeps what it had: {words}")
    conditions = [
        _condition(ACCEPTED, _named(accepted), generation, "; ".join(("the listener is valid", *notes))),
        _condition(PROGRAMMED, programmed, generation, "it is served"),
        _condition(RESOLVED, resolved, generation, "all references are resolved"),
        Condition(CONFLICTED, "True", conflict.reason, conflict.message, generation)
        if conflict
        else Condition(CONFLICTED, "False", "NoConflicts", "no other listener is in the way", generation),
    ]
    overlap = _overlapping(row, others)
    if row.accepted and row.mode == TERMINATE and overlaps(row):
        overlap.append("a listener of another object of this Gateway")
    if overlap:
        text = f"the hostname overlaps with that of {', '.join(overlap[-10:])}"
        conditions.append(Condition("OverlappingTLSConfig", "True", "OverlappingHostnames", text, generation))
    return ListenerStatus(row.name, attached(row.owner, row.name), row.kinds, tuple(conditions))


def _named(flaw: Flaw | None) -> Flaw | None:
    return flaw._replace(condition=ACCEPTED) if flaw else None


def _listener_programmed(
    row: ListenerRow, conflict: Flaw | None, accepted: Flaw | None, resolved: Flaw | None, waits: bool
) -> Flaw | None:
    if conflict is not None:
        return conflict
    if accepted is not None:
        return Flaw(PROGRAMMED, "Invalid", accepted.message)
    if not row.serves:
        return Flaw(PROGRAMMED, "Invalid", resolved.message if resolved else "nothing is served")
    if waits:
        return Flaw(PROGRAMMED, "Pending", "the Gateway is not served yet; its conditions say why")
    return None


def _flaw(row: ListenerRow, condition: str) -> Flaw | None:
    return next((it for it in row.flaws if it.condition == condition), None)


def _overlapping(row: ListenerRow, others: Iterable[ListenerRow]) -> list[str]:
    """Listeners whose TLS configuration may answer for the same name."""
    if not row.mode or row.mode == PASSTHROUGH:
        return []
    return [
        it.name
        for it in others
        if it is not row and it.port == row.port and it.mode and hostnames.common(it.hostname, row.hostname)
    ]


# ---------------------------------------------------------------- ListenerSets


def set_status(
    row: ListenerSet,
    refused: str,
    rows: Sequence[ListenerRow],
    parent: Sequence[Condition],
    attached: Attached,
    refused_by_envoy: Refused,
    overlaps: Overlaps,
) -> ListenerSetStatus:
    """`refused` says why it may not attach; `parent` are the conditions of its Gateway."""
    generation = row.metadata.generation
    if refused:
        flaw = Flaw(ACCEPTED, "NotAllowed", refused)
        return ListenerSetStatus(_both(flaw, generation))
    known = {it.type: it for it in parent}
    if ACCEPTED in known and known[ACCEPTED].status != "True":
        text = f"the Gateway is not accepted: {known[ACCEPTED].message}"
        return ListenerSetStatus(_both(Flaw(ACCEPTED, "ParentNotAccepted", text), generation))
    waits = PROGRAMMED not in known or known[PROGRAMMED].status != "True"
    listeners = tuple(_listener(it, rows, generation, waits, attached, refused_by_envoy, overlaps) for it in rows)
    if not rows:
        return ListenerSetStatus(
            _both(Flaw(ACCEPTED, NOT_VALID, "it has no listener; name one in spec.listeners"), generation)
        )
    bad = [it.name for it in rows if not it.serves]
    if len(bad) == len(rows):
        return ListenerSetStatus(
            _both(Flaw(ACCEPTED, NOT_VALID, f"no listener is valid: {', '.join(bad[:10])}"), generation), listeners
        )
    partly = Flaw("", NOT_VALID, f"not valid: {', '.join(bad[:10])}; the others are served") if bad else None
    programmed = _taken(rows, refused_by_envoy)
    if waits:
        programmed = Flaw(PROGRAMMED, "ParentNotProgrammed", "the Gateway is not served yet")
    conditions = (
        _condition(ACCEPTED, partly, generation, "the configuration is valid"),
        _condition(PROGRAMMED, programmed, generation, "it is served"),
    )
    return ListenerSetStatus(conditions, listeners)


def _both(flaw: Flaw, generation: int) -> tuple[Condition, Condition]:
    return (
        _condition(ACCEPTED, flaw, generation, ""),
        _condition(PROGRAMMED, flaw._replace(condition=PROGRAMMED), generation, ""),
    )
