"""Only the newest write per key, at a bounded rate, and only by the leader."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sealos_gateway.kube.errors import ApiError
from sealos_gateway.kube.writes import Pace, Write, Writer
from tests.fake_clock import FakeClock, eventually
from tests.fakes import FakeKube
from tests.kube import cluster


class Running:
    def __init__(self, kube: FakeKube, pace: Pace | None) -> None:
        self.kube = kube
        self.clock = FakeClock()
        self.leading = True
        self.outcomes: dict[str, ApiError | None] = {}
        self.api = cluster.client_of(kube, self.clock)
        self.writer = Writer(self.api, self.clock, lambda: self.leading, pace)

    def want(self, name: str, value: str = "x", rest: float = 0.0, tries: int = 0) -> None:
        def done(error: ApiError | None) -> None:
            self.outcomes[name] = error

        body = b'{"data":{"value":"%s"}}' % value.encode()
        path = f"/api/v1/namespaces/shop/configmaps/{name}"
        self.writer.want(name, Write(path, body, done=done, rest=rest, tries=tries))

    def value(self, name: str) -> str | None:
        found = self.kube.get("configmaps", "shop", name)
        return found["data"]["value"] if found else None


@asynccontextmanager
async def running(kube: FakeKube, pace: Pace | None = None) -> AsyncIterator[Running]:
    it = Running(kube, pace)
    async with it.api, cluster.task(it.writer.run()):
        yield it


async def test_what_is_wanted_is_applied_under_our_name_and_not_by_force(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.want("a")
        await eventually(lambda: it.outcomes == {"a": None})
    (request,) = kube.requests
    assert request.method == "PATCH"
    assert request.query == {"fieldManager": "sealos-gateway", "force": "false"}
    assert request.headers["Content-Type"] == "application/apply-patch+yaml"


async def test_of_many_for_one_key_only_the_newest_leaves(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.leading = False
        for number in range(100):
            it.want("a", str(number))
        it.want("b")
        it.writer.cancel("b")
        it.leading = True
        it.writer.wake()
        await eventually(lambda: it.value("a") == "99" and not len(it.writer))
    assert it.writer.sent == 1


async def test_who_does_not_lead_writes_nothing_until_he_does(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.leading = False
        it.want("a")
        it.writer.wake()
        await it.api.request("GET", "/api/v1/configmaps")
        assert it.value("a") is None
        it.leading = True
        it.writer.wake()
        await eventually(lambda: it.value("a"))


async def test_writes_leave_at_a_bounded_rate(kube: FakeKube) -> None:
    async with running(kube, Pace(per_second=8, burst=3, connections=2)) as it:
        for number in range(6):
            it.want(str(number))
        await eventually(lambda: it.writer.sent == 3 and it.clock.sleeping)
        it.clock.advance(0.125)
        await eventually(lambda: it.writer.sent == 4 and it.clock.sleeping)
        it.clock.advance(0.0625)
        it.clock.advance(0.0625)
        await eventually(lambda: it.writer.sent == 5)


async def test_who_rests_writes_the_first_at_once_and_then_the_newest(kube: FakeKube) -> None:
    async with running(kube) as it:
        for number in range(3):
            it.want("a", f"{number}", rest=5)
            if number == 0:
                await eventually(lambda: it.value("a") == "0")
        it.want("b")
        await eventually(lambda: it.value("b"))  # others do not wait
        assert it.value("a") == "0"
        assert len(it.writer) == 1
        it.clock.advance(4)
        it.clock.advance(1)
        await eventually(lambda: it.value("a") == "2")
        assert it.writer.sent == 3


async def test_what_is_given_up_during_a_rest_is_not_written(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.want("a", "0", rest=5)
        await eventually(lambda: it.value("a") == "0")
        it.want("a", "1", rest=5)
        it.writer.cancel("a")
        it.clock.advance(5)
        it.want("b")
        await eventually(lambda: it.value("b"))
        assert it.value("a") == "0"


async def test_a_thousand_are_written_within_five_seconds_of_the_clock(kube: FakeKube) -> None:
    async with running(kube) as it:
        began = it.clock.monotonic()
        for number in range(1000):
            it.want(str(number))
        while len(it.outcomes) < 1000:
            await eventually(lambda: it.clock.sleeping or len(it.outcomes) == 1000)
            it.clock.advance(0.05)
        assert it.clock.monotonic() - began < 5
    assert it.writer.sent == 1000


@pytest.mark.parametrize("status", [429, 503, 0])
async def test_what_passes_is_tried_again(kube: FakeKube, status: int) -> None:
    kube.fail("configmaps", status, retry_after=5 if status == 429 else 0)
    async with running(kube) as it:
        it.want("a")
        await eventually(lambda: it.clock.sleeping)
        assert it.clock.slept[-1] == pytest.approx(5.5 if status == 429 else 0.2)
        it.clock.advance(6)
        await eventually(lambda: it.outcomes == {"a": None})


async def test_what_failed_does_not_replace_what_is_wanted_since(kube: FakeKube) -> None:
    kube.fail("configmaps", 503)
    async with running(kube) as it:
        it.want("a", "old")
        await eventually(lambda: it.writer.sent == 1)
        it.want("a", "new")
        await eventually(lambda: it.clock.sleeping)
        it.clock.advance(1)
        await eventually(lambda: it.value("a") == "new")
    assert it.writer.sent == 2


async def test_many_that_fail_together_are_one_failure(kube: FakeKube) -> None:
    kube.fail("configmaps", 503, times=8)
    async with running(kube) as it:
        for number in range(8):
            it.want(str(number))
        while len(it.outcomes) < 8:
            await eventually(lambda: it.clock.sleeping or len(it.outcomes) == 8)
            it.clock.advance(0.2)
        assert max(it.clock.slept) <= 0.4


@pytest.mark.parametrize("status", [403, 404, 409, 422])
async def test_what_fails_for_good_is_told_and_not_repeated(kube: FakeKube, status: int) -> None:
    kube.fail("configmaps/a", status)
    async with running(kube) as it:
        it.want("a")
        it.want("b")
        await eventually(lambda: len(it.outcomes) == 2)
        error = it.outcomes["a"]
        assert error is not None
        assert error.status == status
        assert it.outcomes["b"] is None
    assert it.writer.sent == 2


async def test_an_object_that_the_server_fails_with_holds_nobody_else_back(kube: FakeKube) -> None:
    """An API server answers with 500 to an object that it cannot convert, as one with a quantity that is none."""
    kube.fail("configmaps/bad", 500, times=100)
    async with running(kube) as it:
        it.want("bad", tries=3)
        for number, pause in enumerate([0.2, 0.4, 0]):
            good, sent = f"good-{number}", 2 * number + 1
            await eventually(functools.partial(lambda sent: it.writer.sent == sent, sent))
            it.want(good)
            await eventually(functools.partial(it.value, good))  # the clock stands still
            it.clock.advance(pause)
        await eventually(lambda: "bad" in it.outcomes)
        error = it.outcomes["bad"]
        assert error is not None
        assert error.status == 500
        assert len(it.writer) == 0


async def test_a_server_that_fails_for_a_while_gets_the_newest_in_the_end(kube: FakeKube) -> None:
    kube.fail("configmaps/a", 500, times=5)
    async with running(kube) as it:
        it.want("a", "old")
        await eventually(lambda: it.writer.sent == 1)
        it.want("a", "new")
        while it.value("a") != "new":
            it.clock.advance(30)
            await it.api.request("GET", "/api/v1/configmaps")
    assert it.writer.sent == 6


async def test_what_is_given_up_while_the_server_fails_is_not_written(kube: FakeKube) -> None:
    kube.fail("configmaps/a", 500)
    async with running(kube) as it:
        it.want("a")
        await eventually(lambda: len(it.writer) == 1 and it.writer.sent == 1 and not it.outcomes)
        it.writer.cancel("a")
        it.clock.advance(30)
        it.want("b")
        await eventually(lambda: it.value("b"))
        assert it.value("a") is None
