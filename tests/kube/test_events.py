"""Problems as Events: one per problem, on the object, announced again before it is forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sealos_gateway.kube.events import REPEAT_SECONDS, Events
from sealos_gateway.kube.writes import Writer
from sealos_gateway.model.problem import Problem
from sealos_gateway.resources.meta import Origin, Ref
from tests.fake_clock import FakeClock, eventually
from tests.fakes import FakeKube, Object
from tests.kube import cluster

WEB = Origin("Ingress", Ref("shop", "web"))


def problem(message: str = "no such Service", origin: Origin = WEB) -> Problem:
    return Problem(origin, "spec.rules[0]", "BackendNotFound", message)


@pytest.fixture
def kube(kube: FakeKube) -> FakeKube:
    kube.put("ingresses", cluster.ingress())
    return kube


class Running:
    def __init__(self, kube: FakeKube) -> None:
        self.kube = kube
        self.clock = FakeClock(skip=20)
        self.leading = True
        self.api = cluster.client_of(kube, self.clock)
        self.writer = Writer(self.api, self.clock, lambda: self.leading)
        self.events = Events(self.api, self.clock, self.writer, lambda: self.leading, "gateway-0")

    @property
    def written(self) -> list[Object]:
        return self.kube.all("events")


@asynccontextmanager
async def running(kube: FakeKube) -> AsyncIterator[Running]:
    it = Running(kube)
    async with it.api, cluster.task(it.writer.run()), cluster.task(it.events.run()):
        yield it


async def test_an_event_on_the_object_that_caused_it(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.events.report([problem()])
        await eventually(lambda: it.written)
    (event,) = it.written
    found = kube.get("ingresses", "shop", "web")
    assert found
    assert event["involvedObject"] == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "namespace": "shop",
        "name": "web",
        "uid": found["metadata"]["uid"],
    }
    assert event["metadata"]["namespace"] == "shop"
    assert (event["type"], event["reason"]) == ("Warning", "BackendNotFound")
    assert event["message"] == "spec.rules[0]: no such Service"
    assert event["source"]["component"] == "sealos-gateway"
    assert event["count"] == 1


async def test_the_same_problem_is_one_event_however_often_it_is_reported(kube: FakeKube) -> None:
    async with running(kube) as it:
        for _ in range(5):
            it.events.report([problem()])
        await eventually(lambda: it.written)
        it.events.report([])
        it.events.report([problem()])
        await eventually(lambda: it.writer.sent == 2)
        it.events.report([problem(), problem("another")])
        await eventually(lambda: len(it.written) == 2)


async def test_one_that_lasts_is_announced_again(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.events.report([problem()])
        await eventually(lambda: it.writer.sent == 1 and not len(it.writer))
        it.clock.advance(REPEAT_SECONDS)
        await eventually(lambda: it.written[0]["count"] == 2)
    (event,) = it.written
    assert event["firstTimestamp"] < event["lastTimestamp"]


async def test_one_that_is_solved_is_not(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.events.report([problem("solved"), problem("lasting")])
        await eventually(lambda: it.writer.sent == 2 and not len(it.writer))
        it.events.report([problem("lasting")])
        it.clock.advance(REPEAT_SECONDS)
        await eventually(lambda: it.writer.sent == 3 and not len(it.writer))
        assert sorted(event["count"] for event in it.written) == [1, 2]


async def test_only_the_leader_announces_and_a_new_one_announces_everything(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.leading = False
        it.events.report([problem()])
        await it.api.request("GET", "/api/v1/events")
        assert not it.written
        it.leading = True
        it.writer.wake()
        it.events.leadership_changed()
        await eventually(lambda: it.written)


async def test_what_is_no_object_or_is_gone_has_no_event(kube: FakeKube) -> None:
    async with running(kube) as it:
        setting = Origin("Setting", Ref("", "tls"))
        gone = Origin("Ingress", Ref("shop", "gone"))
        it.events.report([problem("a", setting), problem("b", gone), problem("c")])
        await eventually(lambda: it.written)
    assert [event["message"] for event in it.written] == ["spec.rules[0]: c"]


async def test_a_cluster_wide_object_has_its_event_in_default(kube: FakeKube) -> None:
    kube.put("ingressclasses", {"metadata": {"name": "sealos"}})
    async with running(kube) as it:
        it.events.report([problem(origin=Origin("IngressClass", Ref("", "sealos")))])
        await eventually(lambda: it.written)
    assert it.written[0]["metadata"]["namespace"] == "default"


async def test_while_the_server_is_away_it_is_tried_again(kube: FakeKube) -> None:
    kube.fail("ingresses", 503, times=4)
    async with running(kube) as it:
        it.events.report([problem()])
        await eventually(lambda: it.written)


async def test_a_long_message_is_cut_between_characters(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.events.report([problem("ü" * 2000)])
        await eventually(lambda: it.written)
    assert len(it.written[0]["message"].encode()) <= 1000
    assert it.written[0]["message"].endswith("ü")
    assert len(it.written[0]["metadata"]["name"]) <= 253
