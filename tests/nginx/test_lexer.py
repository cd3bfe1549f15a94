"""Words as nginx reads them, and errors that say where and what to write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.nginx.lexer import Mark, NginxError, Position, Word, tokens

#: Text of one directive after its name, and the arguments nginx makes of it.
ARGUMENTS = {
    "a b": ["a", "b"],
    "a\tb\r\n  c": ["a", "b", "c"],
    "'a b' \"c d\"": ["a b", "c d"],
    r"'it\'s' ": ["it's"],
    r'"say \"hi\""': ['say "hi"'],
    r"\.(js|css)$": [r"\.(js|css)$"],
    r'"\.js\\x"': [r"\.js\x"],
    r'"tab\there"': ["tab\there"],
    r"a\ b": [r"a\ b"],
    "a'b'": ["a'b'"],
    "''": [""],
    "${host}x": ["${host}x"],
    "a}b": ["a}b"],
    "a#b": ["a#b"],
    "a # comment ; {\n b": ["a", "b"],
    "'#' \"{;}\"": ["#", "{;}"],
    '("a")': ['("a")'],
    '( "a")': ["(", "a", ")"],
    "\\": ["\\;"],
    "é ü": ["é", "ü"],
}


def words(text: str) -> list[str]:
    return [token.text for token in tokens(text) if isinstance(token, Word)]


@pytest.mark.parametrize("text", ARGUMENTS)
def test_words(text: str) -> None:
    assert words(f"x {text};") == ["x", *ARGUMENTS[text]]


def test_positions_are_lines_and_columns() -> None:
    found = list(tokens("a b;\n  c { d 'e\nf' g; }\n"))
    assert found == [
        Word("a", Position(1, 1)), Word("b", Position(1, 3)), Mark(";", Position(1, 4)),
        Word("c", Position(2, 3)), Mark("{", Position(2, 5)), Word("d", Position(2, 7)),
        Word("e\nf", Position(2, 9)), Word("g", Position(3, 4)), Mark(";", Position(3, 5)),
        Mark("}", Position(3, 7)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("a 'b", 1, 3, "write ' after it"),
        ('a;\n  b "c\\";', 2, 5, 'write " after it'),
        ("a 'b'c;", 1, 6, "after the closing ' stands 'c'"),
        ("'a''b'", 1, 4, "write a space or ; between"),
    ],
)
def test_errors_say_where_and_what_to_write(text: str, line: int, column: int, said: str) -> None:
    with pytest.raises(NginxError, match=said) as caught:
        list(tokens(text))
    assert caught.value.at == Position(line, column)
    assert str(caught.value).startswith(f"line {line}, column {column}: ")


@given(st.text(alphabet=st.sampled_from("ab \n\t;{}#'\"\\$()~*é")) | st.text())
def test_any_text_gives_tokens_or_an_error_with_a_position_within_it(text: str) -> None:
    lines = text.split("\n")
    try:
        places = [token.at for token in tokens(text)]
    except NginxError as error:
        places = [error.at]
    for at in places:
        assert 1 <= at.line <= len(lines)
        assert 1 <= at.column <= len(lines[at.line - 1]) + 1
    assert places == sorted(places)
