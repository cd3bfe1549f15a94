"""Addresses in the status of Ingresses: the difference, once, and never against another controller."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sealos_gateway.kube.status import LOOK_SECONDS, IngressStatus
from sealos_gateway.kube.writes import Pace, Writer
from sealos_gateway.resources.meta import Ref
from tests.fake_clock import FakeClock, eventually
from tests.fakes import FakeKube
from tests.kube import cluster

ADDRESSES = ("192.0.2.1",)
WEB = Ref("shop", "web")


class Running:
    def __init__(self, kube: FakeKube, take_over: bool) -> None:
        self.kube = kube
        self.clock = FakeClock()
        self.leading = True
        self.api = cluster.client_of(kube, self.clock)
        pace = Pace(burst=10_000)
        self.writer = Writer(self.api, self.clock, lambda: self.leading, pace)
        self.status = IngressStatus(self.api, self.clock, self.writer, lambda: self.leading, take_over=take_over)

    def want(self, name: str = "web", addresses: tuple[str, ...] = ADDRESSES) -> None:
        found = self.kube.get("ingresses", "shop", name)
        assert found
        self.status.want(Ref("shop", name), found["metadata"]["uid"], addresses)

    def lead(self, leading: bool) -> None:
        self.leading = leading
        self.writer.wake()
        self.status.leadership_changed()

    def written(self, name: str = "web") -> Any:
        found = self.kube.get("ingresses", "shop", name)
        return (found or {}).get("status", {}).get("loadBalancer", {}).get("ingress")

    async def looked(self, times: int = 1) -> None:
        await eventually(lambda: len(self.kube.asked("ingresses", "GET")) == times and not len(self.writer))


@asynccontextmanager
async def running(kube: FakeKube, take_over: bool = False) -> AsyncIterator[Running]:
    it = Running(kube, take_over)
    async with it.api, cluster.task(it.writer.run()), cluster.task(it.status.run()):
        yield it


async def test_addresses_and_names(kube: FakeKube) -> None:
    kube.put("ingresses", cluster.ingress())
    async with running(kube) as it:
        it.want(addresses=("192.0.2.1", "2001:db8::1", "lb.example.com"))
        await eventually(it.written)
    assert it.written() == [{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}, {"hostname": "lb.example.com"}]


async def test_other_fields_stay(kube: FakeKube) -> None:
    kube.put("ingresses", cluster.ingress() | {"status": {"other": {"by": "them"}}})
    kube.own("ingresses", "shop", "web", "status.other", "them")
    async with running(kube) as it:
        it.want()
        await eventually(it.written)
        found = kube.get("ingresses", "shop", "web")
        assert found
        assert found["status"]["other"] == {"by": "them"}
        assert found["spec"] == cluster.ingress()["spec"]


async def test_what_is_there_already_is_not_written(kube: FakeKube) -> None:
    there = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    for number in range(600):
        kube.put("ingresses", cluster.ingress(f"i{number}") | (there if number else {}))
    async with running(kube) as it:
        for number in range(600):
            it.want(f"i{number}")
        await eventually(lambda: it.written("i0"))
        await it.looked(2)
    assert it.writer.sent == 1


async def test_a_thousand_created_at_once_are_a_thousand_writes(kube: FakeKube) -> None:
    async with running(kube) as it:
        await it.looked()
        for number in range(1000):
            kube.put("ingresses", cluster.ingress(f"i{number}"))
            it.want(f"i{number}")
            it.want(f"i{number}")
        await eventually(lambda: all(it.written(f"i{number}") for number in range(1000)))
        await eventually(lambda: not len(it.writer))
    assert it.writer.sent == 1000


async def test_the_last_of_many_wishes_wins_also_when_it_is_the_first_again(kube: FakeKube) -> None:
    kube.put("ingresses", cluster.ingress())
    async with running(kube) as it:
        it.want()
        await eventually(it.written)
        for address in ("192.0.2.2", "192.0.2.3", "192.0.2.1"):
            it.want(addresses=(address,))
            if address == "192.0.2.2":
                await eventually(lambda: it.writer.sent == 2)
        await eventually(lambda: it.written() == [{"ip": "192.0.2.1"}] and not len(it.writer))


async def test_only_the_leader_writes_and_a_new_one_looks_first(kube: FakeKube) -> None:
    kube.put("ingresses", cluster.ingress())
    async with running(kube) as it:
        it.lead(False)
        it.want()
        await it.api.request("GET", "/api/v1/services")
        assert it.written() is None
        it.lead(True)
        await eventually(it.written)
        it.lead(False)
        it.lead(True)
        before = len(kube.asked("ingresses", "GET"))
        await eventually(lambda: len(kube.asked("ingresses", "GET")) > before)
    assert it.writer.sent == 1


async def test_another_controller_is_not_fought(kube: FakeKube) -> None:
    kube.put("ingresses", cluster.ingress() | {"status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.1"}]}}})
    kube.own("ingresses", "shop", "web", "status.loadBalancer", "nginx")
    async with running(kube) as it:
        it.want()
        await eventually(lambda: it.status.problems)
        (problem,) = it.status.problems
        assert (str(problem.origin), problem.field, problem.reason) == (
            "Ingress shop/web",
            "status.loadBalancer",
            "Conflict",
        )
        assert "nginx" in problem.message
        assert it.written() == [{"ip": "198.51.100.1"}]
        assert it.writer.sent == 1
        it.status.forget(WEB)
        assert it.status.problems == []


async def test_taking_over_is_a_setting(kube: FakeKube) -> None:
    kube.put("ingresses", cluster.ingress() | {"status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.1"}]}}})
    kube.own("ingresses", "shop", "web", "status.loadBalancer", "nginx")
    async with running(kube, take_over=True) as it:
        it.want()
        await eventually(lambda: it.written() == [{"ip": "192.0.2.1"}])


async def test_an_ingress_that_is_no_longer_ours_gets_its_status_back(kube: FakeKube) -> None:
    kube.put("ingresses", cluster.ingress())
    async with running(kube) as it:
        it.want()
        await eventually(it.written)
        it.status.give_up(WEB)
        await eventually(lambda: it.written() is None)
        it.status.give_up(WEB)
        await eventually(lambda: not len(it.writer))
    assert it.writer.sent == 2


async def test_one_that_came_after_another_of_the_same_name_is_written(kube: FakeKube) -> None:
    kube.put("ingresses", cluster.ingress())
    async with running(kube) as it:
        it.want()
        await eventually(it.written)
        kube.delete("ingresses", "shop", "web")
        kube.put("ingresses", cluster.ingress())
        it.want()
        await eventually(it.written)


async def test_one_that_is_gone_is_no_problem(kube: FakeKube) -> None:
    kube.put("ingresses", cluster.ingress())
    async with running(kube) as it:
        await it.looked()
        it.want()
        kube.delete("ingresses", "shop", "web")
        await eventually(lambda: it.writer.sent == 1 and not len(it.writer))
        assert it.status.problems == []


async def test_without_permission_there_is_one_problem_for_all(kube: FakeKube) -> None:
    kube.forbidden = lambda _place, request: request.method == "PATCH"
    for name in ("a", "b"):
        kube.put("ingresses", cluster.ingress(name))
    async with running(kube) as it:
        it.want("a")
        it.want("b")
        await eventually(lambda: it.writer.sent == 2 and not len(it.writer))
        assert [problem.reason for problem in it.status.problems] == ["Forbidden"]


async def test_what_others_changed_is_found_at_the_next_look(kube: FakeKube) -> None:
    kube.put("ingresses", cluster.ingress())
    async with running(kube) as it:
        it.want()
        await eventually(lambda: it.writer.sent == 1 and not len(it.writer))
        found = kube.get("ingresses", "shop", "web")
        assert found
        kube.put("ingresses", found | {"status": {}})
        assert it.written() is None
        it.clock.advance(LOOK_SECONDS)
        await eventually(it.written)


async def test_a_look_that_fails_is_repeated(kube: FakeKube) -> None:
    kube.put("ingresses", cluster.ingress())
    kube.fail("ingresses", 503, method="GET")
    async with running(kube) as it:
        it.want()
        await eventually(lambda: kube.requests)

        def written() -> Any:
            it.clock.advance(1)
            return it.written()

        await eventually(written)
