"""Patterns that RE2 takes, and reasons for those it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.nginx import regex


@pytest.mark.parametrize(
    "pattern",
    [r"\.(js|css|gif|jpe?g|png)$", "^/api/(v[0-9]+)/(.*)$", "(?i)abc", "(?<name>a)", "[(?=]", r"\\1", "", "a|b", "é"],
)
def test_taken(pattern: str) -> None:
    assert regex.problem(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("^/(?!api/)", "look-around"),
        ("(?<=a)b", "look-around"),
        (r"(a)\1", "back-reference"),
        (r"(?<q>')\k<q>", "back-reference"),
        ("a++", "possessive"),
        ("(?>a)b", "atomic"),
        (r"a\Kb", r"\\K"),
        (r"\h+", r"write \[ "),
        ("(a)(?(1)b|c)", "conditions"),
        ("(", "missing"),
        ("[a", "missing ]"),
        ("*", "no argument for repetition"),
        ("a{5000}", "repetition"),
        ("((((a{10}){10}){10}){10})", "repetition|large"),
        ("a" * 2049, "more than 2048"),
        ("\ud800", "not text"),
    ],
)
def test_refused_with_a_reason(pattern: str, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(regex.problem(pattern))


def test_refusals_leave_standard_error_alone(capfd: pytest.CaptureFixture[str]) -> None:
    assert regex.problem("(?=a)")
    assert capfd.readouterr().err == ""


def test_searches_finds_anywhere_and_gives_groups() -> None:
    assert regex.searches("b(c)?(d)", "abd") == ("bd", "", "d")
    assert regex.searches("B", "abc") is None
    assert regex.searches("B", "abc", ignore_case=True) == ("b",)
    assert regex.groups("(a)(?:b)(c)") == 2


@given(st.text(alphabet=st.sampled_from(r"ab\()[]{}?*+|.^$<=!:1")))
def test_any_pattern_is_compiled_or_explained(pattern: str) -> None:
    if not regex.problem(pattern):
        regex.compiled(pattern)
