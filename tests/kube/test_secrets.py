"""Only the needed Secrets, by their names, within bounds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sealos_gateway.kube.inbox import GIVE_UP, Inbox
from sealos_gateway.kube.secrets import Limits, Secrets
from sealos_gateway.kube.watch import Options
from sealos_gateway.resources.meta import Ref
from sealos_gateway.resources.update import Update
from tests.fake_clock import FakeClock, eventually
from tests.fakes import FakeKube, Place, Request
from tests.kube import cluster


class Running:
    def __init__(self, secrets: Secrets, inbox: Inbox, clock: FakeClock) -> None:
        self.secrets = secrets
        self.inbox = inbox
        self.clock = clock
        self.held: dict[str, str] = {}

    def need(self, *names: str) -> None:
        for name in names:
            self.secrets.need(Ref("shop", name))

    def release(self, *names: str) -> None:
        for name in names:
            self.secrets.release(Ref("shop", name))

    def take(self) -> dict[str, str]:
        update: Update = self.inbox.take()
        for _, ref, row in update.puts:
            self.held[ref.name] = row.metadata.resource_version
        for _, ref in update.drops:
            del self.held[ref.name]
        return self.held

    def has(self, *names: str) -> bool:
        return set(self.take()) == set(names)


@asynccontextmanager
async def running(kube: FakeKube, limits: Limits | None = None) -> AsyncIterator[Running]:
    clock, inbox = FakeClock(skip=20), Inbox()
    async with cluster.client_of(kube, clock) as api:
        secrets = Secrets(api, inbox, clock, limits or Limits(least_seconds=60), Options())
        async with cluster.task(secrets.run()):
            yield Running(secrets, inbox, clock)


def put(kube: FakeKube, *names: str) -> None:
    for name in names:
        kube.put("secrets", cluster.secret(name))


def one_by_one(place: Place, request: Request) -> bool:
    """A role with `resourceNames`: lists and watches only by name."""
    return place.plural == "secrets" and not (
        place.name or request.query.get("fieldSelector", "").startswith("metadata.name=")
    )


async def test_only_what_is_needed_and_no_permission_for_more(kube: FakeKube) -> None:
    kube.forbidden = one_by_one
    put(kube, "a", "b", "c")
    async with running(kube) as it:
        it.need("a", "b", "b")
        await it.inbox.complete()
        assert it.has("a", "b")
        await eventually(lambda: kube.watches("secrets") == 2)
        put(kube, "a", "c")
        await eventually(lambda: it.take()["a"] == str(kube.version - 1))
        assert it.has("a", "b")


async def test_permission_to_get_is_enough_and_a_role_that_grows_is_noticed(kube: FakeKube) -> None:
    kube.forbidden = lambda place, request: place.plural == "secrets" and not place.name
    put(kube, "a")
    async with running(kube) as it:
        it.need("a", "late")
        await it.inbox.complete()
        assert it.has("a")
        assert it.secrets.problems == []
        put(kube, "late")
        await eventually(lambda: it.clock.sleeping)
        it.clock.advance(61)
        await eventually(lambda: it.take() and it.clock.sleeping)
        it.clock.advance(61)
        await eventually(lambda: it.has("a", "late"))
        kube.forbidden = lambda _place, _request: False
        kube.delete("secrets", "shop", "late")
        it.clock.advance(600)
        await eventually(lambda: it.clock.sleeping)
        it.clock.advance(61)
        await eventually(lambda: kube.watches("secrets"))
        put(kube, "late")
        await eventually(lambda: it.has("a", "late"))


async def test_one_that_does_not_exist_is_answered_and_waited_for(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.need("late")
        await it.inbox.complete()
        assert it.has()
        await eventually(lambda: kube.watches("secrets"))
        put(kube, "late")
        await eventually(lambda: it.has("late"))


async def test_what_is_released_is_dropped_and_its_watch_ends(kube: FakeKube) -> None:
    put(kube, "a", "b")
    async with running(kube) as it:
        it.need("a", "b")
        await eventually(lambda: it.has("a", "b") and kube.watches("secrets") == 2)
        it.release("a", "unknown")
        assert it.has("b")
        await eventually(lambda: kube.watches("secrets") == 1)
        it.need("a")
        await eventually(lambda: it.has("a", "b"))


async def test_releasing_before_the_answer_holds_nobody_up(kube: FakeKube) -> None:
    kube.fail("secrets", 503, times=1_000_000)
    async with running(kube) as it:
        it.need("a")
        it.release("a")
        await it.inbox.complete()


async def test_more_than_may_be_watched_are_read_at_once_and_then_in_turn(kube: FakeKube) -> None:
    names = [f"s{number}" for number in range(50)]
    put(kube, *names)
    async with running(kube, Limits(watches=5, least_seconds=45 * 21)) as it:
        it.need(*names)
        await it.inbox.complete()
        assert it.has(*names)
        await eventually(lambda: kube.watches("secrets") == 5)
        assert len([request for request in kube.requests if request.path.endswith(tuple(names))]) <= 50
        put(kube, "s49")
        kube.delete("secrets", "shop", "s30")

        while not (it.take()["s49"] == str(kube.version - 1) and "s30" not in it.held):
            before = len(kube.requests)
            await eventually(lambda: it.clock.sleeping)
            it.clock.advance(22)
            await eventually(lambda before=before: len(kube.requests) > before)  # type: ignore[misc]
        assert len(kube.requests) < 200


async def test_a_missing_one_takes_the_watch_of_one_that_exists(kube: FakeKube) -> None:
    put(kube, "a", "b")
    async with running(kube, Limits(watches=1, least_seconds=60)) as it:
        it.need("a")
        await eventually(lambda: it.has("a") and kube.watches("secrets") == 1)
        it.need("late")
        await eventually(lambda: "late" in kube.requests[-1].query.get("fieldSelector", "") and kube.watches("secrets"))
        put(kube, "late")
        await eventually(lambda: it.has("a", "late"))
        it.need("b")
        await eventually(lambda: it.has("a", "b", "late"))
        assert kube.watches("secrets") <= 1


async def test_a_free_watch_goes_to_one_that_waits(kube: FakeKube) -> None:
    async with running(kube, Limits(watches=1, least_seconds=60)) as it:
        it.need("first", "second")
        await it.inbox.complete()
        it.release("first")
        await eventually(lambda: kube.watches("secrets") and "second" in kube.requests[-1].query["fieldSelector"])
        put(kube, "second")
        await eventually(lambda: it.has("second"))


@pytest.mark.parametrize("watches", [0, 10])
async def test_one_that_stays_forbidden_is_a_problem_and_holds_up_nobody(kube: FakeKube, watches: int) -> None:
    def forbidden(place: Place, request: Request) -> bool:
        return "denied" in (place.name, request.query.get("fieldSelector", "").removeprefix("metadata.name="))

    kube.forbidden = forbidden
    put(kube, "a", "denied")
    async with running(kube, Limits(watches=watches, least_seconds=60)) as it:
        it.need("a", "denied")
        await it.inbox.complete()
        assert it.has("a")
        (problem,) = it.secrets.problems
        assert (problem.reason, str(problem.origin)) == ("Forbidden", "Secret shop/denied")
        assert len([request for request in kube.requests if request.path.endswith("denied")]) <= GIVE_UP
        kube.forbidden = lambda _place, _request: False

        def allowed() -> bool:
            it.clock.advance(61)
            return it.has("a", "denied") and not it.secrets.problems

        await eventually(allowed)


async def test_while_the_server_is_away_nothing_is_complete(kube: FakeKube) -> None:
    put(kube, "a")
    kube.fail("secrets", 0, times=200)
    async with running(kube, Limits(watches=0, least_seconds=60)) as it:
        it.need("a")
        await eventually(lambda: len(it.clock.slept) > 2 * GIVE_UP)
        assert it.has()
        kube.mend()
        await it.inbox.complete()
        assert it.has("a")


async def test_a_bad_secret_keeps_its_last_good_version(kube: FakeKube) -> None:
    put(kube, "a")
    async with running(kube) as it:
        it.need("a")
        await eventually(lambda: it.has("a") and kube.watches("secrets"))
        kube.put("secrets", cluster.secret("a") | {"data": "none"})
        await eventually(lambda: it.secrets.problems)
        assert it.has("a")


@pytest.mark.parametrize("name", ["a,metadata.namespace=other", "../../pods", "A", "", "a/b", "-a", "a" * 254, "ä"])
async def test_what_is_no_name_is_not_asked_for(kube: FakeKube, name: str) -> None:
    async with running(kube) as it:
        it.need(name, "good")
        await it.inbox.complete()
        it.release(name)
    assert {request.query.get("fieldSelector") for request in kube.requests} == {"metadata.name=good"}
