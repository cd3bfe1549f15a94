"""Names of nodes, and what certificates say of their holders."""

from __future__ import annotations

import pytest

from sealos_gateway.trust.holder import holder
from sealos_gateway.trust.identity import Identity, TrustError, node_name
from tests import pem


@pytest.mark.parametrize("name", ["a", "node-1", "sealos-gateway-x7k2p", "ip-10-0-0-1.internal", "a" * 253])
def test_names_as_pods_and_hosts_have_them(name: str) -> None:
    assert node_name(name) == name


@pytest.mark.parametrize("name", ["", "A", "a b", "a/b", "-a", "a-", "a" * 254, "a\n", "ä"])
def test_names_that_could_mean_something_else(name: str) -> None:
    with pytest.raises(TrustError, match="no name for a node"):
        node_name(name)


def test_a_uri_says_gateway_and_name() -> None:
    assert Identity("ingress", "n1").uri == "spiffe://sealos-gateway/ingress/node/n1"


def test_a_certificate_of_somebody_else_is_that_of_no_node() -> None:
    with pytest.raises(TrustError, match="not that of a node"):
        holder(pem.pair("a.com").chain)
    with pytest.raises(TrustError, match="does not say whose"):
        holder(b"")
