"""Make before break: what must go before what, and that nobody waits for ever."""

from typing import Any

from sealos_gateway.xds.messages import Request
from tests.xds.playbook import C, E, L, Playbook, R, S, ack, leave, nack, sends, version, want

CDS_AND_EDS = frozenset({C, E})


def ready(**options: Any) -> Playbook:
    """A client that has one cluster, its endpoints, a listener and a route."""
    talk = Playbook(follows={C: E}, break_last=CDS_AND_EDS, **options)
    talk.stage(C, c="1").stage(E, c="1").stage(L, l="1").stage(R, r="1").commit()
    talk >> want(C) << sends(C, c="1") >> want(E, "c") << sends(E, c="1") >> ack(C) >> ack(E)
    talk >> want(L) << sends(L, l="1") >> ack(L) >> want(R, "r") << sends(R, r="1") >> ack(R)
    return talk.quiet()


def test_an_upsert_waits_until_earlier_types_have_its_revision() -> None:
    talk = Playbook().change(C, c="1").change(R, r="1")
    talk >> want(R, "r") << sends(R, r="1") >> ack(R) >> want(C) << sends(C, c="1") >> ack(C)
    talk.stage(R, r="2").stage(C, n="1").commit()
    (talk << sends(C, n="1")).quiet()
    talk >> ack(C) << sends(R, r="2")


def test_all_pieces_of_an_earlier_type_go_first() -> None:
    talk = Playbook(pieces={C: 1}).stage(C, a="1", b="1").stage(R, r="1").commit()
    (talk >> want(C) >> want(R) << sends(C, a="1")).quiet()
    (talk >> ack(C) << sends(C, b="1")).quiet()
    talk >> ack(C) << sends(R, r="1")


def test_an_upsert_does_not_wait_for_later_changes_of_earlier_types() -> None:
    talk = ready()
    talk.change(R, r="2").stream.catch_up()
    talk.change(C, c="2") << sends(C, c="2") << sends(E, c="1") << sends(R, r="2")


def test_types_without_a_subscription_hold_nobody_back() -> None:
    talk = Playbook().stage(C, c="1").stage(R, r="1").commit()
    talk >> want(R) << sends(R, r="1")


def test_a_change_that_was_merged_still_holds_back_what_came_with_its_first_part() -> None:
    talk = ready()
    talk.change(C, d="1") << sends(C, d="1")
    talk.stage(C, n="1").stage(R, r="2").commit().change(C, n="2")
    (talk >> ack(C) << sends(C, n="2")).quiet()
    talk >> ack(C) << sends(R, r="2")


def test_endless_churn_of_one_type_starves_no_other() -> None:
    talk = ready()
    talk.change(E, c="churn").change(R, r="2")
    talk << sends(E, c="churn")
    seen = []
    for i in range(5):
        talk.change(E, c=f"churn {i}")
        talk >> ack(E)
        while (response := talk.stream.next_response()) is not None:
            seen.append(response.type)
            talk.last[response.type] = response
    assert R in seen
    assert seen.count(E) == 5


def test_endless_questions_starve_no_change() -> None:
    talk = Playbook()
    for i in range(20):
        talk.lazily(C, **{f"cold{i}": "1"})
    talk.stage(R, r="1").commit()
    talk >> want(C, "cold0") << sends(C, cold0="1") >> ack(C) >> want(R, "r") << sends(R, r="1") >> ack(R)
    talk >> want(C, "cold1") << sends(C, cold1="1")
    talk.change(R, r="2")
    talk >> want(C, "cold2") << sends(R, r="2")


def test_a_question_about_a_new_row_holds_later_types_back() -> None:
    talk = ready()
    talk.stage(C, n="1").stage(E, n="1").stage(R, r="2").commit()
    talk << sends(C, n="1") >> want(E, "n") << sends(E, n="1")
    (talk >> ack(C)).quiet()
    talk >> ack(E) << sends(R, r="2")


def test_clusters_go_only_after_all_later_types_are_past_them() -> None:
    talk = ready()
    talk.stage(C, "c").stage(E, "c").stage(R, r="no cluster").commit()
    (talk << sends(R, r="no cluster")).quiet()
    talk >> ack(R) << sends(C, "c")
    talk << sends(E, "c") >> ack(C)
    assert not talk.stream.settled(2)
    talk >> ack(E)
    assert talk.stream.settled(2)


def test_the_removal_of_a_route_goes_before_that_of_its_cluster() -> None:
    talk = ready()
    talk.stage(C, "c").stage(R, "r").commit()
    (talk << sends(R, "r")).quiet()
    talk >> ack(R) << sends(C, "c")


def test_removals_of_other_types_wait_for_nobody() -> None:
    talk = ready()
    talk.stage(C, c="2").stage(R, "r").commit()
    talk << sends(C, c="2") << sends(E, c="1") << sends(R, "r")


