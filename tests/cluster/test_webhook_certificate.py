"""The webhook's certificate on a real API server: made once for all replicas, told, renewed without a gap."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from cryptography import x509

from sealos_gateway.kube.client import Client
from sealos_gateway.kube.config import KubeConfig
from sealos_gateway.kube.errors import NotFoundError
from sealos_gateway.webhook.certificate import LIFE, Keeper, Place
from tests.cluster.harness import Api, Cluster, Object
from tests.fake_clock import FakeClock

CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"


class Replicas:
    """Two of them, each with a client of its own, as in two pods."""

    def __init__(self, place: Place, clock: FakeClock, clients: list[Client]) -> None:
        self.place, self.clock = place, clock
        self.all = [Keeper(api, clock, place) for api in clients]


@pytest.fixture
async def replicas(api_server: Cluster, admin: Api, namespace: str) -> AsyncIterator[Replicas]:
    """With Secret and configuration as the chart makes them."""
    admin.create(f"/api/v1/namespaces/{namespace}/secrets", {"metadata": {"name": "hook"}})
    service = {"namespace": namespace, "name": "hook", "path": "/pods"}
    hooks = [
        {
            "name": f"{name}.sealos.io", "clientConfig": {"service": service}, "sideEffects": "None",
            "admissionReviewVersions": ["v1"], "objectSelector": {"matchLabels": {"never": "there"}},
        }
        for name in ("one", "two")
    ]  # fmt: skip
    admin.create(CONFIGURATIONS, {"metadata": {"name": namespace}, "webhooks": hooks})
    clock = FakeClock(skip=20)
    async with AsyncExitStack() as stack:
        clients = [Client(KubeConfig(str(api_server.kubeconfig)), clock) for _ in range(2)]
        for client in clients:
            await stack.enter_async_context(client)
        yield Replicas(Place(namespace, "hook", f"hook.{namespace}.svc", namespace), clock, clients)
    admin.call("DELETE", f"{CONFIGURATIONS}/{namespace}")


def told(admin: Api, name: str) -> set[bytes]:
    """What the API server trusts, of all webhooks of the configuration."""
    hooks: list[Object] = admin.get(f"{CONFIGURATIONS}/{name}")["webhooks"]
    return {b64decode(hook["clientConfig"].get("caBundle", "")) for hook in hooks}


async def test_replicas_that_start_together_agree_on_one_and_tell_it(admin: Api, replicas: Replicas) -> None:
    one, two = await asyncio.gather(*(keeper.pair() for keeper in replicas.all))
    assert one == two
    assert told(admin, replicas.place.configuration) == {one.bundle}
    names = x509.load_pem_x509_certificate(one.certificate).extensions
    found = names.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.DNSName) == [replicas.place.server_name]
    ssl.create_default_context(cadata=one.bundle.decode())


async def test_it_is_renewed_before_its_end_and_the_one_before_stays_trusted(admin: Api, replicas: Replicas) -> None:
    first, second = replicas.all
    before = await first.pair()
    assert await first.pair() == before

    replicas.clock.advance((LIFE * 0.7).total_seconds())
    after = await second.pair()
    assert after.certificate != before.certificate
    assert after.not_after - before.not_after > timedelta(days=60)
    # The first replica has not looked again yet, and must be believed as well as the second.
    assert told(admin, replicas.place.configuration) == {after.certificate + before.certificate}
    assert (await first.pair()).certificate == after.certificate


@pytest.mark.parametrize("damage", [{"tls.crt": "bm8="}, {"tls.key": "bm8="}])
async def test_a_damaged_one_is_replaced(admin: Api, replicas: Replicas, damage: dict[str, str]) -> None:
    keeper = replicas.all[0]
    before = await keeper.pair()
    place = f"/api/v1/namespaces/{replicas.place.namespace}/secrets/hook"
    admin.call("PATCH", place, {"data": damage}, headers={"content-type": "application/merge-patch+json"})
    after = await keeper.pair()
    assert after.certificate != before.certificate
    assert next(iter(told(admin, replicas.place.configuration))).startswith(after.certificate)


async def test_labels_of_the_secret_stay(admin: Api, replicas: Replicas) -> None:
    place = f"/api/v1/namespaces/{replicas.place.namespace}/secrets/hook"
    labels = {"metadata": {"name": "hook", "labels": {"release": "gw"}}}
    admin.apply(place, {"apiVersion": "v1", "kind": "Secret", **labels}, "helm")
    await replicas.all[0].pair()
    assert admin.get(place)["metadata"]["labels"] == {"release": "gw"}


async def test_without_the_secret_nothing_is_made(admin: Api, replicas: Replicas) -> None:
    admin.call("DELETE", f"/api/v1/namespaces/{replicas.place.namespace}/secrets/hook")
    with pytest.raises(NotFoundError):
        await replicas.all[0].pair()
