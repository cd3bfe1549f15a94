"""Refusals: one bad resource holds nothing back, is never sent in a loop, and is known by name."""

from sealos_gateway.xds.messages import Acked, Rejected
from sealos_gateway.xds.snapshot import Snapshot
from tests.xds.playbook import ORDER, C, E, Playbook, R, ack, leave, nack, sends, version, want


def apply_verdicts(talk: Playbook) -> None:
    """What the server does with events."""
    for event in talk.stream.take_events():
        if isinstance(event, Rejected):
            talk.snapshot.reject(event.type, event.name, event.version)
        else:
            for name, accepted in event.rows:
                talk.snapshot.accept(event.type, name, accepted)


def until_quiet(talk: Playbook, bad: str = "bad") -> list[tuple[int, bool]]:
    """Refuse every response that has a bad body. Returns (resources, refused) of each response."""
    log = []
    while (response := talk.stream.next_response()) is not None:
        talk.last[response.type] = response
        refused = any(resource.body == bad.encode() for resource in response.resources)
        log.append((len(response.resources), refused))
        talk >> (nack(response.type) if refused else ack(response.type))
        assert len(log) < 1000
    return log


def test_a_refused_resource_is_reported_and_not_sent_again() -> None:
    talk = Playbook().change(C, a="bad")
    (talk >> want(C) << sends(C, a="bad") >> nack(C, "no such filter")).quiet()
    assert talk.stream.take_events() == [Rejected(C, "a", version("bad"), "no such filter")]
    talk.change(C, b="1") << sends(C, b="1") >> ack(C)
    talk.change(C, a="good") << sends(C, a="good")


def test_an_empty_message_is_a_refusal_too() -> None:
    talk = Playbook().change(C, a="bad")
    (talk >> want(C) << sends(C, a="bad") >> nack(C, "")).quiet()
    assert talk.stream.take_events() == [Rejected(C, "a", version("bad"), "")]


def test_one_bad_resource_among_many_is_found_and_the_others_arrive() -> None:
    talk = Playbook().stage(C, **{f"n{i}": "1" for i in range(100)}).stage(C, n42="bad").commit()
    talk >> want(C)
    log = until_quiet(talk)
    assert log[0] == (100, True)
    assert len(log) <= 2 * 7 + 1
    events = talk.stream.take_events()
    assert [event.name for event in events if isinstance(event, Rejected)] == ["n42"]
    accepted = {name for event in events if isinstance(event, Acked) for name, _ in event.rows}
    assert accepted == {f"n{i}" for i in range(100)} - {"n42"}


def test_several_bad_resources_are_all_found() -> None:
    talk = Playbook().stage(C, **{f"n{i}": "bad" if i % 3 == 0 else "1" for i in range(10)}).commit()
    talk >> want(C)
    until_quiet(talk)
    rejected = {event.name for event in talk.stream.take_events() if isinstance(event, Rejected)}
    assert rejected == {"n0", "n3", "n6", "n9"}
    assert talk.stream.settled(1)


def test_halves_take_changes_made_meanwhile() -> None:
    talk = Playbook().change(C, a="bad", b="1")
    talk >> want(C) << sends(C, a="bad", b="1")
    talk.change(C, a="good")
    (talk >> nack(C) << sends(C, a="good") >> ack(C) << sends(C, b="1") >> ack(C)).quiet()


def test_what_a_refused_response_may_have_left_behind_is_removed() -> None:
    talk = Playbook().change(C, a="bad", b="1")
    talk >> want(C) << sends(C, a="bad", b="1")
    talk.change(C, "b")
    talk >> nack(C) << sends(C, a="bad") >> nack(C) << sends(C, "b")


def test_what_a_refused_response_may_have_changed_is_set_back() -> None:
    talk = Playbook().change(C, a="1", b="1")
    talk >> want(C) << sends(C, a="1", b="1") >> ack(C)
    talk.change(C, a="2", b="bad") << sends(C, a="2", b="bad")
    talk.change(C, a="1")
    talk >> nack(C) << sends(C, a="1")


def test_removals_of_a_refused_response_count_as_sent() -> None:
    talk = Playbook().change(C, a="1")
    talk >> want(C) << sends(C, a="1") >> ack(C)
    (talk.change(C, "a", b="bad") << sends(C, "a", b="bad") >> nack(C)).quiet()


def test_a_refused_row_the_client_never_had_is_not_removed() -> None:
    talk = Playbook().change(C, a="bad")
    (talk >> want(C) << sends(C, a="bad") >> nack(C)).change(C, "a").quiet()


def test_a_refused_row_the_client_had_before_is_removed() -> None:
    talk = Playbook().change(C, a="1")
    talk >> want(C) << sends(C, a="1") >> ack(C)
    talk.change(C, a="bad") << sends(C, a="bad") >> nack(C)
    talk.change(C, "a") << sends(C, "a")