def test_a_waiting_removal_holds_no_upsert_back() -> None:
    talk = ready()
    talk.stage(C, "c", n="1").stage(R, r="2").stage(L, l="2").commit()
    (talk << sends(C, n="1")).quiet()
    talk >> ack(C) << sends(L, l="2")
    talk >> ack(L) << sends(R, r="2") >> ack(R) << sends(C, "c")


def test_a_cluster_that_vanished_between_two_connections_goes_last() -> None:
    talk = Playbook(break_last=CDS_AND_EDS).change(C, c="1").change(R, r="2")
    talk >> want(R, "r", holding={"r": version("1")}) >> want(C, holding={"c": version("1"), "gone": "x"})
    (talk << sends(R, r="2")).quiet()
    talk >> ack(R) << sends(C, "gone")


def test_questions_about_unknown_names_do_not_wait() -> None:
    talk = ready()
    talk.change(R, r="2") << sends(R, r="2")
    talk >> want(E, "nope") << sends(E, "nope")


def test_endpoints_are_sent_again_right_after_their_changed_cluster() -> None:
    talk = ready()
    talk.change(C, c="2")
    (talk << sends(C, c="2") << sends(E, c="1") >> ack(E) >> ack(C)).quiet()


def test_endpoints_of_a_new_cluster_do_not_wait_for_its_acknowledgement() -> None:
    """Envoy may keep it back until the cluster is warm, and that needs the endpoints."""
    talk = ready()
    talk.stage(C, n="1").stage(E, n="1").commit()
    (talk << sends(C, n="1") >> want(E, "n") << sends(E, n="1") >> ack(E) >> ack(C)).quiet()


def test_changed_endpoints_wait_until_their_changed_cluster_is_on_the_wire() -> None:
    talk = ready()
    talk.change(C, d="1") << sends(C, d="1")
    talk.stage(C, c="2").stage(E, c="2").commit().quiet()
    talk >> ack(C) << sends(C, c="2") << sends(E, c="2")


def test_endpoints_of_a_warming_cluster_do_not_wait_for_its_next_change() -> None:
    talk = ready()
    talk.stage(C, n="1").stage(E, n="1").commit()
    talk << sends(C, n="1") >> want(E, "n")
    talk.change(C, n="2") << sends(E, n="1")


def test_a_follower_that_does_not_exist_is_not_sent_again() -> None:
    talk = Playbook(follows={C: E}).change(C, c="1")
    talk >> want(E, "c") << sends(E, "c") >> ack(E) >> want(C) << sends(C, c="1") >> ack(C)
    talk.change(C, c="2") << sends(C, c="2")
    talk.quiet()


def test_a_follower_nobody_wants_is_not_sent() -> None:
    talk = ready()
    talk >> leave(E, "c")
    talk.change(C, c="2") << sends(C, c="2")
    talk.quiet()


def test_a_refused_upsert_releases_what_waits_for_it() -> None:
    talk = ready()
    talk.stage(C, bad="1").stage(R, r="2").commit()
    talk << sends(C, bad="1") >> nack(C) << sends(R, r="2")


def test_both_rules_together_come_to_rest() -> None:
    """Everything is replaced at once: new clusters first, old ones last, and nobody waits in a circle."""
    talk = ready()
    talk.stage(C, "c", n="1").stage(E, "c", n="1").stage(S, s="1").stage(L, "l", m="1").stage(R, "r", q="1").commit()
    talk >> want(S, "s") >> want(R, "q") >> want(E, "n")
    log = talk.pump()
    removed_clusters = [i for i, (type_, _, removed) in enumerate(log) if type_ == C and removed]
    assert removed_clusters == [max(i for i, (type_, _, _) in enumerate(log) if type_ != E)]
    assert talk.stream.settled(2)
    talk.stream.receive(Request(C, nonce="late"))
    talk.quiet()


def test_a_change_seen_twice_still_holds_back_what_came_with_its_first_part() -> None:
    talk = ready()
    talk.change(C, d="1") << sends(C, d="1")
    talk.stage(C, n="1").stage(R, r="2").commit().stream.catch_up()
    talk.change(C, n="2").stream.catch_up()
    (talk >> ack(C) << sends(C, n="2")).quiet()
    talk >> ack(C) << sends(R, r="2")


def test_a_name_that_vanished_between_two_connections_goes_last() -> None:
    talk = Playbook(break_last=CDS_AND_EDS).change(R, r="2")
    talk >> want(R, "r", holding={"r": version("1")}) >> want(E, "gone", "never", holding={"gone": "x"})
    (talk << sends(E, "never") << sends(R, r="2") >> ack(E)).quiet()
    talk >> ack(R) << sends(E, "gone")


def test_a_question_whose_row_goes_before_the_answer_is_still_answered() -> None:
    talk = ready()
    talk.stage(C, n="1").stage(R, q="1").commit()
    (talk << sends(C, n="1") >> want(R, "q")).quiet()
    talk.change(R, "q") << sends(R, "q")
