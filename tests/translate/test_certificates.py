"""Certificates by server name, with real ones: which Secret answers, what is refused and what is told."""

from __future__ import annotations

import pytest

from sealos_gateway.envoy import names
from sealos_gateway.model.upstream import Certificate
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.core import Secret
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.settings import DefaultCertificate, HostOwnership, IngressSettings, Settings, TlsSettings
from tests import objects, pem

HOST = "a.example.com"
DEFAULT = Settings(tls=TlsSettings(default_certificates=(DefaultCertificate("*.example.com", "sys/default"),)))


def secret(name: str, made: pem.Pair, namespace: str = "shop") -> Secret:
    return objects.secret(name, made.chain, made.key, namespace)


def site(*secrets: str, host: str = HOST, name: str = "web", namespace: str = "shop", created: str = "") -> Ingress:
    tls = [objects.tls(secret, host) for secret in secrets]
    rule = objects.rule(host, objects.path("/"))
    return objects.ingress(name, rule, tls=tls, namespace=namespace, created=created)


def row(made: Pipeline, pattern: str = HOST) -> Certificate:
    found = made.certificates.get(pattern)
    assert found is not None
    return found


def used(made: Pipeline, pattern: str = HOST) -> list[tuple[str, str]]:
    return [(pair.name, pair.algorithm) for pair in row(made, pattern).pairs]


def told(made: Pipeline) -> list[tuple[str, str]]:
    return [
        (problem.reason, problem.message) for problem in made.problems() if "tls" in f"{problem.origin}{problem.field}"
    ]


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_one_secret_answers(kind: str) -> None:
    made = objects.pipeline(site("one"), secret("one", pem.pair(HOST, kind=kind)))
    assert used(made) == [("shop/one", kind)]
    assert not told(made)


def test_rsa_and_ecdsa_side_by_side_ecdsa_first() -> None:
    made = objects.pipeline(
        site("r", "e"), secret("r", pem.pair(HOST, kind="rsa")), secret("e", pem.pair(HOST, kind="ecdsa"))
    )
    assert used(made) == [("shop/e", "ecdsa"), ("shop/r", "rsa")]
    assert not told(made)


def test_two_of_one_algorithm_the_older_object_wins_and_the_loser_is_told() -> None:
    made = objects.pipeline(
        site("late", name="late", created="2021-01-01T00:00:00Z"),
        site("early", name="early", created="2020-01-01T00:00:00Z"),
        secret("late", pem.pair(HOST, number=1)),
        secret("early", pem.pair(HOST)),
    )
    assert used(made) == [("shop/early", "ecdsa")]
    ((reason, message),) = told(made)
    assert reason == "CertificateConflict"
    assert "shop/early" in message


def test_the_same_secret_twice_is_no_conflict() -> None:
    made = objects.pipeline(site("one"), site("one", name="other"), secret("one", pem.pair(HOST)))
    assert used(made) == [("shop/one", "ecdsa")]
    assert not [reason for reason, _ in told(made) if reason == "CertificateConflict"]


