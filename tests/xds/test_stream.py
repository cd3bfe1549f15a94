"""Dialogues: what a client says, and what the stream must answer."""

from typing import Any

import pytest

from sealos_gateway.xds.messages import Acked, Rejected, Request
from sealos_gateway.xds.snapshot import Snapshot
from tests.xds.playbook import ORDER, C, E, L, Playbook, R, S, ack, leave, nack, sends, version, want


def book(**options: Any) -> Playbook:
    return Playbook(**options)


# Who gets what


def test_the_first_request_without_names_asks_for_everything() -> None:
    talk = book().change(C, a="1", b="1")
    (talk >> want(C) << sends(C, a="1", b="1") >> ack(C)).quiet()
    talk.change(C, b="2") << sends(C, b="2") >> ack(C)
    talk.change(C, "a", c="1") << sends(C, "a", c="1")


def test_an_explicit_wildcard_with_names_gets_eager_rows_and_those_names() -> None:
    talk = book().change(C, a="1").lazily(C, cold="1", cold2="1").commit()
    talk >> want(C, "*", "cold") << sends(C, a="1", cold="1") >> ack(C)
    talk.lazily(C, cold="2", cold2="2").commit() << sends(C, cold="2")


def test_names_added_to_a_legacy_wildcard_leave_it_a_wildcard() -> None:
    talk = book().change(C, a="1").lazily(C, cold="1").commit()
    talk >> want(C) << sends(C, a="1") >> ack(C)
    talk >> want(C, "cold") << sends(C, cold="1") >> ack(C)
    talk.change(C, b="1") << sends(C, b="1")


def test_a_wildcard_added_to_names_brings_the_rest() -> None:
    talk = book().change(C, a="1", b="1")
    talk >> want(C, "a") << sends(C, a="1") >> ack(C)
    talk >> want(C, "*") << sends(C, b="1")


def test_leaving_the_wildcard_keeps_the_names() -> None:
    talk = book().change(C, a="1", b="1")
    talk >> want(C, "*", "a") << sends(C, a="1", b="1") >> ack(C)
    (talk >> leave(C, "*")).quiet()
    (talk.change(C, b="2", c="1")).quiet()
    talk.change(C, "b", a="2") << sends(C, a="2")


def test_leaving_all_names_does_not_become_a_wildcard() -> None:
    talk = book().change(C, a="1")
    talk >> want(C, "a") << sends(C, a="1") >> ack(C)
    (talk >> leave(C, "a")).change(C, a="2", b="1").quiet()


@pytest.mark.parametrize("named", [True, False])
def test_leaving_a_name_under_a_wildcard_is_answered(named: bool) -> None:
    talk = book().change(C, a="1").lazily(C, cold="1").commit()
    talk >> want(C, "*", "cold", *(("a",) if named else ())) << sends(C, a="1", cold="1") >> ack(C)
    talk >> leave(C, "a") << sends(C, a="1") >> ack(C)
    talk >> leave(C, "cold") << sends(C, "cold") >> ack(C)
    talk.lazily(C, cold="2").commit().quiet()


def test_leaving_a_name_that_is_gone_under_a_wildcard_is_answered() -> None:
    talk = book().change(C, a="1")
    talk >> want(C, "*", "nope") << sends(C, "nope", a="1") >> ack(C)
    talk >> leave(C, "nope") << sends(C, "nope")


def test_explicit_names_get_nothing_else() -> None:
    talk = book().change(E, a="1", b="1", c="1")
    talk >> want(E, "a", "b") << sends(E, a="1", b="1") >> ack(E)
    talk.change(E, b="2", c="2") << sends(E, b="2") >> ack(E)
    (talk >> leave(E, "b")).change(E, b="3").quiet()


def test_subscribing_again_sends_again() -> None:
    talk = book().change(E, a="1")
    talk >> want(E, "a") << sends(E, a="1") >> ack(E)
    talk >> want(E, "a") << sends(E, a="1")


def test_leaving_and_coming_back_sends_again() -> None:
    talk = book().change(E, a="1")
    talk >> want(E, "a") << sends(E, a="1") >> ack(E) >> leave(E, "a") >> want(E, "a") << sends(E, a="1")


def test_subscribing_again_while_the_answer_is_on_its_way_sends_again() -> None:
    talk = book().change(E, a="1")
    (talk >> want(E, "a") << sends(E, a="1") >> want(E, "a")).quiet()
    talk >> ack(E) << sends(E, a="1")


def test_leaving_while_the_answer_is_on_its_way_ends_the_interest() -> None:
    talk = book().change(E, a="1")
    talk >> want(E, "a") << sends(E, a="1") >> leave(E, "a") >> ack(E)
    talk.change(E, a="2").change(E, "a").quiet()


