"""One list and watch against a FakeKube: paging, resuming, relisting, silence, garbage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from sealos_gateway.kube import errors
from sealos_gateway.kube.client import Client
from sealos_gateway.kube.watch import Failed, Item, Mark, Options, Outdated, Target, Watch
from sealos_gateway.kube.wire import Bad, Gone, Put
from sealos_gateway.resources import kinds
from tests.fake_clock import FakeClock, eventually
from tests.fakes import FakeKube
from tests.kube import cluster

PAGES = Options(stream=False, page=2)


class Followed:
    """What came so far, as short words."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.errors: list[errors.ApiError] = []

    def take(self, item: Item) -> None:
        match item:
            case Mark():
                self.words.append(item.name)
            case Failed(error):
                self.errors.append(error)
                self.words.append(error.reason)
            case Outdated(version):
                self.words.append(version)
            case changes:
                for change in changes:
                    mark = {Put: "+", Gone: "-", Bad: "!"}[type(change)]
                    self.words.append(mark + change.ref.name)

    def since(self, word: str) -> list[str]:
        """What came after the last such word."""
        return self.words[len(self.words) - self.words[::-1].index(word) :]


@asynccontextmanager
async def following(
    kube: FakeKube, clock: FakeClock | None = None, options: Options = PAGES, target: Target | None = None
) -> AsyncIterator[Followed]:
    clock = clock or FakeClock(skip=20)
    followed = Followed()

    async def follow(api: Client) -> None:
        watch = Watch(api, target or Target(kinds.SERVICE), clock, options)
        async with aclosing(watch.follow()) as items:
            async for item in items:
                followed.take(item)

    async with cluster.client_of(kube, clock) as api, cluster.task(follow(api)):
        yield followed


async def until_watched(kube: FakeKube, times: int = 1) -> None:
    await eventually(lambda: kube.watches("services") == times)


def put(kube: FakeKube, *names: str, **labels: str) -> None:
    for name in names:
        kube.put("services", cluster.service(name, **labels))


async def test_pages_then_changes(kube: FakeKube) -> None:
    put(kube, "a", "b", "c", "d", "e")
    async with following(kube) as followed:
        await until_watched(kube)
        assert followed.words == ["LISTING", "+a", "+b", "+c", "+d", "+e", "LISTED"]
        assert [it.query.get("limit") for it in kube.requests] == ["2", "2", "2", None]
        put(kube, "f", "a")
        kube.delete("services", "shop", "b")
        await eventually(lambda: followed.since("LISTED") == ["+f", "+a", "-b"])


async def test_what_happens_between_list_and_watch_is_not_lost(kube: FakeKube) -> None:
    kube.fail("watch=true", 503)
    async with following(kube, clock := FakeClock()) as followed:
        await eventually(lambda: clock.sleeping)
        put(kube, "late")
        clock.advance(1)
        await eventually(lambda: "+late" in followed.words)
    assert followed.words.count("LISTING") == 1


async def test_a_streamed_list(kube: FakeKube) -> None:
    put(kube, "a", "b", "c")
    async with following(kube, options=Options()) as followed:
        await eventually(lambda: "LISTED" in followed.words)
        assert followed.words == ["LISTING", "+a", "+b", "+c", "LISTED"]
        put(kube, "d")
        await eventually(lambda: "+d" in followed.words)
        kube.end_watches()
        await eventually(lambda: len(kube.requests) == 2)
    assert kube.requests[0].query["sendInitialEvents"] == "true"
    assert kube.requests[1].query["resourceVersion"] == str(kube.version)


async def test_an_empty_streamed_list_is_listed(kube: FakeKube) -> None:
    async with following(kube, options=Options()) as followed:
        await eventually(lambda: followed.words == ["LISTING", "LISTED"])


async def test_a_server_without_streamed_lists_is_asked_for_pages_and_this_is_no_failure(kube: FakeKube) -> None:
    kube.watch_list = False
    put(kube, "a")
    async with following(kube, options=Options()) as followed:
        await until_watched(kube)
    assert followed.words == ["LISTING", "LISTING", "+a", "LISTED"]


async def test_a_streamed_list_that_is_cut_begins_again(kube: FakeKube) -> None:
    kube.fail("sendInitialEvents", 0, times=2)
    put(kube, "a")
    async with following(kube, options=Options()) as followed:
        await until_watched(kube)
    assert followed.words == ["LISTING", "Unreachable", "LISTING", "+a", "LISTED"]


