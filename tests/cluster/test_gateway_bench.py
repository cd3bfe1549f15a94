"""The scenarios of `bench.gatewayapi`, small: what they hold for faults is none here, and times are not looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.gatewayapi import processes, propagation, route_changes
from bench.gatewayapi.__main__ import missing
from bench.gatewayapi.place import Place, place

_MISSING = missing()
pytestmark = [pytest.mark.skipif(bool(_MISSING), reason=_MISSING), pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def where() -> Iterator[Place]:
    with place() as found:
        found.backend(route_changes.PORTS)
        yield found


def test_routes_with_an_invalid_backend_beside_a_good_one_are_served_without_an_error(where: Place) -> None:
    times, errors = propagation.probes(where, 10)
    assert len(times) == 10
    assert errors == {}


def test_a_route_that_changes_back_and_forth_is_answered_all_the_while(where: Place) -> None:
    found = route_changes.flips(where, 6)
    assert set(found) == {200}
    assert found.total() > 100


def test_the_processes_of_the_data_plane_are_found_and_read(where: Place) -> None:
    found = where.data_plane()
    assert processes.reading(found.envoy).resident > 1 << 20
    assert found.received() > 0
    assert any(line.startswith("envoy_") for line in found.metrics())
