"""A GatewayClass that Gateways use has our finalizer, and only then; what others put beside it stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sealos_gateway.kube.class_finalizer import NAME, ClassFinalizer
from sealos_gateway.kube.writes import Writer
from sealos_gateway.resources import kinds
from sealos_gateway.resources.gateway_api.gateways import GatewayClass
from sealos_gateway.resources.meta import Ref
from tests.fake_clock import FakeClock, eventually
from tests.fakes import FakeKube
from tests.kube import cluster

REF = Ref("", "sealos")


@pytest.fixture
def kube(kube: FakeKube) -> FakeKube:
    kube.absent.clear()
    return kube


class Running:
    def __init__(self, kube: FakeKube) -> None:
        self.kube = kube
        self.api = cluster.client_of(kube, FakeClock())
        self.writer = Writer(self.api, FakeClock(), lambda: True)
        self.finalizer = ClassFinalizer(self.writer)
        self.in_use: bool | None = False
        self.finalizer.bind(lambda _: self.in_use, lambda _: self.row())

    def row(self) -> GatewayClass | None:
        """What a watch has brought."""
        found = self.kube.get("gatewayclasses", "", "sealos")
        row = kinds.from_builtins(kinds.GATEWAY_CLASS, found) if found else None
        assert row is None or isinstance(row, GatewayClass)
        return row

    def there(self) -> list[str]:
        row = self.row()
        return list(row.metadata.finalizers) if row else []

    def use(self, in_use: bool | None) -> None:
        self.in_use = in_use
        self.finalizer.changed(REF)


@asynccontextmanager
async def running(kube: FakeKube, **metadata: object) -> AsyncIterator[Running]:
    it = Running(kube)
    kube.put("gatewayclasses", {"metadata": {"name": "sealos", **metadata}, "spec": {"controllerName": "x"}})
    async with it.api, cluster.task(it.writer.run()):
        yield it


async def test_it_comes_with_the_first_gateway_and_goes_with_the_last(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.use(False)
        it.use(True)
        await eventually(lambda: it.there() == [NAME] and len(it.writer) == 0)  # the answer comes a moment later
        sent = it.writer.sent
        it.use(True)
        assert len(it.writer) == 0
        it.use(False)
        await eventually(lambda: it.there() == [] and len(it.writer) == 0)
        assert it.writer.sent == sent + 1


async def test_a_class_of_somebody_else_is_left_alone(kube: FakeKube) -> None:
    async with running(kube, finalizers=[NAME]) as it:
        it.use(None)
        assert len(it.writer) == 0


async def test_a_class_that_is_being_deleted_gets_none(kube: FakeKube) -> None:
    async with running(kube, deletionTimestamp="2026-01-01T00:00:00Z") as it:
        it.use(True)
        assert len(it.writer) == 0


async def test_without_permission_the_class_is_named(kube: FakeKube) -> None:
    async with running(kube) as it:
        kube.fail("gatewayclasses", 403, method="PATCH")
        it.use(True)
        await eventually(lambda: it.finalizer.problems)
        (problem,) = it.finalizer.problems
        assert (str(problem.origin), problem.field) == ("GatewayClass sealos", "metadata.finalizers")
        it.use(True)
        await eventually(lambda: not it.finalizer.problems)
