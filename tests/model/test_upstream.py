"""Secrets do not print, in whatever they are wrapped."""

from __future__ import annotations

from sealos_gateway.model.upstream import Certificate, KeyPair, Private


def test_private_bytes_are_bytes_that_do_not_print() -> None:
    key = Private(b"secret")
    pair = KeyPair("shop/cert", b"chain", key, "rsa", "2040")
    assert key == b"secret"
    for shown in (f"{key}", f"{key!r}", str([key]), repr(Certificate("a.com", (pair,))), f"{(key,)}"):
        assert "[redacted]" in shown
        assert "secret" not in shown
