"""`sgw run --kubeconfig`: objects of an API server become traffic, and status and events are written back.

The API server is the FakeKube (its likeness to the real one is shown by tests/kube/contract.py); the rest is real.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import pem
from tests.e2e import manifests, tls
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway
from tests.e2e.harness import Gateway
from tests.e2e.processes import eventually
from tests.fakes import FakeKube, Object

PLURALS = {"Ingress": "ingresses", "Service": "services", "EndpointSlice": "endpointslices", "Secret": "secrets"}
NAMESPACE, HOST, ADDRESS = "shop", "shop.example.com", "203.0.113.7"


class Cluster:
    """A FakeKube with one application in it, and a gateway that reads it."""

    def __init__(self, kube: FakeKube, gateway: Gateway) -> None:
        self.kube, self.gateway = kube, gateway

    def put(self, *objects: Object) -> None:
        for one in objects:
            self.kube.put(PLURALS[one["kind"]], one)

    async def answers(self, status: int, host: str = HOST) -> None:
        async def check() -> None:
            assert (await self.gateway.get(host)).status_code == status

        await eventually(check)

    def written(self, name: str = "web") -> Any:
        found = self.kube.get("ingresses", NAMESPACE, name)
        assert found is not None
        return found.get("status", {}).get("loadBalancer")


def application(port: int) -> list[Object]:
    return [
        manifests.ingress("web", NAMESPACE, {HOST: "web:80"}),
        manifests.service("web", NAMESPACE),
        manifests.endpoint_slice("web", NAMESPACE, ["127.0.0.1"], {"http": port}),
    ]


def kubeconfig(folder: Path, url: str) -> Path:
    """The least that a kubeconfig may be."""
    named = {"clusters": [{"name": "fake", "cluster": {"server": url}}], "users": [{"name": "me", "user": {}}]}
    context = {"name": "here", "context": {"cluster": "fake", "user": "me"}}
    path = folder / "kubeconfig"
    whole = {"apiVersion": "v1", "kind": "Config", "contexts": [context], "current-context": "here", **named}
    path.write_text(yaml.safe_dump(whole))
    return path


@pytest.fixture
async def cluster(new_gateway: NewGateway, tmp_path: Path, echo_a: Echo) -> AsyncIterator[Cluster]:
    kube = FakeKube()
    async with kube.running():
        source = ["--kubeconfig", str(kubeconfig(tmp_path, kube.url))]
        settings = {"kubernetes": {"publish_addresses": [ADDRESS]}}
        made = Cluster(kube, new_gateway(source=source, settings=settings))
        made.put(*application(echo_a.port))
        await asyncio.to_thread(made.gateway.start)
        yield made
        assert await asyncio.to_thread(made.gateway.stop) == 0


async def test_what_was_there_at_the_start_is_served_at_once(cluster: Cluster) -> None:
    assert (await cluster.gateway.get(HOST)).status_code == 200


async def test_changes_are_followed(cluster: Cluster, echo_a: Echo) -> None:
    cluster.put(manifests.ingress("more", NAMESPACE, {"more.example.com": "web:80"}))
    await cluster.answers(200, "more.example.com")
    cluster.kube.delete("ingresses", NAMESPACE, "more")
    await cluster.answers(404, "more.example.com")
    cluster.kube.delete("services", NAMESPACE, "web")
    await cluster.answers(503)


async def test_secrets_are_watched_when_they_are_needed(cluster: Cluster) -> None:
    assert not cluster.kube.asked("/secrets")
    entries = [tls.entry("cert", HOST)]
    cluster.put(manifests.ingress("web", NAMESPACE, {HOST: "web:80"}, tls=entries))
    pair = pem.pair(HOST)
    cluster.put(manifests.tls_secret("cert", NAMESPACE, pair.chain, pair.key))
    cluster.put(manifests.tls_secret("other", NAMESPACE, pair.chain, pair.key))
    await eventually(lambda: tls.serves(cluster.gateway, HOST))
    assert not [asked for asked in cluster.kube.asked("/secrets") if "other" in str(asked)]


async def test_the_address_is_written_into_the_status(cluster: Cluster) -> None:
    async def check() -> None:
        assert cluster.written() == {"ingress": [{"ip": ADDRESS}]}

    await eventually(check)


async def test_a_problem_becomes_an_event_on_its_object(cluster: Cluster) -> None:
    cluster.put(manifests.ingress("lost", NAMESPACE, {"lost.example.com": "nobody:80"}))

    async def check() -> None:
        events = [event for event in cluster.kube.all("events") if event["reason"] == "ServiceNotFound"]
        assert [
            event["regarding"]["name"] if "regarding" in event else event["involvedObject"]["name"] for event in events
        ] == ["lost"]

    await eventually(check)


async def test_the_gateway_serves_on_while_the_api_server_is_away(cluster: Cluster) -> None:
    port = cluster.kube.port
    await cluster.kube.stop()
    for _ in range(20):
        assert (await cluster.gateway.get(HOST)).status_code == 200
    await cluster.kube.start(port)
    cluster.put(manifests.ingress("later", NAMESPACE, {"later.example.com": "web:80"}))
    await cluster.answers(200, "later.example.com")


async def test_a_kubeconfig_that_cannot_be_used_is_told(new_gateway: NewGateway, tmp_path: Path) -> None:
    broken = tmp_path / "kubeconfig"
    broken.write_text("apiVersion: v1\nkind: Config\n")
    gateway = new_gateway(source=["--kubeconfig", str(broken)])
    gateway.launch()
    assert gateway.process is not None
    assert await asyncio.to_thread(gateway.process.wait, 20) == 1
    assert "kubeconfig" in gateway.stderr()
