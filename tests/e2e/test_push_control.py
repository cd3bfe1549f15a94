"""Size and pace of what is pushed, seen from Envoy: clusters in batches, endpoints held back, removals at once."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest

from sealos_gateway.envoy import names
from sealos_gateway.model.keys import BackendKey
from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway
from tests.e2e.harness import Gateway, eventually
from tests.e2e.manifests import Object

SERVICES = 60
HOST = "web.example.com"
BATCH, TTL = "sealos.io/cds-batch-size", "sealos.io/eds-cache-ttl"
#: More than a test takes: what is held back for so long does not come by itself.
LONG = "10m"


def ingress_class(**annotations: str) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {
            "name": "sealos",
            "annotations": {{"batch": BATCH, "ttl": TTL}[k]: v for k, v in annotations.items()},
        },
        "spec": {"controller": "sealos.io/gateway-controller"},
    }


def problems(gateway: Gateway) -> list[str]:
    """Those of the class."""
    return [problem for problem in gateway.problems() if problem.startswith("IngressClass ")]


# ---------------------------------------------------------------- clusters


async def clusters_changed(gateway: Gateway, protocol: str) -> int:
    """Change all clusters at once; how many CDS responses it took until Envoy has them all."""
    before, revision = responses(gateway), gateway.metric("sgw_revision")
    many = [
        manifests.service(f"s{number}", "many", manifests.port(app_protocol=protocol)) for number in range(SERVICES)
    ]
    gateway.apply(*many, file="services.json")
    await eventually(lambda: gateway.metric("sgw_acknowledged_revision") > revision)
    return responses(gateway) - before


def responses(gateway: Gateway) -> int:
    (found,) = gateway.stats("cluster_manager.cds.update_success").values()
    return found


async def test_clusters_come_in_batches_of_the_size_that_holds_at_that_moment(new_gateway: NewGateway) -> None:
    many = [manifests.ingress(f"s{n}", "many", {f"s{n}.example.com": f"s{n}:80"}) for n in range(SERVICES)]
    gateway = new_gateway(settings={"push": {"cds_batch_size": 30}})
    gateway.apply(*many, file="ingresses.json")
    gateway.apply(*[manifests.service(f"s{n}", "many") for n in range(SERVICES)], file="services.json")
    gateway.start()
    assert await clusters_changed(gateway, "h2c") == 2
    for size, expected in (("10", 6), ("1000", 1), ("0", 2)):
        gateway.apply(ingress_class(batch=size))
        await gateway.settled()
        assert await clusters_changed(gateway, "") == expected
        assert await clusters_changed(gateway, "h2c") == expected
    (problem,) = problems(gateway)
    assert problem.startswith(f"IngressClass sealos metadata.annotations[{BATCH}]: InvalidAnnotation: '0' is not")


# ---------------------------------------------------------------- endpoints


class Web:
    """One Service whose endpoints are 127.0.0.1, 127.0.0.2 and so on, all of them one echo."""

    def __init__(self, gateway: Gateway, echo: Echo) -> None:
        self.gateway, self.echo = gateway, echo
        self.cluster = names.backend(BackendKey("web", "web", 80), "cluster.local")

    def has(self, *last: int) -> None:
        """The source says so."""
        places = [f"127.0.0.{number}" for number in last]
        self.gateway.apply(manifests.endpoint_slice("web", "web", places, {"http": self.echo.port}))

    def known(self) -> set[int]:
        """What Envoy sends requests to; nothing while there is no Envoy that knows the Service."""
        try:
            clusters = json.loads(self.gateway.admin("/clusters?format=json")).get("cluster_statuses", [])
        except OSError:
            return set()
        found = [cluster for cluster in clusters if cluster["name"] == self.cluster]
        hosts = [host for cluster in found for host in cluster.get("host_statuses", [])]
        return {int(host["address"]["socket_address"]["address"].rpartition(".")[2]) for host in hosts}

    async def becomes(self, *last: int, deadline: float = 5.0) -> float:
        """When Envoy knows exactly these."""

        def check() -> None:
            assert self.known() == set(last)

        await eventually(check, deadline)
        return time.monotonic()

    async def waiting(self, rows: int) -> None:
        await eventually(lambda: self.gateway.metric("sgw_endpoints_held_back") == rows)


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Echo]:
    """An echo that answers on all of 127.0.0.0/8."""
    found = Echo("web", tmp_path_factory.mktemp("echo"), "0.0.0.0")
    try:
        found.wait()
        yield found
    finally:
        found.stop()


@pytest.fixture
def web(new_gateway: NewGateway, everywhere: Echo) -> Web:
    gateway = new_gateway(manifests.service("web", "web"), manifests.ingress("web", "web", {HOST: "web:80"}))
    found = Web(gateway, everywhere)
    found.has(1)
    return found


async def test_additions_wait_and_removals_take_them_along(web: Web) -> None:
    web.gateway.apply(ingress_class(ttl=LONG))
    web.gateway.start()
    web.has(1, 2)
    await web.becomes(1, 2)
    web.has(1, 2, 3)
    await web.waiting(1)
    await web.gateway.settled()
    assert web.known() == {1, 2}
    web.has(2, 3)
    await web.becomes(2, 3)
    assert (await web.gateway.get(HOST)).status_code == 200
    web.has(2, 3, 4)
    web.gateway.write(
        "last.json",
        json.dumps(manifests.endpoint_slice("web", "web", ["127.0.0.5"], {"http": web.echo.port}, name="x")),
    )
    await web.waiting(1)
    web.gateway.apply(ingress_class(ttl="0s"))
    await web.becomes(2, 3, 4, 5)
    web.has(2, 3)
    await web.becomes(2, 3, 5)
    assert web.gateway.metric("sgw_endpoint_pushes_saved_total") >= 1
    assert not problems(web.gateway)


async def test_an_envoy_that_comes_back_is_answered_with_what_is_published(web: Web) -> None:
    web.gateway.apply(ingress_class(ttl=LONG))
    web.gateway.start()
    web.has(1, 2)
    await web.becomes(1, 2)
    web.has(1, 2, 3)
    await web.waiting(1)
    os.kill(gone := web.gateway.envoy_pid, signal.SIGKILL)

    def back() -> None:
        assert web.gateway.envoy_pid != gone
        assert web.gateway.is_ready()

    await eventually(back, 20)
    await web.becomes(1, 2)
    assert (await web.gateway.get(HOST)).status_code == 200
    assert web.gateway.metric("sgw_endpoints_held_back") == 1
    web.has(3)
    await web.becomes(3)


async def test_what_waits_comes_when_its_time_is_over(web: Web) -> None:
    web.gateway.settings["push"] = {"eds_cache_seconds": 2}
    web.gateway.start()
    web.has(1, 2)
    first = await web.becomes(1, 2)
    for last in range(3, 8):
        web.has(*range(1, last))
        await web.gateway.settled()
    second = await web.becomes(1, 2, 3, 4, 5, 6)
    assert 1.5 < second - first < 4
    assert web.gateway.metric("sgw_endpoint_pushes_total") <= 3
    assert web.gateway.metric("sgw_endpoint_pushes_saved_total") >= 3


async def test_a_service_without_endpoints_gets_its_first_ones_at_once(web: Web) -> None:
    web.gateway.apply(ingress_class(ttl=LONG))
    web.gateway.start()
    for last in (2, 3, 4):
        web.has()
        await web.becomes()
        assert (await web.gateway.get(HOST)).status_code == 503
        web.has(last)
        await web.becomes(last)
        assert (await web.gateway.get(HOST)).status_code == 200
