"""Digests of passwords as what Envoy gets."""

from __future__ import annotations

import base64
import hashlib

import pytest

from sealos_gateway.envoy.policies import verifiers

LINES = {
    "plain": b"{PLAIN}open:sesame",
    "sha": b"{SHA}" + base64.b64encode(hashlib.sha1(b"x").digest()),
    "ssha": b"{SSHA}" + base64.b64encode(hashlib.sha1(b"xsalt").digest() + b"salt"),
    "apr1": b"$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/",
    "1": b"$1$salt$PWKzODfarHMEGrqE3Mzo7/",
}


def test_every_form_has_its_parts_and_none_its_digest() -> None:
    text = verifiers.lines(b"\n".join(f"joe-{form}:".encode() + digest for form, digest in LINES.items()))
    for line, (form, digest) in zip(text.split("\n"), LINES.items(), strict=True):
        name, found, salt, pepper, verifier = line.split(":")
        assert (name, found) == (f"joe-{form}", form)
        assert len(pepper) == 16
        assert len(verifier) == 40
        assert bytes.fromhex(salt) == {"ssha": b"salt", "apr1": b"abcdefgh", "1": b"salt"}.get(form, b"")
        assert digest[-10:].decode() not in text


def test_equal_passwords_of_two_users_look_different_and_equal_lines_alike() -> None:
    one, other = (verifiers.lines(name + b":{PLAIN}same") for name in (b"ann", b"joe"))
    assert one.rpartition(":")[2] != other.rpartition(":")[2]
    assert one == verifiers.lines(b"ann:{PLAIN}same")


@pytest.mark.parametrize(
    ("digest", "setting"),
    [
        ("$2y$05$KGh3rYvTzC1YzS0Vd2kkOeL3GfPVu7i6FzQm1ZkA9cB5eX8wY2nDu", "$2y$05$KGh3rYvTzC1YzS0Vd2kkOe"),
        ("$6$rounds=10000$pepper$" + "x" * 86, "$6$rounds=10000$pepper"),
        ("$5$salt$" + "x" * 43, "$5$salt"),
        ("abNANd1rDfiNc", "ab"),
    ],
)
def test_what_is_hashed_elsewhere_has_its_setting_and_no_hash(digest: str, setting: str) -> None:
    name, form, salt, pepper, verifier = verifiers.lines(f"joe:{digest}:comment".encode()).split(":")
    assert (name, form, bytes.fromhex(salt).decode()) == ("joe", "crypt", setting)
    assert verifier == hashlib.sha1(pepper.encode() + digest.encode()).hexdigest()
