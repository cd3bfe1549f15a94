"""Templates are values: equal ones are equal, however they were put together."""

from __future__ import annotations

from sealos_gateway.model.template import Of, Template, Variable, joined, literal

HOST = Variable(Of.HOST)


def test_joined_leaves_one_way_to_say_a_thing() -> None:
    assert joined(("a", "", "b", HOST, "", "c", "d")) == joined(("ab", HOST, "cd"))
    assert joined(("", "")) == Template() == literal("")


def test_literal_is_the_text_where_nothing_is_filled_in() -> None:
    assert literal("a%b$c").literal == "a%b$c"
    assert Template().literal == ""
    assert joined((HOST,)).literal is None
    assert joined(("a", HOST)).literal is None


def test_variables_and_words_for_people() -> None:
    found = joined(("https://", HOST, "/", Variable(Of.REQUEST_HEADER, "x-a")))
    assert found.variables == (HOST, Variable(Of.REQUEST_HEADER, "x-a"))
    assert str(found) == "https://{host}/{request header x-a}"
