"""A Secret that goes bad does not take away the certificate that it held (docs/decisions/047)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sealos_gateway.model.problem import Problem
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.core import Secret
from sealos_gateway.resources.meta import Ref, Resource
from sealos_gateway.settings import DefaultCertificate, Settings, TlsSettings
from tests import objects, pem
from tests.translate import gateways
from tests.translate.gateways import gateway, grant, https, of, row, status, words

HOST = "a.com"
GOOD, RENEWED = pem.pair(HOST), pem.pair(HOST, number=1)
BAD: dict[str, tuple[bytes, bytes]] = {
    "no PEM": (b"nonsense", b"nonsense"),
    "no key": (GOOD.chain, b""),
    "a key of another": (GOOD.chain, RENEWED.key),
}


def secret(chain: bytes, key: bytes, name: str = "cert", in_: str = "shop") -> Secret:
    return objects.secret(name, chain, key, in_)


def of_gateway() -> Pipeline:
    return gateways.pipeline(gateway(https(hostname=HOST)), secret(*GOOD))


def of_ingress() -> Pipeline:
    site = objects.ingress("web", objects.rule(HOST, objects.path("/")), tls=[objects.tls("cert", HOST)])
    return objects.pipeline(site, secret(*GOOD))


def shown(made: Pipeline) -> bytes | None:
    """The certificate that clients of the host are shown, by an Ingress or by a Gateway."""
    found = made.certificates.get(HOST)
    pairs = found.pairs if found is not None else tuple(made.client_pairs.rows.values())
    return pairs[0].chain if pairs else None


def told(made: Pipeline) -> list[Problem]:
    return [it for it in made.problems() if it.reason in ("InvalidSecret", "InvalidCertificateRef")]


@pytest.mark.parametrize("how", BAD)
@pytest.mark.parametrize("world", [of_gateway, of_ingress])
def test_what_it_held_is_shown_until_it_is_good_again(world: Callable[[], Pipeline], how: str) -> None:
    made = world()
    before = objects.contents(made)
    for bad in (BAD[how], BAD["no PEM"]):  # once more: what is bad is never taken for the last good
        objects.put(made, secret(*bad))
        assert shown(made) == GOOD.chain
        assert objects.contents(made) == before, "nothing that Envoys have is different"
    (problem,) = told(made)
    assert "Secret shop/cert" in problem.message
    assert "what it held before is shown" in problem.message
    assert "2040-01-01" in problem.message, "how long there is to mend it"
    objects.put(made, secret(*RENEWED))
    assert (shown(made), told(made)) == (RENEWED.chain, [])
    assert made.world.last_good_pairs.rows == {}


def test_the_listener_is_served_and_says_what_is_wrong() -> None:
    made = of_gateway()
    objects.put(made, secret(*BAD["no PEM"]))
    found = of(status(made), "https")
    assert found["ResolvedRefs"] == "False InvalidCertificateRef"
    assert (found["Accepted"], found["Programmed"]) == ("True Accepted", "True Programmed")
    assert words(status(made).conditions)["Programmed"] == "True Programmed"
    assert words(status(made).conditions)["ResolvedRefs"] == "False ListenersNotResolved"


def test_without_anything_good_before_it_the_listener_is_shut() -> None:
    made = gateways.pipeline(gateway(https(hostname=HOST)), secret(*BAD["no PEM"]))
    assert shown(made) is None
    assert of(status(made), "https")["Programmed"] == "False Invalid"


def without(kind: str) -> Callable[[Pipeline], object]:
    removed: dict[str, Resource] = {"Secret": secret(*GOOD), "Gateway": gateway(https(hostname=HOST))}
    return lambda made: objects.drop(made, removed[kind])


@pytest.mark.parametrize("gone", ["Secret", "Gateway"])
def test_it_ends_with_the_secret_and_with_whoever_uses_it(gone: str) -> None:
    made = of_gateway()
    objects.put(made, secret(*BAD["no PEM"]))
    without(gone)(made)
    assert (shown(made), made.world.last_good_pairs.rows) == (None, {})
    objects.put(made, secret(*BAD["no PEM"]), gateway(https(hostname=HOST)))
    assert shown(made) is None, "what was taken away does not come back"


def test_it_ends_with_the_permission() -> None:
    allowed = grant("safe", "Gateway", "Secret")
    there = https(hostname=HOST, secret_namespace="safe")
    made = gateways.pipeline(gateway(there), secret(*GOOD, in_="safe"), allowed)
    objects.put(made, secret(*BAD["no PEM"], in_="safe"))
    assert shown(made) == GOOD.chain
    objects.drop(made, allowed)
    assert shown(made) is None
    assert of(status(made), "https")["ResolvedRefs"] == "False RefNotPermitted"


def test_in_one_batch_only_what_was_served_counts() -> None:
    made = of_gateway()
    for pair in (RENEWED, BAD["no PEM"]):
        made.put(objects.KINDS[Secret], Ref("shop", "cert"), secret(*pair))
    made.settle()
    assert shown(made) == GOOD.chain
    for pair in (BAD["no key"], RENEWED):
        made.put(objects.KINDS[Secret], Ref("shop", "cert"), secret(*pair))
    made.settle()
    assert (shown(made), made.world.last_good_pairs.rows) == (RENEWED.chain, {})


def test_a_default_certificate_goes_on_answering() -> None:
    chosen = Settings(tls=TlsSettings(default_certificates=(DefaultCertificate("*", "shop/cert"),)))
    made = objects.pipeline(secret(*GOOD), settings=chosen)
    objects.put(made, secret(*BAD["no PEM"]))
    found = made.certificates.get("*")
    assert found is not None
    assert [pair.chain for pair in found.pairs] == [GOOD.chain]
    (problem,) = told(made)
    assert (problem.reason, "what it held before is shown" in problem.message) == ("InvalidSecret", True)


def test_what_is_shown_to_backends_goes_on_being_shown() -> None:
    made = gateways.pipeline(
        gateway(gateways.listener(), tls={"backend": {"clientCertificateRef": {"name": "cert"}}}), secret(*GOOD)
    )
    objects.put(made, secret(*BAD["no PEM"]))
    (judged,) = made.gateway_api.listeners.rows[Ref("shop", "edge")]
    assert judged.shows == Ref("shop", "cert")
    assert words(status(made).conditions)["ResolvedRefs"] == "False InvalidClientCertificateRef"
    assert row(status(made), "http").conditions