def test_unknown_names_are_answered_at_once_and_served_when_they_appear() -> None:
    talk = book().change(E, a="1")
    talk >> want(E, "a", "nope") << sends(E, "nope", a="1") >> ack(E)
    talk.change(E, nope="1") << sends(E, nope="1") >> ack(E)
    talk.change(E, "nope") << sends(E, "nope") >> ack(E)
    (talk.change(E, b="1")).quiet()


def test_an_empty_wildcard_gets_one_empty_answer() -> None:
    talk = book()
    (talk >> want(L) << sends(L)).quiet()
    (talk >> ack(L)).quiet()
    talk.change(L, a="1") << sends(L, a="1")


def test_a_wildcard_over_lazy_rows_alone_gets_an_empty_answer() -> None:
    talk = book().lazily(L, cold="1").commit()
    talk >> want(L) << sends(L)


def test_the_first_answer_is_not_empty_while_rows_wait_for_earlier_types() -> None:
    talk = book().change(C, c="1").change(L, l="1")
    (talk >> want(C) >> want(L) << sends(C, c="1")).quiet()
    talk >> ack(C) << sends(L, l="1")


def test_a_type_nobody_knows_is_answered_with_nothing() -> None:
    talk = book().change(C, a="1")
    (talk >> want("runtime") << sends("runtime") >> ack("runtime")).quiet()
    talk >> want("runtime", "x") << sends("runtime", "x")


def test_lazy_rows_reach_a_wildcard_only_when_hot() -> None:
    talk = book(hot={C: frozenset({"warm"})}).lazily(C, warm="1", cold="1").commit()
    talk >> want(C) << sends(C, warm="1") >> ack(C)
    talk.lazily(C, warm="2", cold="2").commit() << sends(C, warm="2")


def test_a_held_row_that_becomes_lazy_is_kept_up_to_date() -> None:
    talk = book().change(C, a="1")
    talk >> want(C) << sends(C, a="1") >> ack(C)
    talk.lazily(C, a="2").commit() << sends(C, a="2") >> ack(C)
    talk.change(C, "a") << sends(C, "a")


def test_a_removal_is_only_sent_to_those_who_have_the_name() -> None:
    talk = book().change(C, a="1").lazily(C, cold="1").commit()
    talk >> want(C) << sends(C, a="1") >> ack(C)
    talk.change(C, "cold").quiet()
    talk.change(C, short="1").change(C, "short").quiet()


def test_a_row_that_comes_back_before_its_removal_was_sent_is_not_removed() -> None:
    talk = book().change(C, a="1", b="1")
    talk >> want(C) << sends(C, a="1", b="1")
    talk.change(C, "a").change(C, a="1").change(C, "b").change(C, b="2")
    talk >> ack(C) << sends(C, b="2")


# Reconnecting


def test_a_reconnecting_wildcard_gets_only_the_difference() -> None:
    talk = book().change(C, a="1", b="2", new="1")
    held = {"a": version("1"), "b": version("1"), "gone": version("1")}
    (talk >> want(C, holding=held) << sends(C, "gone", b="2", new="1") >> ack(C)).quiet()


def test_a_reconnecting_client_that_is_up_to_date_hears_nothing() -> None:
    talk = book().change(C, a="1")
    (talk >> want(C, holding={"a": version("1")})).quiet()
    assert talk.stream.settled(1)


def test_a_reconnecting_client_with_names_gets_only_the_difference() -> None:
    talk = book().change(E, a="1", b="2", other="1")
    held = {"a": version("1"), "b": version("1"), "gone": "x", "not asked for": "x"}
    (talk >> want(E, "a", "b", "gone", "never", holding=held) << sends(E, "gone", "never", b="2") >> ack(E)).quiet()


def test_lazy_rows_held_from_before_stay_up_to_date() -> None:
    talk = book().lazily(C, a="2", b="1", cold="1").commit()
    (talk >> want(C, holding={"a": version("1"), "b": version("1")}) << sends(C, a="2") >> ack(C)).quiet()


def test_what_is_held_counts_in_the_first_request_only() -> None:
    talk = book().change(E, a="1", b="1")
    talk >> want(E, "a") << sends(E, a="1") >> ack(E)
    talk >> want(E, "b", holding={"b": version("1")}) << sends(E, b="1")


# One at a time


def test_changes_merge_while_a_response_is_in_flight() -> None:
    talk = book().change(C, a="1")
    talk >> want(C) << sends(C, a="1")
    talk.change(C, a="2", b="1").change(C, a="3", c="1").change(C, "c").quiet()
    (talk >> ack(C) << sends(C, a="3", b="1") >> ack(C)).quiet()


def test_a_stale_nonce_answers_nothing_but_its_lists_count() -> None:
    talk = book().change(E, a="1", b="1", c="1")
    talk >> want(E, "a", "b") << sends(E, a="1", b="1")
    (talk >> Request(E, subscribe=("c",), unsubscribe=("b",), nonce="older", error="no")).quiet()
    assert talk.stream.take_events() == []
    talk >> ack(E) << sends(E, c="1") >> ack(E)
    talk.change(E, b="2").quiet()