@pytest.mark.parametrize("end", ["cut", "end_watches"])
async def test_after_a_connection_the_next_goes_on_where_it_was(kube: FakeKube, end: str) -> None:
    put(kube, "a")
    async with following(kube) as followed:
        await until_watched(kube)
        put(kube, "b")
        await eventually(lambda: "+b" in followed.words)
        seen = kube.version
        getattr(kube, end)()
        put(kube, "c")
        await eventually(lambda: "+c" in followed.words)
    assert followed.words.count("LISTING") == 1
    assert kube.requests[-1].query["resourceVersion"] in (str(seen), str(seen + 1))
    assert [word for word in followed.words if word[0] == "+"] == ["+a", "+b", "+c"]


async def test_a_bookmark_saves_the_relist(kube: FakeKube) -> None:
    async with following(kube) as followed:
        await until_watched(kube)
        kube.put("ingresses", cluster.ingress())  # the version of the cluster moves on without our kind
        kube.bookmark()
        marked = kube.version
        kube.compact()
        kube.end_watches()
        await eventually(lambda: kube.requests[-1].query.get("resourceVersion") == str(marked))
        await until_watched(kube)
    assert followed.words.count("LISTING") == 1


async def test_a_history_that_is_lost_is_listed_again(kube: FakeKube) -> None:
    put(kube, "a", "b")
    async with following(kube, clock := FakeClock()) as followed:
        await until_watched(kube)
        kube.end_watches()
        await eventually(lambda: clock.sleeping)
        kube.delete("services", "shop", "a")
        put(kube, "c")
        kube.compact()
        clock.advance(20)
        await eventually(lambda: clock.sleeping)
        clock.advance(20)
        await eventually(lambda: followed.words.count("LISTED") == 2)
        assert followed.since("LISTING") == ["+b", "+c", "LISTED"]
    assert not followed.errors, "losing the history is everyday life"


async def test_a_page_that_is_no_longer_kept_starts_from_the_first(kube: FakeKube) -> None:
    put(kube, "a", "b", "c")
    kube.fail("continue=", 410)
    async with following(kube) as followed:
        await until_watched(kube)
    assert followed.words == ["LISTING", "+a", "+b", "LISTING", "+a", "+b", "+c", "LISTED"]


async def test_an_error_on_a_page_starts_from_the_first(kube: FakeKube) -> None:
    put(kube, "a", "b", "c")
    kube.fail("continue=", 500)
    async with following(kube) as followed:
        await until_watched(kube)
    assert followed.words == ["LISTING", "+a", "+b", "Server", "LISTING", "+a", "+b", "+c", "LISTED"]


async def test_silence_ends_a_connection_and_a_bookmark_is_no_silence(kube: FakeKube) -> None:
    clock = FakeClock()
    async with following(kube, clock) as followed:
        await until_watched(kube)
        put(kube, "a")
        await eventually(lambda: "+a" in followed.words)
        clock.advance(149)
        put(kube, "b")
        await eventually(lambda: "+b" in followed.words)
        clock.advance(149)
        assert kube.watches() == 1
        clock.advance(1)
        await eventually(lambda: followed.errors)
        await eventually(lambda: clock.sleeping)
        clock.advance(1)
        await until_watched(kube)
        put(kube, "c")
        await eventually(lambda: "+c" in followed.words)
    assert followed.words.count("LISTING") == 1


async def test_failures_wait_longer_and_longer_and_a_good_connection_forgets_them(kube: FakeKube) -> None:
    clock = FakeClock(skip=20)
    kube.fail("watch=true", 503, times=5)
    async with following(kube, clock):
        await until_watched(kube)
        assert clock.slept == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2])
        clock.advance(10)
        kube.end_watches()
        await eventually(lambda: len(clock.slept) == 6)
        assert clock.slept[-1] == pytest.approx(0.2)


async def test_connections_that_end_at_once_do_not_spin(kube: FakeKube) -> None:
    clock = FakeClock(skip=20)
    async with following(kube, clock):
        for number in range(1, 5):
            await until_watched(kube)
            kube.end_watches()
            await eventually(lambda number=number: len(clock.slept) == number)  # type: ignore[misc]
        assert clock.slept == pytest.approx([0.2, 0.4, 0.8, 1.6])


async def test_the_server_says_when_to_come_back(kube: FakeKube) -> None:
    clock = FakeClock(skip=20)
    kube.fail("services", 429, retry_after=9)
    async with following(kube, clock) as followed:
        await until_watched(kube)
        assert clock.slept == [pytest.approx(9.9)]
    assert followed.words == ["LISTING", "TooManyRequests", "LISTING", "LISTED"]


