"""What Envoy counts of each backend: little unless everything is asked for (docs/operations.md)."""

from __future__ import annotations

import asyncio
import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
from google.protobuf import json_format

from sealos_gateway.envoy import api, bootstrap, gateway_listeners, listeners
from sealos_gateway.model.gateway_listener import GatewayListener
from sealos_gateway.node import supervisor
from sealos_gateway.node.admin import Admin, AdminError
from tests.e2e import manifests, processes
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway
from tests.e2e.harness import LOOPBACK, Gateway, eventually

HOSTS = 40
NAMESPACE = "external"  # a word that occurs in names of statistics
MOST_SERIES = 25
#: What one visited backend may take of Envoy's heap, its routes and an open connection included; 68,000 are measured.
MOST_BYTES = 80_000
ALL = {"envoy": {"statistics": "full"}}


def host(number: int) -> str:
    return f"h{number}.test"


def cluster(number: int) -> str:
    return f"outbound|80||s{number}.{NAMESPACE}.svc.cluster.local"


def world(port: int) -> Iterator[manifests.Object]:
    """Hosts with a Service each."""
    for number in range(HOSTS):
        yield manifests.service(f"s{number}", NAMESPACE)
        yield manifests.endpoint_slice(f"s{number}", NAMESPACE, ["127.0.0.1"], {"http": port})
        yield manifests.ingress(f"i{number}", NAMESPACE, {host(number): f"s{number}:80"})


async def visit(gateway: Gateway, *numbers: int) -> None:
    replies = await asyncio.gather(*(gateway.get(host(number)) for number in numbers))
    assert {it.status_code for it in replies} == {200}


def series(gateway: Gateway) -> list[str]:
    """Lines of Envoy's page of metrics."""
    return [it for it in gateway.status("/metrics/envoy").text.splitlines() if it and it[0] != "#"]


def of(number: int, lines: list[str]) -> list[str]:
    return [line for line in lines if f'"{cluster(number)}"' in line]


def allocated(gateway: Gateway) -> int:
    return int(json.loads(gateway.admin("/memory"))["allocated"])


async def timed(gateway: Gateway, numbers: range) -> list[str]:
    """All lines, once the histograms of these backends are filled: Envoy does that every few seconds."""

    def check() -> list[str]:
        found = series(gateway)
        lines = [line for line in found if line.startswith("envoy_cluster_upstream_rq_time_count")]
        assert all(of(number, lines) for number in numbers)
        return found

    return await eventually(check, 20)


async def test_a_gateway_of_its_own_data_plane_is_a_label(tmp_path: Path) -> None:
    """Its namespace and name have a dot between them, where Envoy takes the name of a port to end."""
    row = GatewayListener("shop.edge/80", processes.free_ports(1)[0])
    options = bootstrap.Options("n", str(tmp_path / "nobody"), str(tmp_path / "admin"))
    message = json_format.Parse(bootstrap.bootstrap(options), api.bootstrap.Bootstrap())
    listener = gateway_listeners.listener(row, LOOPBACK, listeners.Options())
    message.static_resources.listeners.append(listener)
    (tmp_path / "envoy.json").write_text(json_format.MessageToJson(message))
    with (tmp_path / "log").open("wb") as log:
        command = [str(supervisor.packaged_binary()), "-c", str(tmp_path / "envoy.json"), "--disable-hot-restart"]
        process = processes.start(command, log, log)
    try:
        text = await eventually(functools.partial(_prometheus, tmp_path / "admin"))
    finally:
        processes.end(process, 5.0)
    label = 'envoy_http_conn_manager_prefix="gateway/shop.edge/80"'
    assert f'envoy_http_downstream_rq_xx{{envoy_response_code_class="5",{label}}}' in text
    assert [line for line in text.splitlines() if "edge" in re.split(r"[{ ]", line)[0]] == []


async def _prometheus(socket: Path) -> str:
    """All metrics of an Envoy, once there are those of its listeners."""
    try:
        await Admin(socket).is_live()
    except AdminError as error:
        raise AssertionError from error
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(socket))) as client:
        text = (await client.get("http://envoy/stats/prometheus")).text
    assert "gateway/shop" in text
    return text


async def test_a_visited_backend_has_few_time_series_and_little_memory(new_gateway: NewGateway, echo_a: Echo) -> None:
    gateway = new_gateway(*world(echo_a.port), settings={"lazy": {"threshold": 0}}, concurrency=1)
    gateway.start()
    await visit(gateway, 0)
    before, heap = await timed(gateway, range(1)), allocated(gateway)
    await visit(gateway, *range(1, HOSTS))
    took = (allocated(gateway) - heap) / (HOSTS - 1)
    after = await timed(gateway, range(HOSTS))
    each = [len(of(number, after)) for number in range(HOSTS)]
    assert max(each) <= MOST_SERIES, of(0, after)
    assert min(each) > 15
    assert len(after) - len(before) <= MOST_SERIES * (HOSTS - 1)
    assert took <= MOST_BYTES


async def test_what_goes_wrong_with_a_backend_is_counted(new_gateway: NewGateway, echo_a: Echo) -> None:
    """A connection that is refused, with another attempt; a request that takes too long."""
    annotated = {"sealos.io/timeout": "1"}
    gateway = new_gateway(*world(echo_a.port))
    slow = (manifests.ingress(f"i{n}", NAMESPACE, {host(n): f"s{n}:80"}, annotations=annotated) for n in (0, 1))
    closed = manifests.endpoint_slice("s1", NAMESPACE, ["127.0.0.1"], {"http": processes.free_ports(1)[0]})
    gateway.apply(closed, *slow)
    gateway.start()
    assert (await gateway.get(host(1))).status_code == 503
    assert (await gateway.get(host(0), "/?delay=3")).status_code == 504
    found = of(0, series(gateway)) + of(1, series(gateway))
    names = {line.split("{")[0].removeprefix("envoy_cluster_upstream_") for line in found}
    assert {"rq_xx", "rq", "rq_timeout", "rq_retry", "cx_connect_fail"} <= names
    codes = {code for line in found for code in re.findall(r'envoy_cluster_upstream_rq\{.*response_code="(\d+)"', line)}
    assert codes == {"503", "504"}


async def test_everything_is_counted_where_it_is_asked_for(new_gateway: NewGateway, echo_a: Echo) -> None:
    gateway = new_gateway(*world(echo_a.port), settings=ALL)
    gateway.start()
    await visit(gateway, 0)
    lines = of(0, await timed(gateway, range(1)))
    assert len(lines) > 100
    names = {line.split("{")[0] for line in lines}
    assert {"envoy_cluster_circuit_breakers_default_rq_open", "envoy_cluster_upstream_cx_http1_total"} <= names
    buckets = [line for line in lines if line.startswith("envoy_cluster_upstream_rq_time_bucket")]
    assert len(buckets) == 20
