"""Certificates as secrets, named last."""

from __future__ import annotations

from sealos_gateway.envoy import api, reading, secrets
from sealos_gateway.model.private import Private
from sealos_gateway.model.upstream import KeyPair
from tests import pem
from tests.envoy import rules

PAIR = pem.pair("a.example.com")
ROW = KeyPair("shop/cert", PAIR.chain, Private(PAIR.key), "ecdsa", "2040")


def test_a_secret_holds_chain_and_key() -> None:
    message = secrets.secret(ROW)
    assert not rules.broken(message)
    assert message.tls_certificate.certificate_chain.inline_bytes == PAIR.chain
    assert message.tls_certificate.private_key.inline_bytes == PAIR.key


def test_the_name_is_put_in_front_of_the_bytes() -> None:
    body = secrets.secret(ROW).SerializeToString()
    for name in ("x.example.com", "", "a" * 127, "a" * 128, "é" * 9000):
        message = api.tls_secret.Secret.FromString(reading.named_secret(body, name))
        assert message.name == name
        message.ClearField("name")
        assert message == secrets.secret(ROW)
