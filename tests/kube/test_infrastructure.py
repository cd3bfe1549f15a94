"""Objects for Gateways are applied and removed, and nothing of somebody else is touched."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sealos_gateway.kube.infrastructure import RETRY_SECONDS, Infrastructure
from sealos_gateway.kube.writes import Writer
from sealos_gateway.resources import kinds
from sealos_gateway.resources.meta import Ref
from tests.fake_clock import FakeClock, eventually
from tests.fakes import FakeKube, Object
from tests.kube import cluster

OURS = {"app.kubernetes.io/managed-by": "sealos-gateway"}
REF = Ref("shop", "edge-sealos")
KIND = kinds.OWNED_SERVICE


class Running:
    def __init__(self, kube: FakeKube) -> None:
        self.kube = kube
        self.clock = FakeClock(skip=0)
        self.api = cluster.client_of(kube, self.clock)
        self.writer = Writer(self.api, self.clock, lambda: True)
        self.infrastructure = Infrastructure(self.writer, self.clock)

    def there(self) -> Object | None:
        return self.kube.get("services", *REF)

    def problems(self) -> list[tuple[str, str]]:
        return [(str(it.origin), it.reason) for it in self.infrastructure.problems]


@asynccontextmanager
async def running(kube: FakeKube) -> AsyncIterator[Running]:
    it = Running(kube)
    async with it.api, cluster.task(it.writer.run()), cluster.task(it.infrastructure.run()):
        yield it


def body(labels: dict[str, str] = OURS, **spec: Any) -> bytes:
    metadata = {"name": REF.name, "namespace": REF.namespace, "labels": labels}
    return json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}).encode()


async def test_an_object_is_made_and_changed(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.infrastructure.apply(KIND, REF, body(type="LoadBalancer"), exists=False)
        await eventually(lambda: it.there() is not None)
        it.infrastructure.apply(KIND, REF, body(type="ClusterIP"), exists=True)
        await eventually(lambda: (it.there() or {})["spec"]["type"] == "ClusterIP")
        assert it.problems() == []
    assert [request.method for request in kube.requests] == ["GET", "PATCH", "PATCH"]  # it is looked for only once


async def test_an_object_of_somebody_else_is_not_touched(kube: FakeKube) -> None:
    foreign = {"metadata": {"name": REF.name, "namespace": REF.namespace}, "spec": {"type": "NodePort"}}
    kube.put("services", foreign)
    async with running(kube) as it:
        it.infrastructure.apply(KIND, REF, body(type="LoadBalancer"), exists=False)
        await eventually(lambda: it.problems() == [("Service shop/edge-sealos", "Conflict")])
        assert (it.there() or {})["spec"] == {"type": "NodePort"}
        kube.delete("services", *REF)
        await eventually(lambda: it.clock.sleeping == 1)
        it.clock.advance(RETRY_SECONDS)
        await eventually(lambda: it.there() is not None)
        await eventually(lambda: it.problems() == [])


async def test_one_of_ours_that_is_not_known_yet_is_taken(kube: FakeKube) -> None:
    kube.put("services", {"metadata": {"name": REF.name, "namespace": REF.namespace, "labels": OURS}, "spec": {}})
    async with running(kube) as it:
        it.infrastructure.apply(KIND, REF, body(type="LoadBalancer"), exists=False)
        await eventually(lambda: (it.there() or {})["spec"].get("type") == "LoadBalancer")


async def test_what_is_not_wanted_any_more_is_removed(kube: FakeKube) -> None:
    made = kube.put("services", {"metadata": {"name": REF.name, "namespace": REF.namespace, "labels": OURS}})
    async with running(kube) as it:
        it.infrastructure.remove(KIND, REF, made["metadata"]["uid"])
        await eventually(lambda: it.there() is None)
    (request,) = kube.requests
    assert request.method == "DELETE"


async def test_one_that_came_after_it_stays(kube: FakeKube) -> None:
    kube.put("services", {"metadata": {"name": REF.name, "namespace": REF.namespace, "labels": OURS}})
    async with running(kube) as it:
        it.infrastructure.remove(KIND, REF, "uid of another")
        await eventually(lambda: it.problems() == [("Service shop/edge-sealos", "Conflict")])
        assert it.there() is not None
        it.infrastructure.keep(KIND, REF)  # the watch told that it is another one
        assert it.problems() == []


async def test_removing_what_is_gone_is_no_problem(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.infrastructure.remove(KIND, REF, "uid")
        await eventually(lambda: bool(kube.asked(method="DELETE")))
        await eventually(lambda: not it.writer)
        assert it.problems() == []


async def test_a_refusal_is_told_and_tried_again(kube: FakeKube) -> None:
    kube.forbidden = lambda place, request: request.method == "PATCH"
    async with running(kube) as it:
        told: list[int] = []
        it.infrastructure.on_change = lambda: told.append(len(it.infrastructure.refused))
        it.infrastructure.apply(KIND, REF, body(), exists=False)
        await eventually(lambda: it.problems() == [("Service shop/edge-sealos", "Forbidden")])
        assert told == [1]
        assert it.infrastructure.refused[KIND, REF].startswith("it cannot be applied: ")
        kube.forbidden = lambda place, request: False
        await eventually(lambda: it.clock.sleeping == 1)
        it.clock.advance(RETRY_SECONDS)
        await eventually(lambda: it.there() is not None and it.problems() == [])
        assert told == [1, 0]


async def test_what_is_wanted_no_more_is_not_tried_again(kube: FakeKube) -> None:
    kube.forbidden = lambda place, request: request.method == "PATCH"
    async with running(kube) as it:
        it.infrastructure.apply(KIND, REF, body(), exists=False)
        await eventually(lambda: bool(it.problems()))
        it.infrastructure.keep(KIND, REF)
        assert it.problems() == []
        asked = len(kube.requests)
        await eventually(lambda: it.clock.sleeping == 1)
        it.clock.advance(RETRY_SECONDS)
        await eventually(lambda: it.clock.sleeping == 0)
        assert len(kube.requests) == asked


async def test_what_the_server_cannot_convert_is_told_and_tried_again_later(kube: FakeKube) -> None:
    """A profile may hold a quantity that is none, and the API server answers with 500."""
    kube.fail("services", 500, method="PATCH", times=3)
    async with running(kube) as it:
        it.infrastructure.apply(KIND, REF, body(), exists=True)
        while not it.problems():
            it.clock.advance(1)
            await it.api.request("GET", "/api/v1/configmaps")
        assert it.problems() == [("Service shop/edge-sealos", "Server")]
        await eventually(lambda: it.clock.sleeping == 1)
        it.clock.advance(RETRY_SECONDS)
        await eventually(lambda: it.there() is not None and it.problems() == [])
