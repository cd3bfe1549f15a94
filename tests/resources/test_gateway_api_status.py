"""What is written into a status: times that stay, entries of others that stay, nothing when nothing changed."""

from __future__ import annotations

from typing import Any

import msgspec

from sealos_gateway.resources.gateway_api import status
from sealos_gateway.resources.gateway_api.gateways import (
    GatewayClassStatus,
    GatewayStatus,
    GatewayStatusAddress,
    ListenerStatus,
)
from sealos_gateway.resources.gateway_api.meta import Condition, ParentReference, ParentStatus, RouteStatus
from sealos_gateway.resources.gateway_api.policies import AncestorStatus, PolicyStatus

OURS, OTHER = "sealos.io/gateway-controller", "example.com/other"
BEFORE, NOW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def condition(type_: str = "Accepted", value: str = "True", time: str = "", generation: int = 1) -> Condition:
    return Condition(type_, value, "Reason", "", generation, time)


def parent(name: str, controller: str = OURS, *conditions: Condition) -> ParentStatus:
    return ParentStatus(ParentReference(name), controller, conditions or (condition(),))


def timed(entry: Any, time: str) -> Any:
    conditions = tuple(msgspec.structs.replace(it, last_transition_time=time) for it in entry.conditions)
    return msgspec.structs.replace(entry, conditions=conditions)


def merged(there: Any, wanted: Any) -> Any:
    return status.merged(there, wanted, OURS, NOW)


def test_a_first_status_has_the_time_of_now() -> None:
    assert merged(RouteStatus(), RouteStatus((parent("a"),))) == RouteStatus((timed(parent("a"), NOW),))


def test_nothing_is_written_twice() -> None:
    for there in (
        RouteStatus((timed(parent("a"), BEFORE), timed(parent("b", OTHER), BEFORE))),
        RouteStatus((timed(parent("b", OTHER), BEFORE), timed(parent("a"), BEFORE))),
    ):
        assert merged(there, RouteStatus((parent("a"),))) is None


def test_a_condition_that_only_says_more_keeps_its_time() -> None:
    there = RouteStatus((parent("a", OURS, condition(time=BEFORE)),))
    found = merged(there, RouteStatus((parent("a", OURS, condition(generation=2)),)))
    assert found == RouteStatus((parent("a", OURS, condition(generation=2, time=BEFORE)),))


def test_a_condition_that_turns_has_a_new_time() -> None:
    there = RouteStatus((parent("a", OURS, condition(time=BEFORE)),))
    found = merged(there, RouteStatus((parent("a", OURS, condition(value="False")),)))
    assert found == RouteStatus((parent("a", OURS, condition(value="False", time=NOW)),))


def test_entries_of_others_stay_as_they_are() -> None:
    other = timed(parent("a", OTHER), BEFORE)
    there = RouteStatus((timed(parent("gone"), BEFORE), other))
    assert merged(there, RouteStatus((parent("a"),))) == RouteStatus((other, timed(parent("a"), NOW)))
    assert merged(there, RouteStatus()) == RouteStatus((other,))


def test_two_sections_of_a_gateway_are_two_parents() -> None:
    wanted = tuple(ParentStatus(ParentReference("a", section_name=it), OURS, (condition(),)) for it in ("x", "y"))
    found = merged(RouteStatus(), RouteStatus(wanted))
    assert len(found.parents) == 2


def test_ancestors_of_policies_in_the_same_way_and_never_too_many() -> None:
    other = tuple(AncestorStatus(ParentReference(f"o{number}"), OTHER) for number in range(15))
    wanted = tuple(AncestorStatus(ParentReference(name), OURS, (condition(),)) for name in ("a", "b"))
    found = merged(PolicyStatus(other), PolicyStatus(wanted))
    assert found.ancestors[:15] == other
    assert [it.ancestor_ref.name for it in found.ancestors[15:]] == ["a"]


def test_a_gateway_keeps_conditions_of_others_and_times_of_listeners() -> None:
    address = (GatewayStatusAddress("10.0.0.1"),)
    listener = ListenerStatus("http", 1, (), (condition("Programmed"),))
    wanted = GatewayStatus(address, (condition(),), (listener,))
    first = merged(GatewayStatus(conditions=(condition("Accepted", "Unknown", BEFORE),)), wanted)
    assert first.conditions == (condition(time=NOW),)
    assert first.listeners[0].conditions[0].last_transition_time == NOW
    extra = msgspec.structs.replace(first, conditions=(condition("example.com/More", time=BEFORE), *first.conditions))
    assert merged(extra, wanted) is None
    more = msgspec.structs.replace(wanted, listeners=(msgspec.structs.replace(listener, attached_routes=2),))
    assert merged(extra, more).listeners[0].attached_routes == 2
    assert merged(extra, msgspec.structs.replace(wanted, addresses=())).addresses == ()


def test_a_class() -> None:
    wanted = GatewayClassStatus((condition(),))
    first = merged(GatewayClassStatus(), wanted)
    assert first == GatewayClassStatus((condition(time=NOW),))
    assert merged(first, wanted) is None
