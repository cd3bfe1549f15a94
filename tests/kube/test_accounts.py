"""The API server says whose a token is; we say whether that may be a node."""

from __future__ import annotations

import pytest

from sealos_gateway.kube.accounts import Accounts
from sealos_gateway.trust.review import Proven, RefusedError, UndecidedError
from tests.fakes import FakeKube
from tests.kube.cluster import client_of

USER = "system:serviceaccount:gw:sealos-gateway-node"


GATEWAYS = {"gw/sealos-gateway-node": "ingress", "shop/edge-sealos": "shop.edge"}


async def review(kube: FakeKube, token: str, node: str = "claimed") -> Proven:
    async with client_of(kube) as api:
        return await Accounts(api, "sealos-gateway", GATEWAYS.get).review(token, node)


async def test_a_token_bound_to_a_pod_names_the_node() -> None:
    kube = FakeKube()
    kube.accounts = {"bound": (USER, "sealos-gateway", "pod-1"), "loose": (USER, "sealos-gateway", "")}
    async with kube.running():
        assert await review(kube, "bound") == ("pod-1", "ingress")
        assert await review(kube, "loose") == ("claimed", "ingress")


async def test_the_account_decides_whose_node_it_is() -> None:
    kube = FakeKube()
    kube.accounts = {"theirs": ("system:serviceaccount:shop:edge-sealos", "sealos-gateway", "edge-1")}
    async with kube.running():
        assert await review(kube, "theirs") == ("edge-1", "shop.edge")


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("unknown", "does not take the token .*token audiences are invalid"),
        ("for others", "for the audience sealos-gateway"),
        ("a person's", "gw:sealos-gateway-node is no service account"),
        ("of others", "gw/other may not be a node: it is not in control.node_accounts"),
    ],
)
async def test_other_tokens_are_refused_in_words(token: str, words: str) -> None:
    kube = FakeKube()
    other = "system:serviceaccount:gw:other"
    kube.accounts = {"for others": (USER, "api", ""), "of others": (other, "sealos-gateway", "")}
    kube.accounts["a person's"] = ("gw:sealos-gateway-node", "sealos-gateway", "")
    async with kube.running():
        with pytest.raises(RefusedError, match=words):
            await review(kube, token)


async def test_without_an_answer_nothing_is_decided() -> None:
    kube = FakeKube()
    async with kube.running():
        kube.fail("tokenreviews", 500)
        with pytest.raises(UndecidedError, match="cannot be checked now"):
            await review(kube, "x")
        kube.fail("tokenreviews", 403)
        with pytest.raises(UndecidedError, match="create tokenreviews"):
            await review(kube, "x")


async def test_an_api_server_that_says_nothing_of_audiences_proves_nothing() -> None:
    kube = FakeKube()
    kube.accounts, kube.knows_audiences = {"for others": (USER, "api", "")}, False
    async with kube.running():
        with pytest.raises(RefusedError, match="for the audience sealos-gateway"):
            await review(kube, "for others")
