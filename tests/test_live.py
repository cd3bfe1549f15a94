"""Live tables: what wakes whom, what is remembered, and what a failing row does to the others."""

from __future__ import annotations

from typing import Any

import pytest

from sealos_gateway.live import DerivationError, Derived, Graph, Index, Read, Table


class Shop:
    """Orders by customer, and a greeting for each order that reads a table of names and one of titles."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.names: Table[str, str] = Table(self.graph, "names")
        self.titles: Table[str, str] = Table(self.graph, "titles")
        self.orders: Table[int, str] = Table(self.graph, "orders")
        self.by_customer: Index[str, int] = Index(self.graph, "by_customer", lambda name: (name,), self.orders)
        self.greetings: Derived[int, str] = Derived(self.graph, "greetings", self.greeting, self.orders)
        self.letters: Derived[str, str] = Derived(self.graph, "letters", self.letter, self.by_customer)

    def greeting(self, key: int, read: Read) -> str | None:
        customer = read(self.orders, key)
        assert customer is not None
        if customer == "bad":
            raise ValueError("no such customer")
        name = read(self.names, customer)
        return f"Dear {read(self.titles, customer) or ''}{name}" if name else None

    def letter(self, customer: str, read: Read) -> str:
        orders = sorted(read(self.by_customer, customer) or ())
        return ", ".join(filter(None, (read(self.greetings, order) for order in orders)))

    def put(self, key: int, customer: str) -> None:
        self.orders.put(key, customer)
        self.graph.settle()


@pytest.fixture
def shop() -> Shop:
    made = Shop()
    made.names.put("ann", "Ann")
    made.put(1, "ann")
    return made


def test_a_row_is_derived_and_goes_with_its_source(shop: Shop) -> None:
    assert shop.greetings.rows == {1: "Dear Ann"}
    shop.orders.drop(1)
    shop.graph.settle()
    assert not shop.greetings.rows
    assert not shop.letters.rows


def test_a_change_of_what_was_read_wakes_the_reader(shop: Shop) -> None:
    shop.titles.put("ann", "Dr ")
    shop.graph.settle()
    assert shop.greetings.get(1) == "Dear Dr Ann"
    assert shop.letters.get("ann") == "Dear Dr Ann"


def test_reading_what_does_not_exist_is_remembered_too(shop: Shop) -> None:
    shop.put(2, "bob")
    assert 2 not in shop.greetings.rows
    shop.names.put("bob", "Bob")
    shop.graph.settle()
    assert shop.greetings.get(2) == "Dear Bob"


def test_other_rows_are_not_computed(shop: Shop) -> None:
    shop.put(2, "bob")
    before = shop.greetings.computed, shop.letters.computed
    shop.names.put("bob", "Bob")
    shop.graph.settle()
    assert (shop.greetings.computed, shop.letters.computed) == (before[0] + 1, before[1] + 1)


def test_an_equal_value_changes_nothing(shop: Shop) -> None:
    before = shop.greetings.computed
    assert not shop.names.put("ann", "An" + "n")
    assert not shop.names.drop("nobody")
    shop.graph.settle()
    assert shop.greetings.computed == before


def test_an_equal_result_wakes_nobody(shop: Shop) -> None:
    before = shop.greetings.computed, shop.letters.computed
    shop.titles.put("ann", "")
    shop.graph.settle()
    assert (shop.greetings.computed, shop.letters.computed) == (before[0] + 1, before[1])


def test_a_read_that_is_no_longer_made_wakes_nobody(shop: Shop) -> None:
    shop.put(1, "bob")
    before = shop.greetings.computed
    shop.names.put("ann", "Anna")
    shop.graph.settle()
    assert shop.greetings.computed == before


def test_two_readers_of_one_row_are_both_woken_and_one_may_leave(shop: Shop) -> None:
    shop.put(2, "ann")
    shop.put(3, "ann")
    shop.put(2, "bob")
    shop.names.put("ann", "Anna")
    shop.graph.settle()
    assert shop.greetings.rows == {1: "Dear Anna", 3: "Dear Anna"}


def test_a_change_back_before_settling_gives_the_same_rows(shop: Shop) -> None:
    shop.orders.drop(1)
    shop.orders.put(1, "ann")
    shop.graph.settle()
    assert shop.greetings.rows == {1: "Dear Ann"}
    assert shop.by_customer.rows == {"ann": (1,)}


def test_index_groups_follow_their_members(shop: Shop) -> None:
    shop.put(2, "ann")
    assert shop.by_customer.get("ann") == {1, 2}
    shop.put(1, "bob")
    assert shop.by_customer.rows == {"ann": (2,), "bob": (1,)}
    shop.orders.drop(2)
    shop.graph.settle()
    assert shop.by_customer.rows == {"bob": (1,)}


def test_an_index_over_two_sources_holds_the_keys_of_both() -> None:
    graph = Graph()
    left: Table[str, str] = Table(graph, "left")
    right: Table[str, str] = Table(graph, "right")
    index: Index[str, str] = Index(graph, "index", lambda value: tuple(value), left, right)
    left.put("l", "xy")
    right.put("r", "yz")
    graph.settle()
    assert index.rows == {"x": ("l",), "y": frozenset("lr"), "z": ("r",)}


def test_a_failing_row_keeps_its_last_good_value_and_stops_nobody(shop: Shop) -> None:
    shop.orders.put(1, "bad")
    shop.put(2, "ann")
    assert shop.greetings.rows == {1: "Dear Ann", 2: "Dear Ann"}
    assert list(shop.graph.failures) == [("greetings", 1)]


def test_a_failing_row_recovers(shop: Shop) -> None:
    shop.put(1, "bad")
    shop.put(1, "ann")
    assert shop.greetings.rows == {1: "Dear Ann"}
    assert not shop.graph.failures


def test_a_failing_row_that_goes_is_forgotten(shop: Shop) -> None:
    shop.put(1, "bad")
    shop.orders.drop(1)
    shop.graph.settle()
    assert not shop.greetings.rows
    assert not shop.graph.failures


def test_a_row_that_failed_after_a_read_recovers_when_that_row_changes() -> None:
    graph = Graph()
    rates: Table[str, int] = Table(graph, "rates")
    prices: Table[str, int] = Table(graph, "prices")

    def euros(key: str, read: Read) -> int:
        price, rate = read(prices, key), read(rates, "euro")
        assert price is not None
        return price // (rate or 0)

    derived = Derived(graph, "euros", euros, prices)
    prices.put("tea", 8)
    graph.settle()
    assert isinstance(graph.failures["euros", "tea"], ZeroDivisionError)
    rates.put("euro", 2)
    graph.settle()
    assert derived.rows == {"tea": 4}


def test_reading_a_table_that_was_made_later_is_refused() -> None:
    graph = Graph()
    source: Table[str, int] = Table(graph, "source")
    later: list[Table[str, int]] = []
    Derived(graph, "early", lambda key, read: read(later[0], key), source)
    later.append(Table(graph, "later"))
    source.put("a", 1)
    graph.settle()
    assert isinstance(graph.failures["early", "a"], DerivationError)


def test_sinks_see_each_change_once_and_a_removal_as_none(shop: Shop) -> None:
    seen: list[tuple[int, str | None]] = []
    shop.greetings.on_change.append(lambda key, value: seen.append((key, value)))
    shop.names.put("ann", "Anna")
    shop.titles.put("ann", "Dr ")
    shop.graph.settle()
    shop.orders.drop(1)
    shop.graph.settle()
    assert seen == [(1, "Dear Dr Anna"), (1, None)]


def test_settling_can_pause_after_every_row(shop: Shop) -> None:
    for key in range(2, 7):
        shop.orders.put(key, "ann")
    steps = shop.graph.steps()
    number = sum(1 for _ in steps)
    assert number >= 5
    assert len(shop.greetings) == 6
    assert sum(1 for _ in shop.graph.steps()) == 0


def test_an_index_keeps_rows_of_another_table_apart_that_have_the_same_keys() -> None:
    graph = Graph()
    first: Table[str, str] = Table(graph, "first")
    second: Table[str, str] = Table(graph, "second")
    index: Index[str, Any] = Index(graph, "index", lambda row: (row,), first)
    index.also(second)
    first.put("k", "g")
    second.put("k", "g")
    graph.settle()
    assert set(index.rows["g"]) == {"k", ("second", "k")}
    first.drop("k")
    graph.settle()
    assert set(index.rows["g"]) == {("second", "k")}


def test_a_group_of_thousands_changes_in_place_and_wakes_its_readers() -> None:
    graph = Graph()
    rows: Table[int, str] = Table(graph, "rows")
    index: Index[str, int] = Index(graph, "index", lambda row: (row,), rows)
    sizes: Derived[str, int] = Derived(graph, "sizes", lambda key, read: len(read(index, key) or ()), index)
    seen: list[int] = []
    index.on_change.append(lambda _key, members: seen.append(len(members or ())))
    for number in range(5000):
        rows.put(number, "g")
    graph.settle()
    members = index.rows["g"]
    rows.put(5000, "g")
    rows.drop(0)
    graph.settle()
    assert index.rows["g"] is members
    rows.put(5001, "g")
    rows.drop(5001)
    graph.settle()
    assert seen == [5000, 5000]
    assert sizes.rows == {"g": 5000}
    for number in range(1, 5001):
        rows.drop(number)
    graph.settle()
    assert not index.rows
    assert not sizes.rows


class Tagged:
    """Objects, few of which have a label in a table beside theirs; readers and a table over the objects."""

    def __init__(self, count: int) -> None:
        self.graph = Graph()
        self.things: Table[int, str] = Table(self.graph, "things")
        self.early: Derived[int, str] = Derived(
            self.graph, "early", lambda key, read: read(self.things, key), self.things
        )
        self.marks: Table[int, int] = Table(self.graph, "marks")
        by_thing: Index[int, int] = Index(self.graph, "marks_by_thing", lambda thing: (thing,), self.marks)
        self.labels: Derived[int, int] = Derived(
            self.graph, "labels", lambda key, read: len(read(by_thing, key) or ()), by_thing
        )
        self.labels.beside(self.things)
        self.shown: Derived[int, str] = Derived(self.graph, "shown", self.show, self.things)
        self.places: Table[str, int] = Table(self.graph, "places")
        self.signs: Derived[str, str] = Derived(self.graph, "signs", self.sign, self.places)
        for number in range(count):
            self.things.put(number, f"t{number}")
            self.places.put(f"p{number}", number)
        self.graph.settle()

    def show(self, key: int, read: Read) -> str:
        return f"{read(self.things, key)}{read(self.labels, key) or ''}"

    def sign(self, place: str, read: Read) -> str:
        number = read(self.places, place)
        assert number is not None
        return f"{read(self.things, number)}{read(self.labels, number) or ''}"


def test_a_row_beside_another_wakes_its_readers_and_its_own_row_and_nobody_else() -> None:
    made = Tagged(50)
    before = (made.early.computed, made.shown.computed, made.signs.computed)
    made.marks.put(1, 7)
    made.graph.settle()
    assert (made.shown.get(7), made.signs.get("p7"), made.signs.get("p8")) == ("t71", "t71", "t8")
    assert (made.early.computed, made.shown.computed, made.signs.computed) == (before[0], before[1] + 1, before[2] + 1)
    made.marks.drop(1)
    made.graph.settle()
    assert (made.shown.get(7), made.signs.get("p7")) == ("t7", "t7")


def test_a_row_beside_another_may_come_before_it_and_outlive_it() -> None:
    made = Tagged(3)
    made.marks.put(1, 9)
    made.graph.settle()
    assert made.shown.get(9) is None
    made.things.put(9, "t9")
    made.places.put("p9", 9)
    made.graph.settle()
    assert (made.shown.get(9), made.signs.get("p9")) == ("t91", "t91")
    made.things.drop(9)
    made.graph.settle()
    assert (made.shown.get(9), made.signs.get("p9")) == (None, "None1")


def test_looking_beside_costs_no_reader_more() -> None:
    made = Tagged(20)
    assert len(made.labels._readers) == 0
    assert made.signs._reads["p3"] == (made.things, 3)
