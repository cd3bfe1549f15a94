"""What several places say of one request, as one: the more specific place first, field by field.

Changes of headers add up, the more specific ones last, so that theirs hold; times and rewrites are joined part by part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from sealos_gateway.model.policy import HeaderChanges, Policy, Rewrite, Timeouts
from sealos_gateway.translate.policies.said import Fields


def merged(places: Sequence[Iterable[tuple[str, Any]]]) -> dict[str, Any]:
    """`places` hold fields by name, the most specific place first."""
    found: dict[str, Any] = {}
    for fields in places:
        for name, value in fields:
            found[name] = _joined(found[name], value) if name in found else value
    return found


def policy(fields: dict[str, Any]) -> Policy | None:
    """The fields as a policy; None where they say nothing but what is usual."""
    made = Policy(**fields)
    return None if made == Policy() else made


def under(own: Policy | None, fields: Fields, firm: Iterable[str] = ()) -> Policy | None:
    """A policy over which `fields` win, but for those of which a policy that comes before said something."""
    before = own or Policy()
    kept = set(firm)
    said: dict[str, Any] = {}
    for name, value in fields:
        there = getattr(before, name)
        if name == "timeouts" and there is not None:
            idle = there.idle if "timeouts.idle" in kept else value.idle
            said[name] = msgspec.structs.replace(there, idle=idle)
        elif name not in kept:
            said[name] = value
    made = msgspec.structs.replace(before, **said)
    return None if made == Policy() else made


def _joined(first: Any, second: Any) -> Any:
    match first, second:
        case HeaderChanges(), HeaderChanges():
            return HeaderChanges((*second.changes, *first.changes))
        case Timeouts(), Timeouts():
            return Timeouts(*(b if a is None else a for a, b in zip(_parts(first), _parts(second), strict=True)))
        case Rewrite(), Rewrite():
            path = first if _has_path(first) else second
            return msgspec.structs.replace(path, host=first.host if first.host is not None else second.host)
    return first


def _parts(times: Timeouts) -> tuple[float | None, ...]:
    return times.request, times.attempt, times.idle


def _has_path(rewrite: Rewrite) -> bool:
    return bool(rewrite.prefix is not None or rewrite.path is not None or rewrite.pattern)
