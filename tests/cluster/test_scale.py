"""Very many objects on a real API server: how long until a gateway has read them, and what writing their status costs.

`KUBE_SCALE=20000` for the full size of the first; it takes a minute and a half, most of it to make the objects.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cluster.harness import Api, Cluster, eventually
from tests.e2e import manifests
from tests.e2e.harness import Gateway

SIZE = int(os.environ.get("KUBE_SCALE", "1000"))
NEW, MOST_WRITES, STATUS_SECONDS = 1_000, 1_200, 5.0
READY_SECONDS = 8.0
WRITERS, PAGE = 8, 500
INGRESSES, SLICES = "/apis/networking.k8s.io/v1/ingresses", "/apis/discovery.k8s.io/v1/endpointslices"
ADDRESS = "203.0.113.7"


@pytest.fixture
def start(api_server: Cluster, tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    made: list[Gateway] = []

    def gateway(name: str, **settings: object) -> Gateway:
        made.append(Gateway(tmp_path / name, settings=settings, source=["--kubeconfig", str(api_server.kubeconfig)]))
        return made[-1]

    yield gateway
    for one in made:
        one.stop()


def in_namespace(path: str, namespace: str) -> str:
    prefix, _, plural = path.rpartition("/")
    return f"{prefix}/namespaces/{namespace}/{plural}"


def everywhere(count: int, make: Callable[[int], object]) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(make, range(count)))


def download(admin: Api) -> float:
    """Seconds that a plain client needs for all lists, page by page, decoded."""
    began = time.monotonic()
    for path in (INGRESSES, "/api/v1/services", SLICES):
        more = ""
        while True:
            found = admin.get(path, limit=str(PAGE), **({"continue": more} if more else {}))
            more = found["metadata"].get("continue", "")
            if not more:
                break
    return time.monotonic() - began


@pytest.mark.timeout(600)
def test_all_is_read_not_much_later_than_a_plain_client_has_it(
    start: Callable[..., Gateway], admin: Api, namespace: str
) -> None:
    def make(number: int) -> None:
        name = f"a{number}"
        ingress = manifests.ingress(name, namespace, {f"{name}.scale.test": f"{name}:80"})
        admin.create(in_namespace(INGRESSES, namespace), ingress)
        service = manifests.service(name, namespace)
        service["spec"]["clusterIP"] = "None"
        admin.create(f"/api/v1/namespaces/{namespace}/services", service)
        slices = manifests.endpoint_slice(name, namespace, ["100.66.0.1"], {"http": 8080})
        admin.create(in_namespace(SLICES, namespace), slices)

    everywhere(SIZE, make)
    plain = download(admin)
    gateway, began = start("scale"), time.monotonic()
    gateway.start(120)
    took = time.monotonic() - began
    print(f"{SIZE} of each kind: plain client {plain:.1f} s, gateway ready after {took:.1f} s")
    assert gateway.metric("sgw_hosts") >= SIZE, "ready before everything was read"
    assert took <= plain + READY_SECONDS


def status_writes(admin: Api) -> int:
    """How often somebody wrote the status of an Ingress, as the API server counts it."""
    lines = admin.http.get("/metrics").text.splitlines()
    counted = [it for it in lines if it.startswith("apiserver_request_total{") and 'resource="ingresses"' in it]
    written = [it for it in counted if 'subresource="status"' in it and re.search('verb="(APPLY|PATCH|PUT)"', it)]
    return sum(int(float(it.rpartition(" ")[2])) for it in written)


def at_rest(admin: Api) -> int:
    """The same, once the Ingresses of other tests have theirs."""
    before = -1
    while before != (now := status_writes(admin)):
        before = now
        time.sleep(2)
    return before


@pytest.mark.timeout(120)
def test_a_thousand_statuses_are_written_once_each_and_soon(
    start: Callable[..., Gateway], admin: Api, namespace: str
) -> None:
    gateway = start("status", kubernetes={"publish_addresses": [ADDRESS]})
    gateway.start(60)
    path = in_namespace(INGRESSES, namespace)

    def make(number: int) -> None:
        admin.create(path, manifests.ingress(f"s{number}", namespace, {f"s{number}.status.test": "absent:80"}))

    def published() -> bool:
        found = admin.get(path)["items"]
        return len(found) == NEW and all(
            it["status"].get("loadBalancer", {}).get("ingress") == [{"ip": ADDRESS}] for it in found
        )

    before = at_rest(admin)
    everywhere(NEW, make)
    created = time.monotonic()
    eventually(published, 60)
    took, writes = time.monotonic() - created, status_writes(admin) - before
    print(f"{NEW} Ingresses: last status {took:.1f} s after the last was made, {writes} writes")
    assert NEW <= writes <= MOST_WRITES
    assert took <= STATUS_SECONDS
