"""Secrets do not print, in whatever they are wrapped."""

from __future__ import annotations

import pytest

from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.private import Private
from sealos_gateway.model.upstream import Certificate, Endpoint, EndpointSet, KeyPair, cannot_wait


def test_private_bytes_are_bytes_that_do_not_print() -> None:
    key = Private(b"secret")
    pair = KeyPair("shop/cert", b"chain", key, "rsa", "2040")
    assert key == b"secret"
    for shown in (f"{key}", f"{key!r}", str([key]), repr(Certificate("a.com", (pair,))), f"{(key,)}"):
        assert "[redacted]" in shown
        assert "secret" not in shown


def places(*addresses: str) -> EndpointSet:
    return EndpointSet(BackendKey("shop", "web", 80), tuple(Endpoint(*it.split(":")) for it in addresses))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "wanted", "expected"),
    [
        (["a:1"], ["a:1", "b:1"], False),
        (["a:1"], ["a:1"], False),
        (["a:1", "b:1"], ["b:1"], True),
        (["a:1"], ["b:1"], True),
        (["a:1"], ["a:2"], True),
        (["a:1"], [], True),
        ([], ["a:1"], True),
    ],
)
def test_only_additions_to_a_backend_that_has_endpoints_can_wait(
    known: list[str], wanted: list[str], expected: bool
) -> None:
    assert cannot_wait(places(*known), places(*wanted)) is expected
