"""What one Ingress claims: the parts of the rules that the golden cases of `golden/ingress` do not show."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sealos_gateway.resources import core, ingress
from sealos_gateway.resources.meta import Metadata
from sealos_gateway.translate import hosts
from tests import objects


@pytest.mark.parametrize(
    ("pattern", "host", "covered"),
    [
        ("a.com", "a.com", True),
        ("*.a.com", "x.a.com", True),
        ("*.a.com", "*.a.com", True),
        ("*", "x.a.com", True),
        ("*", "*", True),
        ("*.a.com", "a.com", False),
        ("*.a.com", "x.y.a.com", False),
        ("*.a.com", "xa.com", False),
        ("*.com", "*.a.com", False),
        ("*.a.com", "*", False),
        ("a.com", "*.a.com", False),
    ],
)
def test_covers(pattern: str, host: str, covered: bool) -> None:
    assert hosts.covers(pattern, host) is covered


@pytest.mark.parametrize("host", ["a.com", "*.a.com", "A.Com", "a", "a-b.c1", "1a.2b", "x" * 63 + ".com"])
def test_hosts_that_are_served(host: str) -> None:
    assert hosts.error(host) == ""


@pytest.mark.parametrize("host", ["", "*", "a.com\n", "a.com\0", "\u212aa.com", "1.2.3.4", "x.", ".x", "a" * 254])
def test_hosts_that_are_refused(host: str) -> None:
    assert hosts.error(host)


def test_a_long_host_is_cut_in_the_message() -> None:
    assert len(hosts.error("x" * 100_000)) < 200


@given(st.text("aA1*.-_|:/ \n\u212a\u0130\u00fc", max_size=8))
@example("*.a.com")
def test_a_host_that_is_served_is_plain_text(host: str) -> None:
    if not hosts.error(host):
        assert host.isascii()
        assert not set(host.removeprefix("*.")) - set("aA1.-com")


def test_claims_hosts_and_server_names_once_each() -> None:
    rules = (objects.rule("a.com", objects.path("/")), objects.rule("A.com", objects.path("/b")))
    made = objects.pipeline(
        objects.ingress("web", *rules, tls=[objects.tls("s", "a.com", "A.COM"), objects.tls("s", "a.com")])
    )
    ((_, attached),) = made.attachments.rows.items()
    assert [key.host for key in attached.hosts] == ["a.com"]
    assert [name for name, _ in attached.server_names] == ["a.com"]


def test_ten_thousand_rules_of_one_ingress() -> None:
    rules = [objects.rule(f"h{number}.example.com", objects.path("/")) for number in range(500)]
    paths = [objects.path(f"/{number}") for number in range(2_000)]
    made = objects.pipeline(objects.ingress("web", *rules, objects.rule("big.example.com", *paths)), objects.service())
    assert len(made.hosts) == 501
    assert not made.problems()


def test_a_huge_path_is_no_harm() -> None:
    made = objects.pipeline(
        objects.ingress("web", objects.rule("a.com", objects.path("/" + "x" * 1_000_000), objects.path("/\ud800"))),
        objects.service(),
    )
    assert objects.reasons(made) == ["InvalidPath"]
    objects.contents(made)


words = st.text(max_size=8) | st.sampled_from(["*", "*.", "*.a.com", "a.com", "A.COM", "\ud800", "|", "ingress|a.com"])
texts = words.map(lambda word: "/" + word) | words
ports = st.integers(-5, 5) | st.sampled_from([80, 65_535, 65_536, 2**31, 2**70])
backends = st.builds(
    ingress.IngressBackend,
    st.none()
    | st.builds(ingress.IngressService, st.just("web") | words, st.builds(ingress.IngressServicePort, ports, words)),
    st.none() | st.builds(ingress.TypedLocalObjectReference, words, words),
)
paths = st.builds(
    ingress.IngressPath, backends, texts, words | st.sampled_from(["Exact", "Prefix", "ImplementationSpecific"])
)
http = st.none() | st.builds(ingress.IngressPaths, st.lists(paths, max_size=3).map(tuple))
specs = st.builds(
    ingress.IngressSpec,
    st.just("sealos"),
    st.none() | backends,
    st.none()
    | st.lists(st.builds(ingress.IngressTls, st.lists(words, max_size=2).map(tuple), words), max_size=2).map(tuple),
    st.lists(st.builds(ingress.IngressRule, words, http), max_size=3).map(tuple),
)
notes = st.none() | st.dictionaries(st.just("sealos.io/ssl-redirect") | words, words, max_size=2)
services = st.builds(
    core.ServiceSpec,
    type=st.sampled_from(["ClusterIP", "ExternalName", "odd"]),
    ports=st.lists(st.builds(core.ServicePort, ports, words, app_protocol=st.none() | words), max_size=2).map(tuple),
    external_name=words,
)
slices = st.lists(
    st.builds(
        core.Endpoint,
        st.lists(words | st.sampled_from(["10.0.0.1", "::1"]), max_size=2).map(tuple),
    ),
    max_size=2,
).map(tuple)


@settings(max_examples=60)
@given(specs, notes, services, slices, ports)
def test_nothing_that_a_user_writes_raises_or_cannot_be_rendered(
    spec: ingress.IngressSpec,
    annotations: dict[str, str] | None,
    service: core.ServiceSpec,
    endpoints: tuple[core.Endpoint, ...],
    port: int,
) -> None:
    made = objects.pipeline(
        ingress.Ingress(Metadata("odd", "shop", annotations=annotations), spec),
        core.Service(objects.metadata("web", "shop"), service),
        objects.slice_of("web", *endpoints, ports=(core.EndpointPort(port),)),
    )
    assert not made.graph.failures
    objects.contents(made)
    for problem in made.problems():
        assert str(problem).isprintable()
        assert len(str(problem)) < 1_000
