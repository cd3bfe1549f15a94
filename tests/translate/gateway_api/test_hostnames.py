"""What hostnames of listeners and routes have in common."""

from __future__ import annotations

import pytest

from sealos_gateway.translate.gateway_api import hostnames


@pytest.mark.parametrize(
    ("listener", "route", "common"),
    [
        ("", "", "*"), ("", "a.test", "a.test"), ("a.test", "", "a.test"), ("a.test", "a.test", "a.test"),
        ("a.test", "b.test", None), ("*.test", "a.test", "a.test"), ("*.test", "x.y.test", "x.y.test"),
        ("*.test", "test", None), ("a.x.test", "*.test", "a.x.test"), ("*.a.test", "*.test", "*.a.test"),
        ("*.test", "*.a.test", "*.a.test"), ("*.a.test", "*.b.test", None), ("*.a.test", "xa.test", None),
    ],
)  # fmt: skip
def test_common(listener: str, route: str, common: str | None) -> None:
    assert hostnames.common(listener, route) == common


@pytest.mark.parametrize(
    ("name", "above"),
    [("a.b.test", ["a.b.test", "*.b.test", "*.test", "*"]), ("*.b.test", ["*.b.test", "*.test", "*"]),
     ("test", ["test", "*"]), ("*", ["*"])],
)  # fmt: skip
def test_what_stands_above_a_name(name: str, above: list[str]) -> None:
    assert list(hostnames.above(name)) == above


def test_a_longer_wildcard_is_narrower_and_a_name_the_narrowest() -> None:
    assert sorted(["*", "*.test", "a.b.test", "*.b.test"], key=hostnames.breadth) == [
        "a.b.test", "*.b.test", "*.test", "*",
    ]  # fmt: skip
    assert hostnames.breadth("") == hostnames.breadth("*")