def test_an_answer_may_change_the_subscription_too() -> None:
    talk = book().change(E, a="1", b="1")
    talk >> want(E, "a") << sends(E, a="1") >> ack(E, subscribe=("b",), unsubscribe=("a",)) << sends(E, b="1")


def test_the_size_of_pieces_may_change_and_holds_from_the_next_one_on() -> None:
    sizes = {C: 3}
    talk = book(pieces=sizes).change(C, a="1", b="1", c="1", d="1", e="1", f="1")
    talk >> want(C) << sends(C, a="1", b="1", c="1")
    sizes[C] = 1
    (talk >> ack(C) << sends(C, d="1")).quiet()
    sizes[C] = 2
    (talk >> ack(C) << sends(C, e="1", f="1") >> ack(C)).quiet()
    talk.change(C, "a", "b", g="1", h="1") << sends(C, g="1", h="1") >> ack(C) << sends(C, "a", "b")


def test_large_answers_go_in_pieces_in_order_of_change() -> None:
    talk = book(pieces={C: 2}).change(C, a="1", b="1", c="1").change(C, d="1", e="1")
    talk >> want(C) << sends(C, a="1", b="1")
    (talk >> ack(C) << sends(C, c="1", d="1") >> ack(C) << sends(C, e="1") >> ack(C)).quiet()
    talk.change(C, "a", "b", "c") << sends(C, "a", "b") >> ack(C) << sends(C, "c")


def test_a_touched_row_with_equal_bytes_is_not_sent_again() -> None:
    snapshot = Snapshot(ORDER, {R: lambda name: b"same"})
    snapshot.touch(R, "a")
    snapshot.commit()
    talk = Playbook(snapshot)
    talk >> want(R, "a") << sends(R, a="same") >> ack(R)
    snapshot.touch(R, "a")
    snapshot.commit()
    talk.quiet()
    assert talk.stream.settled(2)


def test_cold_rows_are_never_rendered() -> None:
    rendered: list[str] = []

    def renderer(name: str) -> bytes:
        rendered.append(name)
        return name.encode()

    snapshot = Snapshot(ORDER, {R: renderer})
    for i in range(100):
        snapshot.touch(R, f"r{i}")
    snapshot.commit()
    talk = Playbook(snapshot)
    talk >> want(R, "*", "r7") << sends(R, r7="r7")
    assert rendered == ["r7"]


def test_a_row_that_cannot_be_rendered_is_answered_as_missing_and_harms_nobody() -> None:
    def renderer(name: str) -> bytes:
        if name == "bad":
            raise ValueError("broken")
        return b"1"

    snapshot = Snapshot(ORDER, {R: renderer})
    snapshot.touch(R, "bad")
    snapshot.touch(R, "good")
    snapshot.commit()
    talk = Playbook(snapshot)
    (talk >> want(R, "bad", "good") << sends(R, "bad", good="1") >> ack(R)).quiet()
    assert talk.stream.settled(1)


def test_a_renderer_that_finds_nothing_removes_the_row_from_its_holders() -> None:
    bodies: dict[str, bytes | None] = {"a": b"1"}
    snapshot = Snapshot(ORDER, {R: bodies.get})
    snapshot.touch(R, "a")
    snapshot.commit()
    talk = Playbook(snapshot)
    talk >> want(R, "a") << sends(R, a="1") >> ack(R)
    bodies.clear()
    snapshot.touch(R, "a")
    snapshot.commit()
    (talk << sends(R, "a") >> ack(R)).quiet()


def test_events_tell_what_was_accepted() -> None:
    talk = book().change(C, a="1", b="1")
    talk >> want(C) << sends(C, a="1", b="1") >> ack(C)
    assert talk.stream.take_events() == [Acked(C, (("a", version("1")), ("b", version("1"))))]
    assert talk.stream.take_events() == []


def test_rejections_of_nothing_are_heard_too() -> None:
    talk = book()
    (talk >> want(C) << sends(C) >> nack(C, "even this")).quiet()
    assert talk.stream.take_events() == [Rejected(C, "", "", "even this")]


def test_progress_and_rest() -> None:
    talk = book().change(C, a="1", b="1").change(S, s="1")
    assert not talk.stream.settled(0), "nobody asked for anything"
    talk >> want(C) >> want(S, "s", "t")
    talk << sends(C, a="1", b="1")
    assert talk.stream.progress()[C].busy
    assert not talk.stream.settled(1)
    talk >> ack(C) << sends(S, "t", s="1") >> ack(S)
    assert talk.stream.settled(2)
    assert talk.stream.progress()[C] == (2, 0, 2, False)
    assert talk.stream.subscribed(S) == ("s", "t")
    talk >> want(S, "s")
    assert talk.stream.subscribed(S) == ("t", "s"), "newest last"
    talk << sends(S, s="1") >> ack(S)
    talk.change(C, a="2")
    assert not talk.stream.settled(3), "not even looked at yet"
