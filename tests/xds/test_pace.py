"""Changed rows at the pace of their time to live: each sentence of `xds.pace` as a small history."""

from __future__ import annotations

from sealos_gateway.xds.pace import Pace

TTL = 60.0


class Book:
    """A pace over sets of letters: one that is missing, and the first ones of an empty set, may not wait."""

    def __init__(self, ttl: float = TTL) -> None:
        self.pace: Pace[str, frozenset[str]] = Pace(lambda known, wanted: not known or not known <= wanted)
        self.ttl = ttl

    def at(self, now: float | None, **offered: str | None) -> dict[str, str | None]:
        """Offer letters (None: the row is gone), and what is published then."""
        for key, letters in offered.items():
            self.pace.offer(key, None if letters is None else frozenset(letters))
        found = self.pace.release(now, lambda _key: self.ttl)
        return {key: None if row is None else "".join(sorted(row)) for key, row in found.items()}

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Changes, pushes, those that wait, those that needed none."""
        return self.pace.changes, self.pace.pushes, self.pace.waiting, self.pace.saved


def test_the_first_change_goes_at_once_and_the_rest_together_at_the_end() -> None:
    book = Book()
    assert book.at(0, x="a") == {"x": "a"}
    assert book.at(1, x="ab") == {}
    assert book.at(2, x="abc") == {}
    assert book.pace.published("x") == frozenset("a")
    assert (book.pace.due, book.pace.held(), book.counts) == (60, 1, (3, 1, 2, 0))
    assert book.at(59.9) == {}
    assert book.at(60) == {"x": "abc"}
    assert book.pace.published("x") == frozenset("abc")
    assert (book.pace.due, book.pace.held(), book.counts) == (120, 0, (3, 2, 0, 1))


def test_a_removal_goes_at_once_takes_along_what_waits_and_opens_a_new_window() -> None:
    book = Book()
    book.at(0, x="ab")
    assert book.at(10, x="abc") == {}
    assert book.at(20, x="bc") == {"x": "bc"}
    assert book.at(60, x="bcd") == {}, "the window is 60 s from the last push"
    assert book.at(80) == {"x": "bcd"}


def test_the_first_endpoint_of_a_backend_without_any_goes_at_once() -> None:
    book = Book()
    assert book.at(0, x="") == {"x": ""}
    assert book.at(1, x="a") == {"x": "a"}
    assert book.at(2, x="") == {"x": ""}
    assert book.at(3, x="a") == {"x": "a"}


def test_a_backend_replaced_while_additions_wait_is_never_empty() -> None:
    book = Book()
    book.at(0, x="a")
    assert book.at(1, x="ab") == {}
    assert book.at(2, x="b") == {"x": "b"}, "not the empty set"


def test_one_that_waits_and_goes_again_is_never_told() -> None:
    book = Book()
    book.at(0, x="a")
    book.at(1, x="ab")
    assert book.at(2, x="a") == {}
    assert (book.pace.held(), book.counts) == (0, (3, 1, 0, 2))
    assert book.at(60) == {}
    assert book.pace.due is None


def test_what_comes_when_the_window_ends_replaces_what_waits() -> None:
    book = Book()
    book.at(0, x="a")
    book.at(1, x="ab")
    assert book.at(60, x="abc") == {"x": "abc"}
    book.at(61, x="abcd")
    assert book.at(120, x="abc") == {}, "as it was published: nothing to say"
    assert book.counts == (5, 2, 0, 3)


def test_a_window_that_saw_no_change_ends_and_the_next_change_goes_at_once() -> None:
    book = Book()
    book.at(0, x="a")
    assert book.at(60) == {}
    assert (book.pace.due, book.pace.published("x")) == (None, None)
    assert book.at(61, x="ab") == {"x": "ab"}


def test_rows_have_windows_of_their_own() -> None:
    book = Book()
    book.at(0, x="a")
    book.at(30, y="a")
    assert book.at(31, x="ab", y="ab") == {}
    assert book.at(60) == {"x": "ab"}
    assert book.at(90) == {"y": "ab"}


def test_a_row_that_is_gone_is_told_at_once_and_forgotten() -> None:
    book = Book()
    book.at(0, x="a")
    book.at(1, x="ab")
    assert book.at(2, x=None) == {"x": None}
    assert book.at(3, x="c") == {"x": "c"}
    assert book.counts == (4, 3, 0, 1)


def test_without_a_time_to_live_and_while_nobody_listens_nothing_waits() -> None:
    for book, times in ((Book(ttl=0), (0.0, 0.0, 0.0)), (Book(), (None, None, None))):
        for now, letters in zip(times, ("a", "ab", "abc"), strict=True):
            assert book.at(now, x=letters) == {"x": letters}
        assert (book.pace.due, book.pace.published("x")) == (None, None)


def test_another_time_to_live_holds_for_open_windows() -> None:
    book = Book()
    book.at(0, x="a", y="a")
    book.at(1, x="ab", y="ab")
    book.pace.rethink(lambda key: 5.0 if key == "x" else 600.0)
    assert book.pace.due == 5
    assert book.at(5) == {"x": "ab"}
    book.pace.rethink(lambda _key: 0.0)
    assert book.at(6) == {"y": "ab"}


def test_ends_that_no_longer_mean_anything_do_not_pile_up() -> None:
    book = Book()
    for number in range(10_000):
        book.at(0, x="ab"[number % 2])
    assert len(book.pace._ends) < 100
    assert book.at(60) == {}
    assert book.pace.due is None
