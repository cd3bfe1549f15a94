"""`tls.options` of listeners: what of TLS they change, what shuts a listener, what is only told."""

from __future__ import annotations

from typing import Any

import pytest

from sealos_gateway.model.client_tls import ClientTls
from sealos_gateway.translate.gateway_api.tls_options import CIPHER_SUITES, MAX_VERSION, MIN_VERSION, TlsOptions, read
from tests import objects
from tests.translate import gateways
from tests.translate.gateways import gateway, listener, listener_set, of, pipeline, row, status

CIPHERS = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, TlsOptions()),
        ({MIN_VERSION: "1.3"}, TlsOptions(ClientTls(min_version="1.3"))),
        ({MIN_VERSION: "TLSv1.0", MAX_VERSION: " 1.1 "}, TlsOptions(ClientTls(min_version="1.0", max_version="1.1"))),
        ({MAX_VERSION: "1.2"}, TlsOptions(ClientTls(max_version="1.2"))),
        ({CIPHER_SUITES: ":".join(CIPHERS)}, TlsOptions(ClientTls(ciphers=CIPHERS))),
        ({CIPHER_SUITES: ", ".join((*CIPHERS, CIPHERS[0]))}, TlsOptions(ClientTls(ciphers=CIPHERS))),
    ],
)
def test_what_they_ask_for(options: dict[str, str], found: TlsOptions) -> None:
    assert read(options, ends_tls=True) == found


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({MIN_VERSION: "1.4"}, "'1.4' is no version of TLS"),
        ({MIN_VERSION: ""}, "'' is no version of TLS"),
        ({MAX_VERSION: "SSLv3"}, "'SSLv3' is no version of TLS"),
        ({MIN_VERSION: "1.3", MAX_VERSION: "1.2"}, "it is above the highest"),
        ({MAX_VERSION: "1.1"}, "say it where the highest is below 1.2"),
        ({CIPHER_SUITES: "ECDHE-ECDSA-AES128-GCM-SHA256,RC4"}, "Envoy has no cipher suite 'RC4'"),
        ({CIPHER_SUITES: "TLS_AES_128_GCM_SHA256"}, "Envoy has no cipher suite"),
        ({CIPHER_SUITES: " "}, "it is empty"),
    ],
)
def test_a_value_that_cannot_be_had_shuts_the_listener(options: dict[str, str], words: str) -> None:
    found = read(options, ends_tls=True)
    assert found.parameters is None
    assert words in " ".join(found.wrong)
    made = pipeline(gateway(with_options(options), listener()), gateways.secret())
    assert of(status(made), "https")["Accepted"] == "False UnsupportedValue"
    assert of(status(made), "https")["Programmed"] == "False Invalid"
    assert of(status(made), "http")["Accepted"] == "True Accepted"
    assert {it.name for it in made.routes.placed.rows[next(iter(made.routes.placed.rows))]} == {"http"}
    (problem,) = [it for it in made.problems() if it.field == "spec.listeners[https]"]
    assert words in problem.message


def with_options(options: dict[str, str], **tls: Any) -> dict[str, Any]:
    return listener("https", 443, "HTTPS", tls={"certificateRefs": [{"name": "cert"}], "options": options, **tls})


def test_keys_that_nobody_knows_are_told_and_have_no_effect() -> None:
    odd = {"networking.gke.io/pre-shared-certs": "a", "min-tls-version": "1.3"}
    everyone = {"namespaces": {"from": "All"}}
    more = listener_set(listener("set", 444, "HTTPS", tls={"certificateRefs": [{"name": "cert"}], "options": odd}))
    made = pipeline(gateway(with_options(odd), allowedListeners=everyone), more, gateways.secret())
    assert of(status(made), "https")["Accepted"] == "True Accepted"
    (accepted,) = [it for it in row(status(made), "https").conditions if it.type == "Accepted"]
    assert "tls.options[min-tls-version] is not known and has no effect" in accepted.message
    assert "tls.options[networking.gke.io/pre-shared-certs] is not known" in accepted.message
    assert {(str(it.origin), it.field, it.reason) for it in made.problems()} == {
        ("Gateway shop/edge", "spec.listeners[https]", "UnknownOption"),
        ("ListenerSet shop/more", "spec.listeners[set]", "UnknownOption"),
    }
    objects.put(made, gateway(with_options({}), allowedListeners=everyone))
    assert {it.origin.kind for it in made.problems()} == {"ListenerSet"}


def test_where_tls_is_handed_through_they_have_no_effect() -> None:
    through = listener("t", 9443, "TLS", tls={"mode": "Passthrough", "options": {MIN_VERSION: "1.3"}})
    made = pipeline(gateway(through))
    assert of(status(made), "t")["Accepted"] == "True Accepted"
    assert [it.reason for it in made.problems()] == ["UnknownOption"]