def test_going_back_to_what_the_client_kept_sends_nothing() -> None:
    talk = Playbook().change(C, a="1")
    talk >> want(C) << sends(C, a="1") >> ack(C)
    talk.change(C, a="bad") << sends(C, a="bad") >> nack(C)
    talk.change(C, a="1").quiet()


def test_a_refused_version_is_tried_again_after_the_row_was_something_else() -> None:
    talk = Playbook().change(C, a="1")
    talk >> want(C) << sends(C, a="1") >> ack(C)
    (talk.change(C, a="bad") << sends(C, a="bad") >> nack(C)).quiet()
    talk.change(C, a="1").quiet()
    talk.change(C, a="bad") << sends(C, a="bad")


def test_touching_without_changing_does_not_send_the_refused_bytes_again() -> None:
    snapshot = Snapshot(ORDER, {R: lambda name: b"bad"})
    talk = Playbook(snapshot)
    snapshot.touch(R, "a")
    talk.commit()
    (talk >> want(R, "a") << sends(R, a="bad") >> nack(R) << sends(R, "a") >> ack(R)).quiet()
    snapshot.touch(R, "a")
    talk.commit().quiet()


def test_asking_again_for_a_refused_row_is_answered_with_no() -> None:
    talk = Playbook().change(E, a="bad")
    talk >> want(E, "a") << sends(E, a="bad") >> nack(E) << sends(E, "a") >> ack(E)
    (talk >> want(E, "a") << sends(E, "a") >> ack(E)).quiet()


def test_leaving_a_refused_name_forgets_the_refusal() -> None:
    talk = Playbook().change(E, a="bad")
    talk >> want(E, "a") << sends(E, a="bad") >> nack(E) << sends(E, "a") >> ack(E)
    talk >> leave(E, "a") >> want(E, "a") << sends(E, a="bad")


def test_a_client_that_has_nothing_gets_the_last_good_state_after_refusing_the_new_one() -> None:
    talk = Playbook().change(C, a="1")
    talk.snapshot.accept(C, "a", version("1"))
    talk.change(C, a="bad")
    talk >> want(C) << sends(C, a="bad") >> nack(C)
    apply_verdicts(talk)
    (talk << sends(C, a="1") >> ack(C)).quiet()


def test_new_clients_get_the_last_good_state_and_those_that_have_it_nothing() -> None:
    first = Playbook().change(C, a="1")
    first >> want(C) << sends(C, a="1") >> ack(C)
    apply_verdicts(first)
    first.change(C, a="bad") << sends(C, a="bad") >> nack(C)
    apply_verdicts(first)
    first.quiet()
    second = Playbook(first.snapshot)
    second >> want(C) << sends(C, a="1")
    first.change(C, a="2") << sends(C, a="2")


def test_a_row_without_a_good_state_is_withheld_from_others() -> None:
    first = Playbook().change(C, a="bad", b="1")
    first >> want(C)
    until_quiet(first)
    apply_verdicts(first)
    second = Playbook(first.snapshot)
    (second >> want(C) << sends(C, b="1") >> ack(C)).quiet()
    assert second.stream.settled(1)
    second >> want(C, "a") << sends(C, "a")


def test_refusing_what_was_left_meanwhile_changes_nothing() -> None:
    talk = Playbook().change(E, a="bad")
    talk >> want(E, "a") << sends(E, a="bad") >> leave(E, "a") >> nack(E)
    talk.change(E, a="2").quiet()


def test_a_bad_resource_found_among_others_leaves_what_the_client_had() -> None:
    talk = Playbook().change(C, a="1")
    talk >> want(C) << sends(C, a="1") >> ack(C)
    talk.change(C, a="bad", b="1")
    until_quiet(talk)
    talk.change(C, a="1").quiet()


def test_a_bad_resource_found_among_others_that_the_client_never_had_is_not_removed() -> None:
    talk = Playbook().change(C, a="bad", b="1")
    talk >> want(C)
    until_quiet(talk)
    talk.change(C, "a").quiet()


def test_a_row_dropped_while_its_refusal_is_on_its_way_is_not_removed() -> None:
    talk = Playbook().change(C, a="bad")
    talk >> want(C) << sends(C, a="bad")
    talk.change(C, "a").quiet()
    (talk >> nack(C)).quiet()


def test_a_refused_row_that_went_and_came_back_is_tried_again() -> None:
    talk = Playbook().change(E, a="bad")
    talk >> want(E, "a") << sends(E, a="bad") >> nack(E) << sends(E, "a") >> ack(E)
    talk.change(E, "a").quiet()
    talk.change(E, a="bad") << sends(E, a="bad")


def test_serving_the_fallback_does_not_forgive_the_refused_version() -> None:
    talk = Playbook().change(C, a="1")
    talk >> want(C) << sends(C, a="1") >> ack(C)
    talk.change(C, a="bad") << sends(C, a="bad") >> nack(C)
    apply_verdicts(talk)
    talk.quiet()
    talk.snapshot.accept(C, "a", version("bad"))
    (talk >> want(C, "a")).quiet()
