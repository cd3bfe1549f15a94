"""Which Secret a host of a Gateway is shown by `sgw explain`, and why none is."""

from __future__ import annotations

from typing import Any

from sealos_gateway.explain import explain
from sealos_gateway.pipeline import Pipeline
from tests import objects, pem
from tests.translate import gateways
from tests.translate.gateways import gateway, https, listener, listener_set
from tests.translate.test_routes import backend, route

EVERYONE: dict[str, Any] = {"allowedListeners": {"namespaces": {"from": "All"}}}


def world() -> Pipeline:
    return gateways.pipeline(
        gateway(https("wide", hostname="*.a.com"), https("own", secret="own", hostname="own.a.com"), **EVERYONE),
        listener_set(https("bad", secret="absent", hostname="bad.com")),
        gateways.secret(), objects.secret("own", *pem.pair("own.a.com", kind="rsa")), *backend(),
        route(hosts=("x.a.com", "own.a.com")),
    )  # fmt: skip


def test_the_secret_of_the_listener_that_takes_the_name() -> None:
    made = world()
    assert explain("https://x.a.com/", made).certificate == "*.a.com: Secret shop/cert (ecdsa, until 2040-01-01)"
    assert explain("https://own.a.com/", made).certificate == "own.a.com: Secret shop/own (rsa, until 2040-01-01)"
    assert explain("http://x.a.com:443/", made).certificate == ""


def test_why_a_listener_shows_none() -> None:
    found = explain("https://bad.com/", world())
    assert found.others == (
        "ListenerSet shop/more listener bad (port 443): tls.certificateRefs[0]: Secret shop/absent does not exist",
    )


def test_one_that_has_gone_bad_is_told_with_what_is_shown() -> None:
    made = world()
    objects.put(made, objects.secret("cert", b"nonsense", b"nonsense"))
    found = explain("https://x.a.com/", made)
    assert found.certificate.startswith("*.a.com: Secret shop/cert (ecdsa, until 2040-01-01; Secret shop/cert: tls.crt")
    assert "what it held before is shown" in found.certificate
    assert any("listener wide (port 443): tls.certificateRefs[0]" in it for it in found.others)


def test_listeners_that_conflict_are_named_and_those_of_other_ports_are_not() -> None:
    made = gateways.pipeline(
        gateway(listener("a", 8100), listener("b", 8100), listener("c", 8200), listener("d", 8200)), *backend(), route()
    )
    found = explain("http://a.com:8100/", made).others
    assert [it.partition(":")[0] for it in found if "listener" in it.partition(":")[0]] == [
        "Gateway shop/edge listener a (port 8100)", "Gateway shop/edge listener b (port 8100)",
    ]  # fmt: skip


def test_a_port_of_a_gateway_without_tls() -> None:
    made = gateways.pipeline(gateway(listener(port=8100)), route(), *backend())
    assert explain("https://a.com:8100/", made).certificate == "none: no listener there ends TLS for a.com"


def test_connections_that_end_here_and_are_handed_on() -> None:
    ended = listener("t", 9443, "TLS", hostname="t.com", tls={"certificateRefs": [{"name": "cert"}]})
    made = gateways.pipeline(gateway(ended), gateways.secret())
    assert explain("https://t.com:9443/", made).certificate == "t.com: Secret shop/cert (ecdsa, until 2040-01-01)"
