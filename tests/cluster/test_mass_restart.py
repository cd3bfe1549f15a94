"""All pods of very many Services replaced, told by a real API server as fast as it can: Envoy is never far behind.

No traffic: nobody listens on these addresses (an API server refuses those of loopback). That requests are answered
meanwhile is shown by `tests/e2e/test_mass_restart.py` and by the bench row `mass_restart`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.cluster.harness import Api, Cluster, Object, eventually
from tests.e2e import manifests
from tests.e2e.harness import Gateway

#: `MASS_RESTART_SERVICES=1000` for the full size.
SERVICES = int(os.environ.get("MASS_RESTART_SERVICES", "150"))
PODS, WRITERS = 3, 8
ACKNOWLEDGED = 2.0
NETWORKING, DISCOVERY = "/apis/networking.k8s.io/v1", "/apis/discovery.k8s.io/v1"


def address(service: int, pod: int) -> str:
    """The first three pods are old, the next three new."""
    number = service * 2 * PODS + pod
    return f"100.66.{number >> 8}.{number & 255}"


def states() -> list[list[int]]:
    """The ready pods of a Service, step by step: one more, one less, until all are new."""
    found = [list(range(PODS))]
    for old in range(PODS):
        found.append([*found[-1], PODS + old])
        found.append([pod for pod in found[-1] if pod != old])
    return found


def slice_of(namespace: str, service: int, pods: list[int]) -> Object:
    places = [address(service, pod) for pod in pods]
    return manifests.endpoint_slice(f"s{service}", namespace, places, {"http": 8080})


@pytest.fixture
def gateway(api_server: Cluster, tmp_path: Path) -> Iterator[Gateway]:
    found = Gateway(tmp_path, source=["--kubeconfig", str(api_server.kubeconfig)])
    try:
        yield found
    finally:
        found.stop()


def everywhere(write: Callable[[int], object]) -> None:
    """For every Service, several at a time. Raises what the first one raised."""
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(SERVICES)))


def known(gateway: Gateway) -> dict[str, set[str]]:
    """What Envoy sends requests to, by the name of the Service."""
    found = {}
    for cluster in json.loads(gateway.admin("/clusters?format=json"))["cluster_statuses"]:
        kind, _, _, host = cluster["name"].split("|") if "|" in cluster["name"] else ("", "", "", "")
        if kind == "outbound":
            hosts = [it["address"]["socket_address"] for it in cluster.get("host_statuses", [])]
            found[host.partition(".")[0]] = {it["address"] for it in hosts}
    return found


@pytest.mark.timeout(240)
def test_envoy_has_the_last_change_within_two_seconds(gateway: Gateway, admin: Api, namespace: str) -> None:
    slices = f"{DISCOVERY}/namespaces/{namespace}/endpointslices"

    def create(number: int) -> None:
        name = f"s{number}"
        ingress = manifests.ingress(name, namespace, {f"{name}.mass.test": f"{name}:80"})
        admin.create(f"{NETWORKING}/namespaces/{namespace}/ingresses", ingress)
        service = manifests.service(name, namespace)
        service["spec"]["clusterIP"] = "None"
        admin.create(f"/api/v1/namespaces/{namespace}/services", service)
        admin.create(slices, slice_of(namespace, number, states()[0]))

    def update(pods: list[int], number: int) -> None:
        admin.call("PUT", f"{slices}/s{number}-1", slice_of(namespace, number, pods))

    everywhere(create)
    gateway.start(60)
    assert sum(map(len, known(gateway).values())) >= SERVICES * PODS
    began = time.monotonic()
    for pods in states()[1:]:
        everywhere(partial(update, pods))
    written = time.monotonic()
    wanted = {f"s{number}": {address(number, PODS + pod) for pod in range(PODS)} for number in range(SERVICES)}
    eventually(lambda: known(gateway).items() >= wanted.items())
    behind = time.monotonic() - written
    print(f"{SERVICES * 2 * PODS} changes in {written - began:.1f} s, Envoy {behind:.3f} s behind")
    assert behind <= ACKNOWLEDGED
    eventually(lambda: gateway.metric("sgw_acknowledged_revision") == gateway.metric("sgw_revision"))
    assert gateway.metric("sgw_endpoint_changes_total") >= SERVICES * (1 + PODS)
