"""What has not been taken yet, and what a feed makes of one stream."""

import asyncio

import pytest

from sealos_gateway.kube.errors import ForbiddenError, UnreachableError
from sealos_gateway.kube.inbox import GIVE_UP, PATIENCE, Feed, Inbox
from sealos_gateway.kube.watch import Failed, Item, Mark
from sealos_gateway.kube.wire import Bad, Gone, Put
from sealos_gateway.resources import core, kinds
from sealos_gateway.resources.meta import Identity, Ref
from sealos_gateway.resources.update import Update

NAME = ("services", "")


def put(name: str, version: str = "1") -> Put:
    row = core.Service(Identity(name, "shop", version))
    return Put(row.ref, row)


def gone(name: str) -> Gone:
    return Gone(Ref("shop", name))


def bad(name: str) -> Bad:
    return Bad(Ref("shop", name), "spec.ports", "Expected `array`")


def feed_of(inbox: Inbox, gives_up: bool = False) -> Feed:
    return Feed(NAME, kinds.SERVICE, inbox, inbox, (ForbiddenError,) if gives_up else ())


def listed(feed: Feed, *changes: Put | Bad) -> None:
    items: tuple[Item, ...] = (Mark.LISTING, list(changes), Mark.LISTED)
    for item in items:
        feed.take(item)


def words(update: Update) -> set[str]:
    return {f"+{ref.name}" for _, ref, _ in update.puts} | {f"-{ref.name}" for _, ref in update.drops}


def test_of_many_changes_to_one_object_the_last_is_taken() -> None:
    inbox = Inbox()
    feed = feed_of(inbox)
    listed(feed, put("a"), put("b"))
    feed.take([put("a", "2"), put("a", "3"), gone("b")])
    update = inbox.take()
    assert words(update) == {"+a", "-b"}
    assert update.puts[0][2].metadata.resource_version == "3"
    assert inbox.take() == Update()


async def test_complete_only_when_everything_was_heard() -> None:
    inbox = Inbox()
    feed, other = feed_of(inbox), "another"
    inbox.expect(other)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(inbox.complete())
        listed(feed, put("a"))
        await asyncio.sleep(0)
        assert not waiting.done()
        inbox.heard(other)


async def test_changed_waits_for_something_to_take() -> None:
    inbox = Inbox()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(inbox.changed())
        listed(feed_of(inbox))
        await asyncio.sleep(0)
        assert not waiting.done()
        inbox.drop(kinds.SERVICE, Ref("shop", "a"))


def test_a_second_listing_drops_what_vanished_and_repeats_nothing() -> None:
    inbox = Inbox()
    feed = feed_of(inbox)
    listed(feed, put("a"), put("b"), put("c"))
    inbox.take()
    listed(feed, put("b"), put("c", "2"), put("d"))
    assert words(inbox.take()) == {"-a", "+c", "+d"}


def test_half_a_listing_drops_nothing() -> None:
    inbox = Inbox()
    feed = feed_of(inbox)
    listed(feed, put("a"), put("b"))
    inbox.take()
    feed.take(Mark.LISTING)
    feed.take([put("a")])
    assert inbox.take() == Update()
    listed(feed, put("b"))
    assert words(inbox.take()) == {"-a"}


def test_what_came_in_half_a_listing_can_vanish_before_the_whole() -> None:
    inbox = Inbox()
    feed = feed_of(inbox)
    feed.take(Mark.LISTING)
    feed.take([put("a")])
    listed(feed, put("b"))
    assert words(inbox.take()) == {"-a", "+b"}


def test_a_bad_object_is_a_problem_and_keeps_its_last_good_version() -> None:
    inbox = Inbox()
    feed = feed_of(inbox)
    listed(feed, put("a"))
    inbox.take()
    feed.take([bad("a"), bad("new")])
    assert inbox.take() == Update()
    kept, new = sorted(feed.problems)
    assert (kept.origin.ref.name, kept.field, kept.reason) == ("a", "spec.ports", "InvalidObject")
    assert kept.message.endswith("the last good version stays")
    assert "stays" not in new.message
    listed(feed, bad("a"))
    assert inbox.take() == Update(), "also over a second listing"
    feed.take([put("a", "2"), gone("new")])
    assert feed.problems == []
    assert words(inbox.take()) == {"+a"}


def test_a_bad_object_that_vanishes_takes_its_problem_along() -> None:
    inbox = Inbox()
    feed = feed_of(inbox)
    listed(feed, put("a"))
    feed.take([bad("a")])
    inbox.take()
    listed(feed)
    assert words(inbox.take()) == {"-a"}
    assert feed.problems == []


def test_some_failures_are_everyday_life_more_are_a_problem() -> None:
    feed = feed_of(Inbox())
    for _ in range(PATIENCE - 1):
        feed.take(Failed(UnreachableError("away")))
    assert feed.problems == []
    feed.take(Failed(UnreachableError("away")))
    (problem,) = feed.problems
    assert str(problem) == "Watch services: Unreachable: away; it is waited for"
    feed.take([])
    assert feed.problems == []


@pytest.mark.parametrize("gives_up", [True, False])
async def test_what_stays_forbidden_is_waited_for_only_where_nothing_works_without(gives_up: bool) -> None:
    inbox = Inbox()
    feed = feed_of(inbox, gives_up)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(inbox.complete())
        for _ in range(GIVE_UP - 1):
            feed.take(Failed(ForbiddenError("no")))
        await asyncio.sleep(0)
        assert not waiting.done(), "a server that just started refuses what it will allow later"
        feed.take(Failed(ForbiddenError("no")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert waiting.done() is gives_up
        waiting.cancel()


def test_forgetting_a_feed_drops_its_objects() -> None:
    inbox = Inbox()
    feed = feed_of(inbox)
    listed(feed, put("a"), bad("b"))
    inbox.take()
    feed.forget()
    assert words(inbox.take()) == {"-a"}
    assert feed.problems == []
