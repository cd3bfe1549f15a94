"""Stand-ins for 'there is none', and the bound on names that a client may ask for."""

from sealos_gateway.xds.messages import AsIs, Request, Response
from sealos_gateway.xds.snapshot import Snapshot
from sealos_gateway.xds.stream import Stream

R, S = "RDS", "SDS"


class Empty(AsIs):
    """Routes that do not exist are answered with an empty body; clients make up what has no slash."""

    def invented(self, type_: str, name: str) -> bool:
        return "/" not in name

    def absent(self, type_: str, name: str) -> bytes | None:
        return b"empty" if type_ == R else None


def stream(snapshot: Snapshot, **most: int) -> Stream:
    return Stream(snapshot, hooks=Empty(), most=most)


def snapshot() -> Snapshot:
    found = Snapshot((S, R))
    found.put(R, "a", b"routes of a")
    for number in range(5):
        found.put(S, f"s{number}", b"key")
    found.commit()
    return found


def said(response: Response | None) -> tuple[dict[str, bytes], tuple[str, ...]]:
    assert response is not None
    return {resource.name: resource.body for resource in response.resources}, response.removed


def ask(talk: Stream, type_: str, *names: str) -> Response | None:
    talk.receive(Request(type_, subscribe=names))
    response = talk.next_response()
    if response:
        talk.receive(Request(type_, nonce=response.nonce))
    return response


def test_a_name_without_a_row_is_answered_with_the_stand_in() -> None:
    assert said(ask(stream(snapshot()), R, "nobody")) == ({"nobody": b"empty"}, ())


def test_a_row_that_goes_becomes_the_stand_in_and_comes_back() -> None:
    rows = snapshot()
    talk = stream(rows)
    assert said(ask(talk, R, "a")) == ({"a": b"routes of a"}, ())
    rows.drop(R, "a")
    rows.commit()
    gone = talk.next_response()
    assert said(gone) == ({"a": b"empty"}, ())
    assert gone is not None
    talk.receive(Request(R, nonce=gone.nonce))
    assert talk.next_response() is None  # said once is enough
    rows.put(R, "a", b"again")
    rows.commit()
    assert said(talk.next_response()) == ({"a": b"again"}, ())


def test_types_without_a_stand_in_hear_removed() -> None:
    assert said(ask(stream(snapshot()), S, "nobody")) == ({}, ("nobody",))


def test_the_oldest_names_are_taken_away_beyond_the_bound() -> None:
    talk = stream(snapshot(), SDS=2)
    for name in ("s0", "s1"):
        assert said(ask(talk, S, name)) == ({name: b"key"}, ())
    assert said(ask(talk, S, "s2")) == ({"s2": b"key"}, ("s0",))
    assert talk.subscribed(S) == ("s1", "s2")


def test_a_name_that_was_taken_away_can_be_asked_for_again() -> None:
    talk = stream(snapshot(), SDS=2)
    for name in ("s0", "s1", "s2"):
        ask(talk, S, name)
    assert said(ask(talk, S, "s0")) == ({"s0": b"key"}, ("s1",))


def test_many_names_at_once_are_bounded_too() -> None:
    talk = stream(snapshot(), SDS=2)
    resources, removed = said(ask(talk, S, *(f"s{number}" for number in range(5))))
    assert set(resources) == {"s3", "s4"}
    assert set(removed) == {"s0", "s1", "s2"}


def test_what_the_configuration_asks_for_is_never_taken_away() -> None:
    """It is asked for once, before any client comes: it would be the oldest, and never renewed again."""
    rows = snapshot()
    rows.put(S, "trust/a", b"old")
    rows.commit()
    talk = stream(rows, SDS=2)
    ask(talk, S, "trust/a")
    for number in range(5):
        ask(talk, S, f"s{number}")
    assert talk.subscribed(S) == ("trust/a", "s3", "s4")
    rows.put(S, "trust/a", b"new")
    rows.commit()
    assert said(talk.next_response()) == ({"trust/a": b"new"}, ())