@pytest.mark.parametrize(
    "line", [b"rubbish\n", b"{}\n", b'{"type":"NEW","object":{}}\n', b'{"type":"ADDED","object":{}}\n']
)
async def test_a_line_that_nobody_can_read_leads_to_a_new_list(kube: FakeKube, line: bytes) -> None:
    put(kube, "a")
    async with following(kube) as followed:
        await until_watched(kube)
        kube.say("services", line)
        await eventually(lambda: followed.words.count("LISTED") == 2)
        put(kube, "b")
        await eventually(lambda: "+b" in followed.words)


async def test_an_error_inside_the_stream(kube: FakeKube) -> None:
    async with following(kube) as followed:
        await until_watched(kube)
        kube.say("services", b'{"type":"ERROR","object":{"code":500,"message":"etcd is ill"}}\n')
        await eventually(lambda: followed.errors)
        await until_watched(kube)
    assert str(followed.errors[0]) == "etcd is ill"
    assert followed.words.count("LISTING") == 1


async def test_a_slow_line_is_put_together(kube: FakeKube) -> None:
    line = b'{"type":"ADDED","object":{"metadata":{"name":"slow","namespace":"shop","resourceVersion":"900"}}}\n'
    async with following(kube) as followed:
        await until_watched(kube)
        kube.say("services", *(line[place : place + 7] for place in range(0, len(line), 7)))
        await eventually(lambda: "+slow" in followed.words)


async def test_a_line_that_was_cut_off_counts_for_nothing(kube: FakeKube) -> None:
    async with following(kube) as followed:
        await until_watched(kube)
        kube.say("services", b'{"type":"ADDED","object":{"metadata":{"name":"half","resourceVersion":"900"}')
        kube.end_watches()
        put(kube, "whole")
        await eventually(lambda: "+whole" in followed.words)
    assert "+half" not in followed.words


async def test_a_huge_object(kube: FakeKube) -> None:
    notes = {"note": "x" * 3_000_000}
    async with following(kube, target=Target(kinds.INGRESS)) as followed:
        await eventually(kube.watches)
        kube.put("ingresses", cluster.ingress("huge", annotations=notes))
        await eventually(lambda: "+huge" in followed.words)


async def test_a_bad_object_is_named_and_the_stream_goes_on_after_it(kube: FakeKube) -> None:
    kube.put("ingresses", cluster.broken_ingress("old"))
    async with following(kube, target=Target(kinds.INGRESS)) as followed:
        await eventually(kube.watches)
        kube.put("ingresses", cluster.broken_ingress("new"))
        await eventually(lambda: "!new" in followed.words)
        seen = kube.version
        kube.end_watches()
        await eventually(lambda: kube.requests[-1].query.get("resourceVersion") == str(seen))
    assert followed.words == ["LISTING", "!old", "LISTED", "!new"]


async def test_what_loses_its_label_is_gone(kube: FakeKube) -> None:
    put(kube, "a", tier="front")
    put(kube, "b")
    async with following(kube, target=Target(kinds.SERVICE, label_selector="tier=front")) as followed:
        await until_watched(kube)
        put(kube, "b", tier="front")
        put(kube, "a")
        await eventually(lambda: followed.words == ["LISTING", "+a", "LISTED", "+b", "-a"])


async def test_one_namespace_and_one_name(kube: FakeKube) -> None:
    put(kube, "a", "b")
    kube.put("services", cluster.service("a", "other"))
    target = Target(kinds.SERVICE, "shop", field_selector="metadata.name=a")
    async with following(kube, target=target) as followed:
        await until_watched(kube)
    assert followed.words == ["LISTING", "+a", "LISTED"]


async def test_while_the_server_is_away_nothing_is_forgotten(kube: FakeKube) -> None:
    async with following(kube, clock := FakeClock()) as followed:
        await until_watched(kube)
        await kube.stop()
        for number in range(1, 4):
            await eventually(lambda number=number: clock.sleeping and len(clock.slept) == number)  # type: ignore[misc]
            clock.advance(15)
        put(kube, "meanwhile")
        await kube.start(kube.port)
        await eventually(lambda: clock.sleeping)
        clock.advance(15)
        await eventually(lambda: "+meanwhile" in followed.words)
    assert followed.words.count("LISTING") == 1
    assert {error.reason for error in followed.errors} == {"Unreachable"}


async def test_watches_end_at_different_times(kube: FakeKube) -> None:
    for chance, seconds in ((0.0, "300"), (0.5, "450"), (1.0, "600")):
        async with following(kube, FakeClock(chance=chance)):
            await until_watched(kube)
            assert kube.requests[-1].query["timeoutSeconds"] == seconds
        await until_watched(kube, 0)
