"""Which requests a match takes."""

from __future__ import annotations

import pytest

from sealos_gateway.model.request import Request, matches
from sealos_gateway.model.traffic import Conditions, Match, PathKind, TextKind, TextMatch


@pytest.mark.parametrize(
    ("kind", "path", "yes", "no"),
    [
        (PathKind.EXACT, "/a", ["/a"], ["/a/", "/A", "/ab"]),
        (PathKind.PREFIX, "/a", ["/a", "/a/", "/a/b"], ["/ab", "/"]),
        (PathKind.PREFIX, "/", ["/", "/a"], []),
        (PathKind.TEXT_PREFIX, "/a", ["/a", "/ab"], ["/b/a"]),
        (PathKind.REGEX, "/a[0-9]+", ["/a1", "/a22"], ["/a", "/a1/", "/xa1"]),
    ],
)
def test_paths(kind: PathKind, path: str, yes: list[str], no: list[str]) -> None:
    match = Match(kind, path)
    assert [it for it in (*yes, *no) if matches(match, Request(it))] == yes


def test_letter_case() -> None:
    assert matches(Match(PathKind.PREFIX, "/A", ignore_case=True), Request("/a/B"))
    assert matches(Match(PathKind.REGEX, "/a", ignore_case=True), Request("/A"))


REQUEST = Request(
    "/", "POST", "a.test", "q=1&q=2&empty=", (("x-one", "1"), ("x-two", "a"), ("x-two", "b"), ("cookie", "id=7; s=x"))
)


@pytest.mark.parametrize(
    ("conditions", "taken"),
    [
        (Conditions(methods=("GET", "POST")), True),
        (Conditions(methods=("GET",)), False),
        (Conditions(headers=(TextMatch("x-one", value="1"),)), True),
        (Conditions(headers=(TextMatch("x-two", value="a,b"),)), True),
        (Conditions(headers=(TextMatch(":authority", TextKind.PREFIX, "a."),)), True),
        (Conditions(headers=(TextMatch("x-none", TextKind.PRESENT),)), False),
        (Conditions(headers=(TextMatch("x-none", TextKind.PRESENT, invert=True),)), True),
        (Conditions(headers=(TextMatch("x-none", value="1", invert=True),)), True),
        (Conditions(queries=(TextMatch("q", value="1"),)), True),
        (Conditions(queries=(TextMatch("q", value="2"),)), False),
        (Conditions(queries=(TextMatch("empty", TextKind.PRESENT),)), True),
        (Conditions(cookies=(TextMatch("id", TextKind.REGEX, "[0-9]"),)), True),
        (Conditions(cookies=(TextMatch("id", value="8"),)), False),
        (Conditions(methods=("POST",), queries=(TextMatch("q", value="9"),)), False),
    ],
)
def test_conditions(conditions: Conditions, taken: bool) -> None:
    assert matches(Match(PathKind.PREFIX, "/", conditions=conditions), REQUEST) is taken
