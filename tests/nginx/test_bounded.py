"""Expressions about a part of a text, as ones about the whole: the same answer for every text."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sealos_gateway.nginx import regex
from sealos_gateway.nginx.bounded import BoundError, bounded

_BEHIND = r"(?:\?.*)?"
PATTERN = st.text(alphabet=st.sampled_from(r"ab/.*+?^$()[]|-\^"), max_size=10) | st.lists(
    st.sampled_from(
        ["^", "/", "a", "b", ".", ".*", "[^/]", "[^a-]", "[]a]", "[^]a]", "(a|b)", "|", "\\.", "\\w", "$", "(?:b)?"]
    ),
    max_size=6,
).map("".join)


@given(PATTERN, st.text(alphabet="ab/.-]", max_size=6), st.none() | st.text(alphabet="ab/.?=-]", max_size=6))
def test_the_path_within_path_and_query(pattern: str, path: str, query: str | None) -> None:
    assume(not regex.problem(pattern))
    try:
        found = bounded(pattern, "?", "", _BEHIND)
    except BoundError:
        return
    path = "/" + path
    whole = path if query is None else f"{path}?{query}"
    assert bool(regex.compiled(found).fullmatch(whole)) == (regex.searches(pattern, path) is not None)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"\S+", "write a class"),
        (r"[\W]", "list the characters"),
        ("[[:^alpha:]]", "list the characters"),
        ("a^", "must stand first"),
        ("(^|/)a", "must stand first"),
        ("^a|b", "one alternative only"),
        ("a|b$", "one alternative only"),
        ("a(?i)b", "flags"),
        (r"\Aa", "write \\^ and \\$"),
        ("[^-a-]", "both ends"),
    ],
)
def test_what_cannot_be_said_with_certainty_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(BoundError, match=said):
        bounded(pattern, "?", "", _BEHIND)


def test_an_escaped_dollar_is_a_character() -> None:
    assert bounded(r"a\$", "?", "", "") == r"[^?]*(?:a\$)[^?]*"
    assert bounded(r"a\\$", "?", "", "") == r"[^?]*(?:a\\)"
