"""Names of resources: unique, readable, and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.envoy import names
from sealos_gateway.model.keys import BackendKey, HostKey
from sealos_gateway.resources.meta import Origin, Ref

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)


def test_a_cluster_is_named_as_istio_names_it() -> None:
    assert names.backend(BackendKey("ns", "svc", 80), "cluster.local") == "outbound|80||svc.ns.svc.cluster.local"


def test_a_port_of_udp_is_another_cluster_than_that_of_tcp() -> None:
    key = BackendKey("ns", "svc", 53, transport="UDP")
    assert names.backend(key, "cluster.local") == "outbound|53|udp|svc.ns.svc.cluster.local"


@given(
    labels, labels, st.integers(1, 65_535), st.sampled_from(["cluster.local", "a", "svc.svc"]),
    st.sampled_from(["TCP", "UDP"]),
)  # fmt: skip
def test_a_backend_is_read_back(namespace: str, service: str, port: int, domain: str, transport: str) -> None:
    key = BackendKey(namespace, service, port, transport=transport)
    assert names.parse_backend(names.backend(key, domain), domain) == key


@pytest.mark.parametrize("host", ["a.com", "*.a.com", "*"])
def test_a_host_is_read_back(host: str) -> None:
    key = HostKey("ingress", host)
    assert names.parse_host(names.host(key)) == key


def test_every_type_has_a_short_name_and_a_place_in_the_order() -> None:
    assert set(names.ORDER) == set(names.SHORT)
    assert set(names.ORDER) >= names.BREAK_LAST
    assert len(set(names.SHORT.values())) == len(names.SHORT)


def test_what_names_another_comes_after_it() -> None:
    order = [names.SHORT[type_] for type_ in names.ORDER]
    assert order.index("clusters") < order.index("endpoints") < order.index("routes")
    assert order.index("secrets") < order.index("listeners") < order.index("scopes")


def test_a_bundle_of_authorities_is_read_back_and_nothing_else_is_one() -> None:
    several = (Origin("ConfigMap", Ref("shop", "a.b")), Origin("Secret", Ref("shop", "c")))
    assert names.parse_trust(names.trust(*several)) == several
    assert names.parse_trust(names.trust(several[0])) == several[:1]
    for other in ("trust/a", "trust/a/b/c+d", "client/a/b", "a.com"):
        assert names.parse_trust(other) == ()
