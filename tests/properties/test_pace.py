"""Whatever changes and whenever one looks: nothing is lost, removals never wait, and pushes keep their distance."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings

from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.upstream import Endpoint, EndpointSet, cannot_wait
from sealos_gateway.xds.pace import Pace

TTLS = {"x": 10.0, "y": 3.0, "z": 0.0}
#: Seconds that pass, the row that changes then, its new addresses (None: it is gone).
steps = st.tuples(
    st.sampled_from([0.0, 0.5, 1.0, 2.5, 11.0]),
    st.sampled_from([*TTLS]),
    st.none() | st.frozensets(st.sampled_from("abcd"), max_size=4),
    st.booleans(),
)


def endpoints(key: str, addresses: frozenset[str] | None) -> EndpointSet | None:
    if addresses is None:
        return None
    return EndpointSet(BackendKey("ns", key, 80), tuple(Endpoint(it, 80) for it in sorted(addresses)))


def harm(known: EndpointSet, truth: EndpointSet) -> bool:
    """Whether a request could go to an endpoint that is gone, or be refused although there is one."""
    return any(it not in truth.endpoints for it in known.endpoints) or (bool(truth.endpoints) and not known.endpoints)


class World:
    """The source, the pace and a client that gets whatever is published, on a clock of its own."""

    def __init__(self) -> None:
        self.pace: Pace[str, EndpointSet] = Pace(cannot_wait)
        self.now = 0.0
        self.truth: dict[str, EndpointSet | None] = dict.fromkeys(TTLS)
        self.client: dict[str, EndpointSet | None] = dict.fromkeys(TTLS)
        self.pushed_at: dict[str, float] = {}
        self.newer_since: dict[str, float] = {}

    def change(self, key: str, row: EndpointSet | None) -> None:
        if row != self.truth[key]:
            self.truth[key] = row
            self.pace.offer(key, row)

    def release(self) -> None:
        published = self.pace.release(self.now, TTLS.__getitem__)
        for key, row in published.items():
            self._may_be_pushed(key, row)
            self.client[key] = row
            self.pushed_at[key] = self.now
        for key in TTLS:
            self._holds(key)

    def _may_be_pushed(self, key: str, row: EndpointSet | None) -> None:
        assert row == self.truth[key], "only the newest state is ever published"
        known, distance = self.client[key], self.now - self.pushed_at.get(key, float("-inf"))
        must = known is None or row is None or harm(known, row)
        assert must or distance >= TTLS[key], "an addition came before its time"

    def _holds(self, key: str) -> None:
        known, truth = self.client[key], self.truth[key]
        if known == truth:
            self.newer_since.pop(key, None)
            return
        assert known is not None
        assert truth is not None
        assert not harm(known, truth), "a removal waits, or a backend with endpoints looks empty"
        assert self.pace.published(key) == known, "a client that connects now would get something else"
        since = self.newer_since.setdefault(key, self.now)
        assert self.now - since < TTLS[key], "held back longer than the time to live"
        assert self.pace.due is not None
        assert self.pace.due <= self.pushed_at[key] + TTLS[key], "nobody would look in time"

    def wait(self, seconds: float) -> None:
        """Let time pass, looking whenever the pace wants it."""
        until = self.now + seconds
        while (due := self.pace.due) is not None and due <= until:
            self.now = max(self.now, due)
            self.release()
        self.now = until


@given(st.lists(steps, max_size=40))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_what_clients_know(history: list[tuple[float, str, frozenset[str] | None, bool]]) -> None:
    world = World()
    for seconds, key, addresses, look in history:
        world.wait(seconds)
        world.change(key, endpoints(key, addresses))
        if look:
            world.release()
    world.release()
    world.wait(max(TTLS.values()))
    assert world.client == world.truth, "the last state was lost"
    world.wait(2 * max(TTLS.values()))
    pace = world.pace
    assert (pace.due, pace.waiting, pace.held()) == (None, 0, 0), "at rest means at rest"
    assert pace.changes == pace.pushes + pace.saved
    assert pace.saved >= 0
