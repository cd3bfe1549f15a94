"""One leader at a time, whatever the clocks say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sealos_gateway.kube.leader import Leader, Place
from tests.fake_clock import FakeClock, eventually
from tests.fakes import FakeKube, Object
from tests.kube import cluster


class Replica:
    def __init__(self, kube: FakeKube, name: str, clock: FakeClock) -> None:
        self.clock = clock
        self.told: list[bool] = []
        self.api = cluster.client_of(kube, clock)
        self.leader = Leader(self.api, clock, Place("system", "sealos-gateway", name), self.told.append)

    @property
    def leading(self) -> bool:
        return self.leader.leading


@asynccontextmanager
async def replica(kube: FakeKube, name: str = "one", clock: FakeClock | None = None) -> AsyncIterator[Replica]:
    it = Replica(kube, name, clock or FakeClock())
    async with it.api, cluster.task(it.leader.run()):
        yield it


def lease(kube: FakeKube) -> Object:
    found = kube.get("leases", "system", "sealos-gateway")
    assert found
    spec: Object = found["spec"]
    return spec


async def later(it: Replica, kube: FakeKube, seconds: float = 2.4) -> None:
    """One more turn of its loop."""
    await eventually(lambda: it.clock.sleeping)
    slept = len(it.clock.slept)
    it.clock.advance(seconds)
    await eventually(lambda: len(it.clock.slept) > slept)


async def test_the_first_one_leads_and_renews(kube: FakeKube) -> None:
    async with replica(kube) as one:
        await eventually(lambda: one.leading)
        first = dict(lease(kube))
        assert first["holderIdentity"] == "one"
        assert first["leaseDurationSeconds"] == 15
        for _ in range(10):
            await later(one, kube)
        assert one.leading
        assert lease(kube)["renewTime"] > first["renewTime"]
        assert lease(kube)["acquireTime"] == first["acquireTime"]
        assert one.told == [True]


async def test_the_second_waits_until_the_lease_did_not_change_for_its_whole_time(kube: FakeKube) -> None:
    async with replica(kube) as one:
        await eventually(lambda: one.leading)
        kube.fail("leases", 503, times=2)  # it cannot even give it back
    kube.mend()
    async with replica(kube, "two") as two:
        two.clock.time += 1_000_000  # a clock that differs counts for nothing
        for _ in range(6):
            await later(two, kube)
            assert not two.leading
        for _ in range(2):
            await later(two, kube)
        assert two.leading
        assert lease(kube)["leaseTransitions"] == 1


async def test_while_it_is_renewed_nobody_else_leads(kube: FakeKube) -> None:
    async with replica(kube) as one, replica(kube, "two") as two:
        await eventually(lambda: one.leading or two.leading)
        leader, other = (one, two) if one.leading else (two, one)
        for _ in range(12):
            await later(leader, kube)
            await later(other, kube)
            assert leader.leading
            assert not other.leading


async def test_who_cannot_renew_stops_before_another_may_begin(kube: FakeKube) -> None:
    async with replica(kube) as one:
        await eventually(lambda: one.leading)
        kube.fail("leases", 503, times=100)
        for _ in range(4):
            await later(one, kube)
        assert one.leading
        await later(one, kube)
        assert not one.leading
        assert one.told == [True, False]
        kube.mend()
        await later(one, kube)
        assert one.told == [True, False, True]


async def test_a_process_that_stood_still_does_not_think_it_leads(kube: FakeKube) -> None:
    async with replica(kube) as one:
        await eventually(lambda: one.leading)
        one.clock.time += 60
        assert not one.leading


async def test_given_back_at_the_end_it_is_free_at_once(kube: FakeKube) -> None:
    async with replica(kube) as one:
        await eventually(lambda: one.leading)
    assert one.told == [True, False]
    assert lease(kube)["holderIdentity"] == ""
    async with replica(kube, "two") as two:
        await eventually(lambda: two.leading)


async def test_of_two_that_try_together_one_wins(kube: FakeKube) -> None:
    async with replica(kube, "one") as one, replica(kube, "two") as two:
        await eventually(lambda: one.clock.sleeping and two.clock.sleeping)
        assert one.leading is not two.leading


async def test_without_permission_nobody_leads_and_nothing_breaks(kube: FakeKube) -> None:
    kube.forbidden = lambda _place, _request: True
    async with replica(kube) as one:
        await later(one, kube)
        assert not one.leading
        kube.forbidden = lambda _place, _request: False
        await later(one, kube)
        assert one.leading


async def test_a_lease_that_another_made_stays_recognisable_as_its_own(kube: FakeKube) -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "release", "uid": "1"}
    marks = {"labels": {"made-by": "somebody"}, "annotations": {"release": "gw"}, "ownerReferences": [owner]}
    metadata = {"name": "sealos-gateway", "namespace": "system", **marks}
    kube.put("leases", {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata})

    async with replica(kube) as one:
        await eventually(lambda: one.leading)
        found = kube.get("leases", "system", "sealos-gateway")
        assert found
        assert found["spec"]["holderIdentity"] == "one"
        assert {name: found["metadata"].get(name) for name in marks} == marks


async def test_a_lease_taken_by_another_meanwhile_is_lost(kube: FakeKube) -> None:
    async with replica(kube) as one:
        await eventually(lambda: one.leading)
        found = kube.get("leases", "system", "sealos-gateway")
        assert found
        kube.put("leases", found | {"spec": found["spec"] | {"holderIdentity": "two"}})
        await later(one, kube)
        assert not one.leading
