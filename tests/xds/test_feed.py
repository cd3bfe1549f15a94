"""A feed sends whole revisions, differences only, and forgets what it sent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.xds.feed import Feed
from sealos_gateway.xds.messages import Request, Response
from sealos_gateway.xds.reports import REVISION, REVISIONS, Revision
from sealos_gateway.xds.snapshot import Snapshot

C, R = "clusters", "routes"


class Talk:
    """A snapshot, a feed of it, and what a relay would hold."""

    def __init__(self, **clusters: bytes) -> None:
        self.rendered = 0
        self.bodies: dict[str, bytes | None] = {}
        self.snapshot = Snapshot((C, R), {R: self._render})
        self.change(**clusters)
        self.held: dict[str, dict[str, bytes]] = {C: {}, R: {}}
        self.connect()

    def _render(self, name: str) -> bytes | None:
        self.rendered += 1
        return self.bodies[name]

    def change(self, **clusters: bytes | None) -> None:
        for name, body in clusters.items():
            if body is None:
                self.snapshot.drop(C, name)
            else:
                self.snapshot.put(C, name, body)
        self.snapshot.commit()

    def touch(self, name: str, body: bytes | None) -> None:
        self.bodies[name] = body
        self.snapshot.touch(R, name)
        self.snapshot.commit()

    def connect(self, **held: str) -> None:
        """A new stream of a relay that holds these versions of clusters."""
        self.feed = Feed(self.snapshot, "g", (C, R))
        for type_ in (C, R, REVISION):
            self.feed.receive(Request(type_, ("*",), initial_versions=held if type_ == C else {}))

    def sent(self, most: int = 1000) -> list[Response]:
        """Everything that is owed; it is also applied to what the relay holds."""
        found: list[Response] = []
        self.feed.catch_up()
        while self.feed.behind:
            if self.feed.gather(most):
                found += self.feed.responses()
        for response in found:
            if response.type != REVISION:
                self.held[response.type].update((it.name, it.body) for it in response.resources)
                for name in response.removed:
                    self.held[response.type].pop(name, None)
        return found

    def names(self) -> list[str]:
        return [it.name for response in self.sent() if response.type != REVISION for it in response.resources]


def test_everything_comes_first_and_then_the_number_of_the_revision() -> None:
    talk = Talk(a=b"1", b=b"2")
    *parts, end = talk.sent()
    assert talk.held[C] == {"a": b"1", "b": b"2"}
    assert [part.type for part in parts] == [C]
    assert REVISIONS.decode(end.resources[0].body) == Revision(1, "g")
    assert not talk.feed.behind


def test_lazy_rows_come_too_rendered_once_for_all() -> None:
    talk = Talk()
    talk.touch("r", b"x")
    talk.sent()
    talk.connect()
    talk.sent()
    assert talk.held[R] == {"r": b"x"}
    assert talk.rendered == 1


def test_afterwards_only_changes_come() -> None:
    talk = Talk(a=b"1", b=b"2")
    talk.sent()
    talk.change(b=b"3", c=b"4")
    assert sorted(talk.names()) == ["b", "c"]
    talk.change(a=None)
    (removal, _) = talk.sent()
    assert removal.removed == ("a",)


def test_a_relay_that_returns_gets_differences_and_hears_of_removals() -> None:
    talk = Talk(a=b"1", b=b"2")
    versions = {it.name: it.version for response in talk.sent() for it in response.resources if response.type == C}
    talk.change(b=b"3")
    talk.connect(**versions, gone="0")
    changed, removed = sorted(talk.sent()[:-1], key=lambda response: len(response.removed))
    assert ([it.name for it in changed.resources], removed.removed) == (["b"], ("gone",))


def test_a_relay_that_has_everything_hears_only_that() -> None:
    talk = Talk(a=b"1")
    versions = {it.name: it.version for response in talk.sent() for it in response.resources if response.type == C}
    talk.connect(**versions)
    assert [response.type for response in talk.sent()] == [REVISION]


def test_a_type_that_nobody_asked_for_is_not_sent() -> None:
    talk = Talk(a=b"1")
    talk.feed = Feed(talk.snapshot, "g", (C, R))
    talk.feed.receive(Request(R, ("*",)))
    talk.feed.receive(Request(REVISION, ("*",)))
    assert [response.type for response in talk.sent()] == [REVISION]


def test_nothing_is_sent_before_the_relay_has_said_all_it_holds() -> None:
    talk = Talk(a=b"1")
    talk.feed = Feed(talk.snapshot, "g", (C, R))
    talk.feed.receive(Request(C, ("*",)))
    assert not talk.feed.behind


def test_a_change_while_a_revision_is_gathered_becomes_part_of_it_whole() -> None:
    talk = Talk(a=b"1", b=b"1", c=b"1")
    assert not talk.feed.gather(1)
    talk.change(a=b"2", b=b"2", c=b"2")
    talk.feed.catch_up()
    (part, _) = talk.sent(most=1)
    assert {it.body for it in part.resources} == {b"2"}, "never some rows of the one and some of the other"


def test_changes_merge_while_the_relay_is_slow() -> None:
    talk = Talk(a=b"1")
    talk.sent()
    for number in range(5):
        talk.change(a=str(number + 2).encode())
        talk.feed.catch_up()
    (part, _) = talk.sent()
    assert [it.body for it in part.resources] == [b"6"]


def test_removals_are_known_after_their_tombstones_were_swept() -> None:
    talk = Talk(a=b"1")
    talk.sent()
    talk.change(a=None)
    talk.feed.catch_up()
    talk.snapshot.sweep(talk.snapshot.revision)
    assert talk.sent()[0].removed == ("a",)


def test_a_row_that_a_node_refused_comes_as_it_was_before() -> None:
    talk = Talk(a=b"good")
    talk.sent()
    talk.snapshot.accept(C, "a", talk.snapshot.peek(C, "a").version)  # type: ignore[union-attr]
    talk.change(a=b"bad")
    talk.sent()
    talk.snapshot.reject(C, "a", talk.snapshot.peek(C, "a").version)  # type: ignore[union-attr]
    talk.feed.look_again(C, "a")
    (part, _) = talk.sent()
    assert [it.body for it in part.resources] == [b"good"]


def test_a_row_without_a_good_state_is_left_as_the_relay_has_it() -> None:
    talk = Talk(a=b"bad")
    talk.sent()
    talk.snapshot.reject(C, "a", talk.snapshot.peek(C, "a").version)  # type: ignore[union-attr]
    talk.feed.look_again(C, "a")
    assert [response.type for response in talk.sent()] == [REVISION]
    talk.connect()
    assert [response.type for response in talk.sent()] == [REVISION], "a new relay does not get it"


def test_pieces_are_bounded_in_number_and_in_bytes() -> None:
    talk = Talk(**{f"n{number}": b"x" for number in range(2500)})
    assert [len(response.resources) for response in talk.sent()] == [1000, 1000, 500, 1]
    talk = Talk(**{f"n{number}": bytes([number]) * (600 << 10) for number in range(3)})
    assert [len(response.resources) for response in talk.sent()] == [1, 1, 1, 1]


def test_the_end_of_a_revision_says_how_large_pieces_for_envoy_are_as_it_is_then() -> None:
    talk, pieces = Talk(a=b"1"), {C: 7}
    talk.feed = Feed(talk.snapshot, "g", (C,), pieces)
    talk.feed.receive(Request(REVISION, ("*",)))
    pieces[C] = 9
    assert REVISIONS.decode(talk.sent()[-1].resources[0].body).pieces == {C: 9}


def test_progress_is_what_the_relay_says_of_its_envoy() -> None:
    talk = Talk(a=b"1")
    assert not talk.feed.settled(1)
    talk.feed.told(1)
    assert talk.feed.settled(1)
    assert talk.feed.progress()[C].acked == 1
    assert talk.feed.subscribed(C) == ()


STEPS = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from([b"1", b"2", None]), st.sampled_from(["go on", "gather", "send"])
    ),
    max_size=20,
)


@given(STEPS, st.integers(1, 3))
def test_whatever_happens_the_relay_ends_with_what_is_there(
    steps: list[tuple[str, bytes | None, str]], most: int
) -> None:
    talk = Talk(a=b"0")
    for name, body, then in steps:
        talk.change(**{name: body})
        talk.feed.catch_up()
        talk.snapshot.sweep(talk.snapshot.revision)
        if then == "gather":
            talk.feed.gather(most)
        elif then == "send":
            talk.sent(most)
    talk.sent()
    assert talk.held[C] == {name: talk.snapshot.peek(C, name).body for name in talk.snapshot.names(C)}  # type: ignore[union-attr]