BAD = {
    "missing": (None, "does not exist"),
    "no key": (objects.secret("one", chain=pem.pair(HOST).chain), "has no tls.key"),
    "no chain": (objects.secret("one", key=pem.pair(HOST).key), "has no tls.crt"),
    "empty": (objects.secret("one"), "has no tls.crt"),
    "garbage chain": (objects.secret("one", b"hello", pem.pair(HOST).key), "not a PEM certificate chain"),
    "garbage key": (objects.secret("one", pem.pair(HOST).chain, b"\0\xff"), "not an unencrypted PEM private key"),
    "broken inside": (
        objects.secret("one", pem.pair(HOST).chain.replace(b"M", b"N", 3), pem.pair(HOST).key),
        "",
    ),
    "encrypted key": (
        objects.secret("one", pem.pair(HOST).chain, pem.key_pem(pem.key("ecdsa"), b"secret")),
        "not an unencrypted PEM private key",
    ),
    "other key": (
        objects.secret("one", pem.pair(HOST).chain, pem.pair(HOST, number=1).key),
        "tls.key does not belong to the first certificate",
    ),
    "other kind of key": (objects.secret("one", pem.pair(HOST).chain, pem.pair(HOST, kind="rsa").key), "belong"),
    "key as chain": (objects.secret("one", pem.pair(HOST).key, pem.pair(HOST).key), "not a PEM certificate chain"),
    "short RSA": (secret("one", pem.pair(HOST, kind="rsa1024")), "1024 bits"),
    "odd curve": (secret("one", pem.pair(HOST, kind="secp256k1")), "neither RSA nor ECDSA on P-256"),
    "ed25519": (secret("one", pem.pair(HOST, kind="ed25519")), "neither RSA nor ECDSA"),
    "dsa": (secret("one", pem.pair(HOST, kind="dsa")), "neither RSA nor ECDSA"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("with_default", [True, False])
def test_a_bad_secret_is_told_and_the_default_answers_if_there_is_one(case: str, with_default: bool) -> None:
    bad, words = BAD[case]
    made = objects.pipeline(
        site("one"),
        secret("default", pem.pair("*.example.com"), "sys"),
        settings=DEFAULT if with_default else Settings(),
    )
    if bad is not None:
        objects.put(made, bad)
    assert used(made) == ([("sys/default", "ecdsa")] if with_default else [])
    ((reason, message),) = told(made)
    assert reason == "InvalidSecret"
    assert "shop/one" in message
    assert words in message
    assert not made.graph.failures


def test_a_bad_secret_beside_a_good_one_of_the_other_algorithm() -> None:
    made = objects.pipeline(site("bad", "good"), secret("good", pem.pair(HOST, kind="rsa")))
    assert used(made) == [("shop/good", "rsa")]
    assert [reason for reason, _ in told(made)] == ["InvalidSecret"]


@pytest.mark.parametrize(
    ("covered", "fits"),
    [
        ((HOST,), True),
        (("*.example.com",), True),
        ((HOST.upper(),), True),
        (("b.example.com", HOST), True),
        (("example.com",), False),
        (("*.a.example.com",), False),
        (("*.com",), False),
        (("xa.example.com",), False),
    ],
)
def test_a_certificate_must_be_for_the_name(covered: tuple[str, ...], fits: bool) -> None:
    made = objects.pipeline(site("one"), secret("one", pem.pair(*covered)))
    assert [reason for reason, _ in told(made)] == ([] if fits else ["NameMismatch"])
    assert len(row(made).pairs) == fits


def test_a_common_name_counts_only_where_there_are_no_alternative_names() -> None:
    made = objects.pipeline(site("one"), secret("one", pem.pair(common_name=HOST)))
    assert used(made) == [("shop/one", "ecdsa")]
    objects.put(made, secret("one", pem.pair("b.example.com", common_name=HOST)))
    assert [reason for reason, _ in told(made)] == ["NameMismatch"]


def test_a_certificate_without_any_name_fits_nothing() -> None:
    made = objects.pipeline(site("one"), secret("one", pem.pair()))
    ((reason, message),) = told(made)
    assert reason == "NameMismatch"
    assert "no DNS name" in message


def test_an_expired_certificate_still_answers_and_shows_its_end() -> None:
    made = objects.pipeline(site("one"), secret("one", pem.pair(HOST, years=1)))
    assert row(made).pairs[0].not_after.startswith("2021-01-01")


def test_string_data_wins_over_data() -> None:
    made = pem.pair(HOST)
    text = {"tls.crt": made.chain.decode(), "tls.key": made.key.decode()}
    one = Secret(objects.metadata("one", "shop"), "kubernetes.io/tls", {"tls.crt": b"old"}, text)
    assert used(objects.pipeline(site("one"), one)) == [("shop/one", "ecdsa")]


def test_rotation_changes_only_the_secret() -> None:
    made = objects.pipeline(site("one"), secret("one", pem.pair(HOST)))
    before = objects.contents(made)
    objects.put(made, secret("one", pem.pair(HOST, number=1)))
    after = objects.contents(made)
    assert [name for name in after if after[name] != before[name]] == [(names.SECRET, HOST)]


def test_a_secret_that_comes_later_is_used_and_one_that_goes_is_missed() -> None:
    made = objects.pipeline(site("one"), settings=DEFAULT)
    assert not row(made).pairs
    one = secret("one", pem.pair(HOST))
    objects.put(made, one)
    assert used(made) == [("shop/one", "ecdsa")]
    objects.drop(made, one)
    assert not row(made).pairs


# Default certificates


def test_defaults_are_asked_in_order_and_by_pattern() -> None:
    wanted = tuple(DefaultCertificate(*entry) for entry in (("*.b.com", "sys/b"), ("*", "sys/any")))
    made = objects.pipeline(
        site("gone", host="x.b.com", name="b"),
        site("gone", host="x.c.com", name="c"),
        secret("b", pem.pair("*.b.com", kind="rsa"), "sys"),
        secret("any", pem.pair("any.com"), "sys"),
        settings=Settings(tls=TlsSettings(default_certificates=wanted)),
    )
    assert used(made, "x.b.com") == [("sys/b", "rsa")]
    assert used(made, "x.c.com") == [("sys/any", "ecdsa")]
    assert used(made, "*.b.com") == [("sys/b", "rsa")]
    assert used(made, "*") == [("sys/any", "ecdsa")]


def test_a_tls_entry_without_a_secret_asks_for_the_default() -> None:
    made = objects.pipeline(site(""), secret("default", pem.pair("*.example.com"), "sys"), settings=DEFAULT)
    assert used(made) == [("sys/default", "ecdsa")]
    assert not told(made)


def test_a_default_certificate_that_is_missing_is_the_operators_problem() -> None:
    made = objects.pipeline(settings=DEFAULT)
    ((origin, field, reason),) = objects.problems(made)
    assert (origin, field, reason) == ("Setting tls.default_certificates", "*.example.com", "InvalidSecret")


def test_a_tenant_does_not_replace_the_operators_certificate_for_any_name() -> None:
    wanted = Settings(tls=TlsSettings(default_certificates=(DefaultCertificate("*", "sys/default"),)))
    greedy = objects.ingress("greedy", tls=[objects.tls("mine")], default=objects.backend("web"))
    made = objects.pipeline(
        greedy, secret("mine", pem.pair("x.com")), secret("default", pem.pair("any.com"), "sys"), settings=wanted
    )
    assert used(made, "*") == [("sys/default", "ecdsa")]
    assert [reason for reason, _ in told(made)] == ["CertificateConflict"]


# Several namespaces


def two_tenants(ownership: HostOwnership) -> Pipeline:
    """The host is claimed first by `shop`, without TLS; `evil` claims it later, for TLS too."""
    return objects.pipeline(
        objects.web(HOST, created="2020-01-01T00:00:00Z"),
        site("mine", name="evil", namespace="evil", created="2021-01-01T00:00:00Z"),
        secret("mine", pem.pair(HOST), "evil"),
        settings=Settings(ingress=IngressSettings(host_ownership=ownership)),
    )


def test_shared_hosts_share_their_certificate() -> None:
    made = two_tenants(HostOwnership.SHARED)
    assert used(made) == [("evil/mine", "ecdsa")]


def test_nobody_answers_tls_for_a_host_that_another_namespace_owns() -> None:
    made = two_tenants(HostOwnership.FIRST_NAMESPACE)
    certificate = made.certificates.get(HOST)
    assert certificate is None or not certificate.pairs
    (host,) = made.hosts.rows.values()
    assert not any(route.https_only for route in host.routes)


def test_nobody_turns_a_foreign_host_to_https_by_a_wildcard() -> None:
    made = objects.pipeline(
        objects.web(HOST, created="2020-01-01T00:00:00Z"),
        site("mine", host="*.example.com", name="evil", namespace="evil", created="2019-01-01T00:00:00Z"),
        secret("mine", pem.pair("*.example.com"), "evil"),
        settings=Settings(ingress=IngressSettings(host_ownership=HostOwnership.FIRST_NAMESPACE)),
    )
    host = made.hosts.get(next(key for key in made.hosts.rows if key.host == HOST))
    assert host is not None
    assert not any(route.https_only for route in host.routes)


def test_keys_never_print() -> None:
    made = objects.pipeline(site("one"), secret("one", pem.pair(HOST)))
    shown = f"{row(made)!r} {made.secrets.rows!r} {made.pairs.rows!r}"
    assert "PRIVATE KEY" not in shown
    assert "[redacted]" in shown
