"""The fleet: who is connected, how far they are, what was refused, and what a node had asked for."""

from sealos_gateway.xds.fleet import Fleet
from sealos_gateway.xds.messages import Acked, Rejected
from sealos_gateway.xds.stream import Progress
from tests.xds.playbook import C, E, Playbook, ack, leave, nack, sends, version, want


def test_a_connected_node_is_seen_as_it_is_now() -> None:
    talk, fleet = Playbook().change(C, a="1", b="1"), Fleet()
    fleet.connect("n1", talk.stream, 1)
    talk >> want(C) << sends(C, a="1", b="1")
    (node,) = fleet.nodes()
    assert (node.node, node.connected, node.since) == ("n1", True, 1)
    assert node.types == {C: Progress(0, 0, 2, True)}
    talk >> ack(C)
    (node,) = fleet.nodes()
    assert node.types == {C: Progress(1, 0, 2, False)}


def test_all_acked_needs_a_connected_stream_that_is_at_rest() -> None:
    talk, fleet = Playbook().change(C, a="1"), Fleet()
    assert not fleet.all_acked(0), "nobody is connected"
    connection = fleet.connect("n1", talk.stream, 1)
    assert not fleet.all_acked(0), "it has not asked for anything"
    talk >> want(C) << sends(C, a="1")
    assert not fleet.all_acked(1)
    talk >> ack(C)
    assert fleet.all_acked(1)
    assert not fleet.all_acked(2)
    talk >> want(E, "nope")
    assert not fleet.all_acked(1), "an answer is owed"
    talk << sends(E, "nope") >> ack(E)
    assert fleet.all_acked(1)
    fleet.disconnect(connection)
    assert not fleet.all_acked(1)


def test_asked_names_survive_until_the_next_connection_newest_last() -> None:
    talk, fleet = Playbook(), Fleet()
    connection = fleet.connect("n1", talk.stream, 0)
    talk >> want(E, "a", "b") >> want(E, "c") >> leave(E, "b") >> want(E, "a")
    assert fleet.subscribed("n1", E) == ("c", "a")
    fleet.disconnect(connection)
    assert fleet.subscribed("n1", E) == ("c", "a")
    assert fleet.subscribed("n2", E) == ()
    (node,) = fleet.nodes()
    assert not node.connected
    again = Playbook()
    fleet.connect("n1", again.stream, 0)
    assert fleet.subscribed("n1", E) == ("c", "a"), "nothing asked yet on the new stream"
    again >> want(E, "z")
    assert fleet.subscribed("n1", E) == ("z",)
    assert [node.connected for node in fleet.nodes()] == [True]


def test_the_end_of_a_half_dead_stream_does_not_overwrite_the_new_one() -> None:
    old, new, fleet = Playbook(), Playbook(), Fleet()
    first = fleet.connect("n1", old.stream, 0)
    old >> want(E, "old")
    fleet.connect("n1", new.stream, 0)
    new >> want(E, "new")
    fleet.disconnect(first)
    fleet.disconnect(first)
    assert fleet.subscribed("n1", E) == ("new",)
    assert [node.connected for node in fleet.nodes()] == [True]


def test_a_connection_that_never_asked_leaves_the_memory_of_the_one_before() -> None:
    talk, fleet = Playbook(), Fleet()
    connection = fleet.connect("n1", talk.stream, 0)
    talk >> want(E, "a")
    fleet.disconnect(connection)
    fleet.disconnect(fleet.connect("n1", Playbook().stream, 0))
    assert fleet.subscribed("n1", E) == ("a",)


def test_only_so_many_nodes_are_remembered() -> None:
    fleet = Fleet(remember=2)
    for i in range(5):
        talk = Playbook()
        connection = fleet.connect(f"n{i}", talk.stream, 0)
        talk >> want(E, "a")
        fleet.disconnect(connection)
    assert [node.node for node in fleet.nodes()] == ["n3", "n4"]
    assert (fleet.subscribed("n0", E), fleet.subscribed("n4", E)) == ((), ("a",))


def rejecting() -> tuple[Playbook, Fleet, list[int]]:
    talk, fleet, heard = Playbook().change(C, a="bad"), Fleet(), []
    fleet.on_change(lambda: heard.append(len(fleet.rejections())))
    connection = fleet.connect("n1", talk.stream, 1)
    talk >> want(C) << sends(C, a="bad") >> nack(C, "no")
    fleet.record(connection, talk.stream.take_events())
    return talk, fleet, heard


def test_a_rejection_is_listed_and_told() -> None:
    talk, fleet, heard = rejecting()
    assert fleet.rejections() == ((C, "a", version("bad"), "no", "n1"),)
    (node,) = fleet.nodes()
    assert node.last_rejection == {C: Rejected(C, "a", version("bad"), "no")}
    assert heard == [1]
    fleet.recheck(talk.snapshot)
    connection = fleet.connect("n1", Playbook().stream, 1)
    fleet.record(connection, [Rejected(C, "a", version("bad"), "no")])
    assert heard == [1], "nothing changed"


def test_a_rejection_ends_when_the_row_changes_or_goes() -> None:
    for change in (("a",), ()):
        talk, fleet, heard = rejecting()
        talk.change(C, *change, **({} if change else {"a": "good"}))
        fleet.recheck(talk.snapshot)
        assert (fleet.rejections(), heard) == ((), [1, 0])


def test_a_rejection_ends_when_the_same_node_takes_that_version_after_all() -> None:
    _, fleet, _ = rejecting()
    other = fleet.connect("n2", Playbook().stream, 1)
    fleet.record(other, [Acked(C, (("a", version("bad")),))])
    assert len(fleet.rejections()) == 1, "another node's opinion"
    same = fleet.connect("n1", Playbook().stream, 1)
    fleet.record(same, [Acked(C, (("a", "another version"),))])
    assert len(fleet.rejections()) == 1
    fleet.record(same, [Acked(C, (("a", version("bad")),))])
    assert fleet.rejections() == ()


def test_who_is_gone_refuses_nothing_any_more_and_that_is_told() -> None:
    fleet, heard = Fleet(), list[int]()
    connection = fleet.connect("n1", Playbook().stream, 1)
    fleet.record(connection, [Rejected(C, "a", "1", "no")])
    assert [it.name for it in fleet.refused(C)] == ["a"]
    assert list(fleet.refused(E)) == []
    fleet.on_change(lambda: heard.append(len(list(fleet.refused(C)))))
    fleet.disconnect(connection)
    assert heard == [0]
    assert len(fleet.rejections()) == 1, "a person still sees it"


def test_a_refusal_without_resource_is_seen_on_the_node_only() -> None:
    fleet = Fleet()
    fleet.record(fleet.connect("n1", Playbook().stream, 0), [Rejected(C, "", "", "no")])
    (node,) = fleet.nodes()
    assert (fleet.rejections(), node.last_rejection[C].message) == ((), "no")


def test_rows_that_do_not_render_are_listed_until_they_do() -> None:
    fleet = Fleet()
    fleet.unrendered(C, "a", "ValueError: x")
    assert fleet.rejections() == ((C, "a", "", "ValueError: x", ""),)
    fleet.unrendered(C, "a", None)
    assert fleet.rejections() == ()
    _, rejected, _ = rejecting()
    rejected.unrendered(C, "a", None)
    assert len(rejected.rejections()) == 1, "rendering again does not undo a refusal"
