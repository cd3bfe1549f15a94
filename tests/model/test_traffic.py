"""Precedence among matches."""

from __future__ import annotations

from sealos_gateway.model.traffic import Match, PathKind


def test_exact_before_prefix_and_longer_before_shorter() -> None:
    wanted = [
        Match(PathKind.EXACT, "/a/b"),
        Match(PathKind.EXACT, "/"),
        Match(PathKind.PREFIX, "/a/b/c"),
        Match(PathKind.PREFIX, "/b"),
        Match(PathKind.PREFIX, "/"),
    ]
    assert sorted([*wanted[3:], *wanted[:3]], key=lambda match: match.sort_key) == wanted
