"""A wanted status upon the one that is there: what is to be written, or nothing.

Wanted conditions have no times. One that keeps its `status` keeps the time of its last transition. Entries and
conditions of other controllers are repeated as they are: the lists of parents and ancestors are replaced as a whole by
whoever writes. Pure; what time it is, is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from sealos_gateway.resources.gateway_api.gateways import (
    Gateway,
    GatewayClassStatus,
    GatewayStatus,
    ListenerSet,
    ListenerSetStatus,
    ListenerStatus,
)
from sealos_gateway.resources.gateway_api.meta import Condition, ParentStatus, RouteStatus
from sealos_gateway.resources.gateway_api.policies import AncestorStatus, PolicyStatus

Status = GatewayClassStatus | GatewayStatus | ListenerSetStatus | RouteStatus | PolicyStatus
Entry = ParentStatus | AncestorStatus

#: Most ancestors that the API takes (GEP-713); for how many there is no room says `left_out`.
MOST_ANCESTORS = 16
#: Most parents that the API takes.
MOST_PARENTS = 32


def merged(there: Any, wanted: Status, controller: str, now: str) -> Status | None:
    """The status to be written; None when the one that is there says it already. `now` is RFC 3339."""
    match wanted:
        case RouteStatus(parents):
            entries = _entries(there.parents, parents, controller, now, MOST_PARENTS)
            return RouteStatus(entries) if entries != there.parents else None
        case PolicyStatus(ancestors):
            listed = _entries(there.ancestors, ancestors, controller, now, MOST_ANCESTORS)
            return PolicyStatus(listed) if listed != there.ancestors else None
    return _own(there, wanted, now)


def speaks(there: Any, controller: str) -> bool:
    """Whether there are entries of this controller in a list of parents or ancestors."""
    entries: Sequence[Entry] = (*getattr(there, "parents", ()), *getattr(there, "ancestors", ()))
    return any(it.controller_name == controller for it in entries)


def orphaned(row: Gateway | ListenerSet, why: str) -> GatewayStatus | ListenerSetStatus:
    """Of an object that no controller has any more: as the API says it of a new one. Addresses stay, since names in DNS
    are made of them; what is known of listeners goes."""
    told = tuple(
        Condition(type_, "Unknown", "Pending", why, row.metadata.generation) for type_ in ("Accepted", "Programmed")
    )
    if isinstance(row, Gateway):
        return GatewayStatus(row.status.addresses, told)
    return ListenerSetStatus(told)


def left_out(there: Any, wanted: Status, controller: str) -> int:
    """For how many of our entries there is no room: the API bounds the lists, and others have entries there, too."""
    match wanted:
        case RouteStatus(parents):
            return _too_many(there.parents, len(parents), controller, MOST_PARENTS)
        case PolicyStatus(ancestors):
            return _too_many(there.ancestors, len(ancestors), controller, MOST_ANCESTORS)
    return 0


def _too_many(there: Sequence[Entry], ours: int, controller: str, most: int) -> int:
    return min(ours, max(0, sum(it.controller_name != controller for it in there) + ours - most))


def _own(there: Any, wanted: Any, now: str) -> Status | None:
    """Of an object that is ours alone. Conditions of other kinds stay out of it: the API merges them by type."""
    known = {it.type: it for it in there.conditions}
    changes: dict[str, Any] = {"conditions": _timed(wanted.conditions, known, now)}
    seen: dict[str, Any] = {"conditions": tuple(known[it.type] for it in wanted.conditions if it.type in known)}
    if isinstance(wanted, GatewayStatus | ListenerSetStatus):
        listeners = {it.name: it for it in there.listeners}
        changes["listeners"] = tuple(_listener(it, listeners.get(it.name), now) for it in wanted.listeners)
    made: Status = msgspec.structs.replace(wanted, **changes)
    return None if msgspec.structs.replace(there, **seen) == made else made


def _listener(wanted: ListenerStatus, there: ListenerStatus | None, now: str) -> ListenerStatus:
    known = {it.type: it for it in there.conditions} if there else {}
    return msgspec.structs.replace(wanted, conditions=_timed(wanted.conditions, known, now))


def _entries(there: Sequence[Entry], wanted: Sequence[Entry], controller: str, now: str, most: int) -> tuple[Any, ...]:
    """Those of others, each where it is; ours where they were, new ones behind."""
    open_ = {_subject(it): it for it in wanted}
    found: list[Entry] = []
    for entry in there:
        if entry.controller_name != controller:
            found.append(entry)
        elif (ours := open_.pop(_subject(entry), None)) is not None:
            known = {it.type: it for it in entry.conditions}
            found.append(msgspec.structs.replace(ours, conditions=_timed(ours.conditions, known, now)))
    new: list[Entry] = [msgspec.structs.replace(it, conditions=_timed(it.conditions, {}, now)) for it in open_.values()]
    return tuple([*found, *new][:most])


def _subject(entry: Entry) -> Any:
    return entry.parent_ref if isinstance(entry, ParentStatus) else entry.ancestor_ref


def _timed(wanted: Iterable[Condition], known: dict[str, Condition], now: str) -> tuple[Condition, ...]:
    return tuple(_since(it, known.get(it.type), now) for it in wanted)


def _since(wanted: Condition, there: Condition | None, now: str) -> Condition:
    same = there is not None and there.status == wanted.status and there.last_transition_time
    return msgspec.structs.replace(wanted, last_transition_time=there.last_transition_time if same and there else now)
