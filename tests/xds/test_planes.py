"""What each data plane sees of a snapshot: its own rows, all of them, and not even the names of others."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sealos_gateway.xds.planes import OWN, View
from sealos_gateway.xds.snapshot import Snapshot

C = "CDS"
A, B = "shop/a", "shop/b"
PLANES = (OWN, A, B)


def on(*planes: str) -> frozenset[str]:
    return frozenset(planes)


def filled(**placed: frozenset[str]) -> Snapshot:
    """Rows named by letter, each with its name as its body."""
    snapshot = Snapshot((C,))
    for name, planes in placed.items():
        snapshot.put(C, name, name.encode())
        snapshot.place(C, name, planes)
    snapshot.commit()
    return snapshot


def seen(snapshot: Snapshot, plane: str) -> set[str]:
    return set(View(snapshot, plane).names(C))


def test_what_is_not_placed_is_for_our_own_nodes() -> None:
    snapshot = Snapshot((C,))
    snapshot.put(C, "a", b"1")
    snapshot.commit()
    assert (seen(snapshot, OWN), seen(snapshot, A)) == ({"a"}, set())


def test_each_plane_sees_its_own() -> None:
    snapshot = filled(x=on(A), y=on(B), both=on(A, B), all=on(OWN, A, B), ours=on(OWN))
    assert seen(snapshot, OWN) == {"all", "ours"}
    assert seen(snapshot, A) == {"x", "both", "all"}
    assert seen(snapshot, B) == {"y", "both", "all"}


def test_what_is_not_seen_is_as_if_it_were_not() -> None:
    snapshot = filled(x=on(A))
    view = View(snapshot, B)
    assert view.peek(C, "x") is None
    assert view.row(C, "x") is None
    assert list(view.since(C, 0)) == []


def test_a_row_that_moves_is_new_to_one_plane_and_gone_for_the_other() -> None:
    snapshot = filled(x=on(A))
    before = snapshot.revision
    snapshot.place(C, "x", on(B))
    assert seen(snapshot, A) == {"x"}  # not before it is committed
    assert snapshot.commit()
    assert list(View(snapshot, A).since(C, before)) == ["x"]
    row = View(snapshot, A).row(C, "x")
    assert row is not None
    assert not row.alive
    assert list(View(snapshot, B).since(C, before)) == ["x"]
    row = View(snapshot, B).row(C, "x")
    assert row is not None
    assert row.body == b"x"


def test_a_place_that_is_the_same_is_no_news() -> None:
    snapshot = filled(x=on(A))
    snapshot.place(C, "x", on(A))
    assert not snapshot.commit()


def test_a_removed_row_is_removed_where_it_was_seen() -> None:
    snapshot = filled(x=on(A))
    before = snapshot.revision
    snapshot.drop(C, "x")
    snapshot.commit()
    assert list(View(snapshot, A).since(C, before)) == ["x"]
    assert list(View(snapshot, B).since(C, before)) == []


def test_nothing_is_kept_of_what_is_gone_and_heard() -> None:
    snapshot = filled(x=on(A), y=on(A))
    snapshot.drop(C, "x")
    snapshot.place(C, "y", on(OWN))
    snapshot.commit()
    snapshot.sweep(snapshot.revision)
    assert not snapshot.placement._placed[C]
    assert snapshot.placement.names(C, A) == []
    assert snapshot.placement.left(C, "y", A) == 0


CHANGES = st.one_of(
    st.tuples(st.just("put"), st.sampled_from("xyz"), st.binary(min_size=1, max_size=2)),
    st.tuples(st.just("drop"), st.sampled_from("xyz"), st.just(b"")),
    st.tuples(st.just("place"), st.sampled_from("xyz"), st.frozensets(st.sampled_from(PLANES), min_size=1)),
    st.tuples(st.just("commit"), st.just(""), st.just(b"")),
    st.tuples(st.just("look"), st.sampled_from(PLANES), st.just(b"")),
)


class Follower:
    """Holds what one plane was told, looking now and then."""

    def __init__(self, snapshot: Snapshot, plane: str) -> None:
        self.view = View(snapshot, plane)
        self.cursor = 0
        self.holds: dict[str, bytes] = {}
        self.heard: set[str] = set()

    def look(self) -> None:
        for name in list(self.view.since(C, self.cursor)):
            self.heard.add(name)
            row = self.view.row(C, name)
            if row is not None and isinstance(row.body, bytes):
                self.holds[name] = row.body
            else:
                self.holds.pop(name, None)
        self.cursor = self.view.revision


@given(st.lists(CHANGES, max_size=60))
@settings(max_examples=300)
def test_whoever_follows_holds_what_it_sees(changes: list[tuple[str, str, object]]) -> None:
    snapshot = Snapshot((C,))
    followers = {plane: Follower(snapshot, plane) for plane in PLANES}
    bodies: dict[str, bytes] = {}
    placed: dict[str, frozenset[str]] = {}
    before: dict[str, frozenset[str]] = {}
    ever: dict[str, set[str]] = {plane: set() for plane in PLANES}

    def note() -> None:
        for name in bodies:
            for plane in placed.get(name, on(OWN)):
                ever[plane].add(name)

    for kind, what, value in [*changes, ("commit", "", b""), *(("look", plane, b"") for plane in PLANES)]:
        if kind == "put":
            assert isinstance(value, bytes)
            snapshot.put(C, what, value)
            bodies[what] = value
        elif kind == "drop":
            snapshot.drop(C, what)
            bodies.pop(what, None)
            if what in before:
                placed[what] = before[what]
            else:
                placed.pop(what, None)
        elif kind == "place" and what in bodies:  # nobody places what is not there
            assert isinstance(value, frozenset)
            snapshot.place(C, what, value)
            placed[what] = value
        elif kind == "commit":
            snapshot.commit()
            before = dict(placed)
            note()
        elif kind == "look":
            followers[what].look()
    for plane, follower in followers.items():
        wanted = {name: body for name, body in bodies.items() if plane in placed.get(name, on(OWN))}
        assert follower.holds == wanted
        assert set(follower.view.names(C)) == set(wanted)
        assert follower.heard <= ever[plane]
