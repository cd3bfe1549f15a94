"""One authority for all replicas, in a Secret; its certificate in a ConfigMap, as long as it is wanted."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from datetime import UTC, datetime

import pytest

from sealos_gateway.kube.keeping import SecretKeeper
from sealos_gateway.trust.authority import Authority, new_authority
from sealos_gateway.trust.credentials import Credentials
from sealos_gateway.trust.identity import TrustError
from tests.fakes import FakeKube, Object
from tests.kube.cluster import client_of

PLACE = ("gw", "sealos-gateway-ca")


def made() -> Credentials:
    return new_authority(datetime.now(UTC))


async def kept(kube: FakeKube) -> Authority:
    async with client_of(kube) as api:
        return await SecretKeeper(api, *PLACE).authority(made)


def found(kube: FakeKube, plural: str) -> Object:
    one = kube.get(plural, *PLACE)
    assert one is not None
    return one


async def test_the_first_replica_makes_it_and_the_others_take_it() -> None:
    kube = FakeKube()
    async with kube.running():
        first, second = await kept(kube), await kept(kube)
        assert first.bundle == second.bundle
        secret = found(kube, "secrets")
        assert secret["type"] == "kubernetes.io/tls"
        assert b64decode(secret["data"]["tls.crt"]) == first.bundle
        assert b64decode(secret["data"]["tls.key"]).startswith(b"-----BEGIN PRIVATE KEY")
        config = found(kube, "configmaps")
        assert config["data"] == {"ca.crt": first.bundle.decode()}
        assert not kube.asked("/secrets/", "PUT")


async def test_replicas_that_start_at_once_agree() -> None:
    kube = FakeKube()
    async with kube.running():

        async def patient() -> bytes:
            while True:
                try:
                    return (await kept(kube)).bundle
                except TrustError:  # another one made the ConfigMap in the same moment
                    await asyncio.sleep(0)

        assert len(set(await asyncio.gather(*(patient() for _ in range(5))))) == 1


async def test_what_was_made_empty_is_filled_in_and_keeps_all_else() -> None:
    kube = FakeKube()
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    async with kube.running():
        for plural, kind in (("secrets", {"kind": "Secret", "type": "Opaque"}), ("configmaps", {"kind": "ConfigMap"})):
            metadata = {"name": PLACE[1], "namespace": PLACE[0], "labels": labels}
            kube.put(plural, {"apiVersion": "v1", **kind, "metadata": metadata})
        first, second = await kept(kube), await kept(kube)
        assert first.bundle == second.bundle
        assert found(kube, "secrets")["type"] == "Opaque"
        assert b64decode(found(kube, "secrets")["data"]["tls.crt"]) == first.bundle
        assert found(kube, "configmaps")["data"] == {"ca.crt": first.bundle.decode()}
        assert [found(kube, plural)["metadata"]["labels"] for plural in ("secrets", "configmaps")] == [labels] * 2
        assert not kube.asked("/secrets", "POST")


async def test_a_config_map_that_was_changed_or_deleted_is_put_right() -> None:
    kube = FakeKube()
    async with kube.running():
        authority = await kept(kube)
        kube.put("configmaps", {**found(kube, "configmaps"), "data": {"ca.crt": "another"}})
        await kept(kube)
        assert found(kube, "configmaps")["data"] == {"ca.crt": authority.bundle.decode()}
        kube.delete("configmaps", *PLACE)
        await kept(kube)
        assert found(kube, "configmaps")["data"] == {"ca.crt": authority.bundle.decode()}


@pytest.mark.parametrize(
    "data", [{"tls.crt": "aGFsZg=="}, {"tls.crt": "%%%", "tls.key": ""}, {"tls.crt": "aGFsZg==", "tls.key": "aGFsZg=="}]
)
async def test_a_damaged_secret_is_told_and_left(data: dict[str, str]) -> None:
    kube = FakeKube()
    async with kube.running():
        kube.put("secrets", {"metadata": {"namespace": PLACE[0], "name": PLACE[1]}, "data": data})
        with pytest.raises(TrustError, match=r"damaged|cannot be read"):
            await kept(kube)
        assert found(kube, "secrets")["data"] == data


async def test_no_permission_is_told_with_the_place() -> None:
    kube = FakeKube()
    async with kube.running():
        kube.fail("/secrets", 403)
        with pytest.raises(TrustError, match="Secret and ConfigMap gw/sealos-gateway-ca"):
            await kept(kube)
