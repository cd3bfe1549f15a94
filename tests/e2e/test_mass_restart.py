"""Every pod of many Services replaced in a rolling way, under load, as told by an API server: nobody notices.

The API server is the FakeKube. A pod is an address within 127.0.0.0/8 that stops listening, and cuts its connections,
two seconds after it was said to be terminating. The same with 1,000 Services is a row of the bench.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e import manifests
from tests.e2e.conftest import NewGateway
from tests.e2e.harness import Gateway
from tests.e2e.load import answer
from tests.e2e.processes import eventually
from tests.e2e.test_kubernetes import kubeconfig
from tests.fakes import FakeKube

SERVICES, PODS = 50, 3
SPREAD, STEP, GRACE = 3.0, 0.4, 2.0
ACKNOWLEDGED = 2.0
NAMESPACE = "many"
BODY = {generation: f'{{"name": "{generation}"}}'.encode() for generation in ("old", "new")}


class Pod:
    """One address, from `open` to `close`."""

    def __init__(self, address: str, generation: str) -> None:
        self.address, self.generation, self.ready = address, generation, True
        self.transports: set[asyncio.Transport] = set()
        self.server: asyncio.Server | None = None

    async def open(self, port: int) -> int:
        self.server = await asyncio.get_running_loop().create_server(lambda: Connection(self), self.address, port)
        return int(self.server.sockets[0].getsockname()[1])

    def close(self) -> None:
        assert self.server is not None
        self.server.close()
        for transport in list(self.transports):
            transport.abort()


class Connection(asyncio.Protocol):
    """Answers every request with the generation of its pod; requests have no bodies."""

    transport: asyncio.Transport

    def __init__(self, pod: Pod) -> None:
        self.pod, self.pending = pod, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.pod.transports.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.pod.transports.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        *requests, self.pending = (self.pending + data).split(b"\r\n\r\n")
        body = BODY[self.pod.generation]
        self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body) * len(requests))


def host(number: int) -> str:
    return f"s{number}.example.com"


class Cluster:
    """The Services, their pods, and the API server that knows them."""

    def __init__(self, kube: FakeKube) -> None:
        self.kube = kube
        self._addresses = (f"127.2.{number >> 8}.{number & 255}" for number in itertools.count(1))
        self.pods = [[self._pod("old") for _ in range(PODS)] for _ in range(SERVICES)]
        self.port = 0
        self.last_change, self.last_changed = 0.0, 0

    async def begin(self) -> None:
        for number, pods in enumerate(self.pods):
            for pod in pods:
                self.port = await pod.open(self.port)
            self.kube.put("ingresses", manifests.ingress(f"s{number}", NAMESPACE, {host(number): f"s{number}:80"}))
            self.kube.put("services", manifests.service(f"s{number}", NAMESPACE))
            self.tell(number)

    def tell(self, number: int) -> None:
        places = [
            manifests.endpoint(pod.address, ready=pod.ready, serving=True, terminating=not pod.ready)
            for pod in self.pods[number]
        ]
        self.kube.put("endpointslices", manifests.endpoint_slice(f"s{number}", NAMESPACE, places, {"http": self.port}))

    async def replace(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(SERVICES):
                group.create_task(self._replace(group, number))

    async def _replace(self, group: asyncio.TaskGroup, number: int) -> None:
        await asyncio.sleep(SPREAD * number / SERVICES)
        for old in list(self.pods[number]):
            self.pods[number].append(new := self._pod("new"))
            await new.open(self.port)
            self.tell(number)
            await asyncio.sleep(STEP)
            old.ready = False
            self.tell(number)
            self.last_change, self.last_changed = time.monotonic(), number
            group.create_task(self._end(number, old))
            await asyncio.sleep(STEP)

    async def _end(self, number: int, pod: Pod) -> None:
        await asyncio.sleep(GRACE)
        pod.close()
        self.pods[number].remove(pod)
        self.tell(number)

    def _pod(self, generation: str) -> Pod:
        return Pod(next(self._addresses), generation)

    def close(self) -> None:
        for pods in self.pods:
            for pod in pods:
                pod.close()

    def ready(self, number: int) -> list[str]:
        return sorted(f"{pod.address}:{self.port}" for pod in self.pods[number] if pod.ready)


@asynccontextmanager
async def visited(gateway: Gateway) -> AsyncIterator[Counter[str]]:
    """Clients that ask all hosts in turn, without a pause; what was answered, by kind."""
    found: Counter[str] = Counter()
    stop = asyncio.Event()

    async def visit(first: int, http2: bool) -> None:
        async with gateway.client(http2=http2) as client:
            for number in itertools.count(first):
                if stop.is_set():
                    return
                found[await answer(client, host(number % SERVICES))] += 1

    async with asyncio.TaskGroup() as group:
        for first, http2 in ((0, False), (SERVICES // 2, True)):
            group.create_task(visit(first, http2))
        try:
            yield found
        finally:
            stop.set()


@pytest.mark.parametrize("cache_seconds", [0, 60])
async def test_every_pod_is_replaced_and_nobody_notices(
    new_gateway: NewGateway, tmp_path: Path, cache_seconds: int
) -> None:
    kube = FakeKube()
    async with kube.running():
        cluster = Cluster(kube)
        await cluster.begin()
        source = ["--kubeconfig", str(kubeconfig(tmp_path, kube.url))]
        gateway = new_gateway(source=source, settings={"push": {"eds_cache_seconds": cache_seconds}})
        await asyncio.to_thread(gateway.start)
        async with visited(gateway) as found:
            await eventually(lambda: found["old"] >= SERVICES)
            async with asyncio.TaskGroup() as group:
                group.create_task(cluster.replace())
                group.create_task(is_acknowledged_in_time(gateway, cluster))
        assert found.keys() == {"old", "new"}, found
        changes = gateway.metric("sgw_endpoint_changes_total")
        saved = gateway.metric("sgw_endpoint_pushes_saved_total")
        assert saved >= SERVICES if cache_seconds else saved == 0
        assert changes >= saved + SERVICES * PODS
        async with gateway.client() as client:
            assert {await answer(client, host(number)) for number in range(SERVICES)} == {"new"}
        cluster.close()
        assert await asyncio.to_thread(gateway.stop) == 0


async def is_acknowledged_in_time(gateway: Gateway, cluster: Cluster) -> None:
    """The last change that matters is the last pod that terminates; from then on the source only tidies up."""

    def told() -> bool:
        return all(not pod.ready or pod.generation == "new" for pods in cluster.pods for pod in pods)

    await eventually(told, SPREAD + 2 * PODS * STEP + 10)

    async def acknowledged() -> None:
        page = await asyncio.to_thread(gateway.status, f"/explain?url=http://{host(cluster.last_changed)}/")
        assert sorted(page.json()["endpoints"]) == cluster.ready(cluster.last_changed)
        lines = (await asyncio.to_thread(gateway.status, "/metrics")).text.splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        assert values["sgw_acknowledged_revision"] == values["sgw_revision"]

    await eventually(acknowledged)
    assert time.monotonic() - cluster.last_change <= ACKNOWLEDGED
