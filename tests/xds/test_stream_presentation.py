"""Names answered by rows of other names (certificates by SNI), and bytes stamped on their way out."""

from typing import Any

from sealos_gateway.xds import messages
from sealos_gateway.xds.interest import Interest
from tests.xds.playbook import C, Playbook, S, ack, leave, nack, sends, want


class BySni(messages.AsIs):
    """foo.a.com is answered by its own row, else by *.a.com, else by default; secrets carry the asked name."""

    def candidates(self, type_: str, name: str) -> tuple[str, ...]:
        return (name, f"*.{name.partition('.')[2]}", "default") if type_ == S else (name,)

    def present(self, type_: str, name: str, row_name: str, body: bytes, hot: bool) -> bytes:
        stamp = f"{name}:".encode() if type_ == S else b""
        return stamp + body + (b"!" if hot else b"")


FOO, BAR, WILD = "foo.a.com", "bar.a.com", "*.a.com"


def book(**options: Any) -> Playbook:
    return Playbook(hooks=BySni(), **options)


def test_the_best_candidate_answers() -> None:
    talk = book().change(S, **{FOO: "exact", WILD: "wild", "default": "any"})
    talk >> want(S, FOO, BAR, "x.b.org")
    talk << sends(S, **{FOO: f"{FOO}:exact", BAR: f"{BAR}:wild", "x.b.org": "x.b.org:any"})


def test_the_answer_changes_when_a_better_candidate_comes_and_goes() -> None:
    talk = book().change(S, default="any")
    talk >> want(S, FOO) << sends(S, **{FOO: f"{FOO}:any"}) >> ack(S)
    talk.change(S, **{WILD: "wild"}) << sends(S, **{FOO: f"{FOO}:wild"}) >> ack(S)
    talk.change(S, default="other").quiet()
    talk.change(S, **{FOO: "exact"}) << sends(S, **{FOO: f"{FOO}:exact"}) >> ack(S)
    talk.change(S, FOO) << sends(S, **{FOO: f"{FOO}:wild"}) >> ack(S)
    talk.change(S, WILD, "default") << sends(S, FOO) >> ack(S)
    talk.change(S, default="any") << sends(S, **{FOO: f"{FOO}:any"})


def test_equal_bytes_under_another_row_name_are_another_version() -> None:
    talk = book().change(S, **{WILD: "same"})
    talk >> want(S, FOO) << sends(S, **{FOO: f"{FOO}:same"}) >> ack(S)
    before = talk.resource(S, FOO).version
    talk.change(S, **{FOO: "same"}) << sends(S, **{FOO: f"{FOO}:same"})
    assert talk.resource(S, FOO).version != before


def test_a_reconnecting_client_is_compared_with_the_presented_version() -> None:
    talk = book().change(S, **{WILD: "wild"})
    talk >> want(S, FOO) << sends(S, **{FOO: f"{FOO}:wild"}) >> ack(S)
    again = Playbook(talk.snapshot, hooks=BySni())
    (again >> want(S, FOO, holding={FOO: talk.resource(S, FOO).version})).quiet()


def test_left_names_are_not_answered_by_their_candidates() -> None:
    talk = book().change(S, **{WILD: "wild"})
    talk >> want(S, FOO, BAR) << sends(S, **{FOO: f"{FOO}:wild", BAR: f"{BAR}:wild"}) >> ack(S)
    talk >> leave(S, FOO)
    talk.change(S, **{WILD: "2"}) << sends(S, **{BAR: f"{BAR}:2"})


def test_a_refused_candidate_gives_way_to_the_next_for_who_has_nothing() -> None:
    talk = book().change(S, **{FOO: "bad", WILD: "wild"})
    talk >> want(S, FOO) << sends(S, **{FOO: f"{FOO}:bad"}) >> nack(S)
    assert [event.name for event in talk.stream.take_events() if hasattr(event, "name")] == [FOO]
    (talk << sends(S, **{FOO: f"{FOO}:wild"}) >> ack(S)).quiet()
    talk.change(S, **{FOO: "good"}) << sends(S, **{FOO: f"{FOO}:good"})


def test_events_speak_of_rows_not_of_asked_names() -> None:
    talk = book().change(S, **{WILD: "bad"})
    talk >> want(S, FOO) << sends(S, **{FOO: f"{FOO}:bad"}) >> nack(S)
    (event,) = talk.stream.take_events()
    assert getattr(event, "name", None) == WILD


def test_hot_names_are_presented_as_hot_and_under_a_version_of_their_own() -> None:
    talk = book(hot={C: frozenset({"a"})}).change(C, a="1", b="1")
    talk >> want(C) << sends(C, a="1!", b="1")
    assert talk.resource(C, "a").version != talk.resource(C, "b").version


def test_a_changed_row_costs_the_names_it_can_answer() -> None:
    talk = book().change(S, default="any")
    names = [f"h{i}.z{i}.org" for i in range(50)]
    talk >> want(S, *names, FOO)
    assert talk.pump() == [(S, 51, 0)]
    asked: list[str] = []
    subscription = talk.stream._subscriptions[S]
    newest = subscription.interest.newest
    subscription.interest.newest = lambda name: asked.append(name) or newest(name)  # type: ignore[func-returns-value, method-assign]
    talk.change(S, **{WILD: "wild"}) << sends(S, **{FOO: f"{FOO}:wild"})
    assert set(asked) == {WILD, FOO}


def test_who_has_the_best_candidate_keeps_it_when_its_change_is_refused() -> None:
    talk = book().change(S, **{FOO: "exact", WILD: "wild"})
    talk >> want(S, FOO) << sends(S, **{FOO: f"{FOO}:exact"}) >> ack(S)
    (talk.change(S, **{FOO: "bad"}) << sends(S, **{FOO: f"{FOO}:bad"}) >> nack(S)).quiet()


def test_left_names_leave_nothing_behind() -> None:
    interest = Interest(Playbook().snapshot, S, BySni(), frozenset())
    interest.subscribe(FOO)
    interest.subscribe(BAR)
    assert interest.unsubscribe(FOO)
    assert [*interest.aliases(WILD)] == [BAR]
    assert interest.unsubscribe(BAR)
    assert not interest.unsubscribe(BAR)
    assert interest._answers == {}
