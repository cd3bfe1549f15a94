"""Directives, blocks, and what is expected where the text is broken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.nginx.lexer import NginxError, Position
from sealos_gateway.nginx.parser import Directive, parse

#: What an argument may hold so that quoting can express it: anything at all, but a backslash at its end or before a
#: character that nginx would take for an escape.
_TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\\"), max_size=12)
Shape = tuple[str, tuple[str, ...], "tuple[Shape, ...] | None"]


def shape(directives: tuple[Directive, ...]) -> tuple[Shape, ...]:
    return tuple(
        (d.name, tuple(word.text for word in d.arguments), None if d.block is None else shape(d.block))
        for d in directives
    )


def quoted(text: str, quote: str) -> str:
    return quote + text.replace(quote, f"\\{quote}") + quote


@st.composite
def written(draw: st.DrawFn, depth: int = 3) -> tuple[Shape, str]:
    """One directive as a value and as text, with any spacing, quoting and comments."""
    name = draw(st.from_regex(r"[a-z_]{1,10}", fullmatch=True))
    arguments = draw(st.lists(_TEXT, max_size=3))
    space = draw(st.sampled_from([" ", "\n", "\t ", " # said\n"]))
    text = name + "".join(space + quoted(value, draw(st.sampled_from("'\""))) for value in arguments)
    if depth == 0 or draw(st.booleans()):
        return (name, tuple(arguments), None), text + draw(st.sampled_from([";", " ;", "\n;"]))
    inner = draw(st.lists(written(depth=depth - 1), max_size=2))
    block = tuple(value for value, _ in inner)
    return (name, tuple(arguments), block), f"{text} {{{space}{space.join(said for _, said in inner)}{space}}}"


@given(st.lists(written(), max_size=4))
def test_what_is_written_is_what_is_read(directives: list[tuple[Shape, str]]) -> None:
    text = "\n".join(said for _, said in directives)
    assert shape(parse(text)) == tuple(value for value, _ in directives)


@given(st.text(alphabet=st.sampled_from("ab \n;{}#'\"\\$")) | st.text())
def test_any_text_gives_directives_or_an_error_with_a_position(text: str) -> None:
    try:
        parse(text)
    except NginxError as error:
        found = error
    else:
        return
    assert found.at >= Position(1, 1)
    assert found.message


def test_nothing_is_nothing() -> None:
    assert parse("") == parse(" \n# only words\n") == ()


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("add_header A", 1, 1, "write ; after its last argument"),
        ("expires 30d\nadd_header A b", 1, 1, "the text ends within 'expires'"),
        ("if ($a) {\n  expires 30d;\n", 1, 9, "write } after its last directive"),
        ("if ($a) { if ($b) { a;} ", 1, 9, "the block that opens here does not end"),
        ("expires 30d; }", 1, 14, "} closes nothing"),
        ("if ($a) { expires 30d }", 1, 23, "} comes within 'expires': write ;"),
        ("a;; b;", 1, 3, "; stands alone"),
        ("{ a; }", 1, 1, "{ stands alone"),
        ("a{" * 9, 1, 18, "more than 8 deep"),
    ],
)
def test_what_was_expected(text: str, line: int, column: int, said: str) -> None:
    with pytest.raises(NginxError, match=said) as caught:
        parse(text)
    assert caught.value.at == Position(line, column)


def test_depth_costs_no_stack() -> None:
    with pytest.raises(NginxError):
        parse("a {" * 100_000)
