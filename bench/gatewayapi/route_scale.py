"""What thousands of routes cost while some of them change: memory, processor time, bytes pushed, time series.

As gateway-api-bench, "Route Scale": namespaces full of a Service, an endpoint and an HTTPRoute each; then an endpoint
is replaced every 2 s, and the weight of a route's backend changed every 1 s, for ten minutes unless said otherwise.
Service accounts and pod objects are left out: nothing here reads them. Endpoints are two real pods, so that afterwards
every route can be visited, and the same is measured once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from bench.gatewayapi import bulk, objects
from bench.gatewayapi.apps import Apps
from bench.gatewayapi.objects import Object
from bench.gatewayapi.place import Place, place
from bench.gatewayapi.usage import Usage, measured
from bench.result import Figure, Result, megabytes
from tests.cluster.harness import eventually

SIZE: Final = 5000
MOST_DATA_PLANE: Final = 120e6
MOST_CONTROL_PLANE: Final = 300e6
MOST_SERIES: Final = 2000
SETTLE_SECONDS: Final = 600.0


class World(Apps):
    """So many apps, each with a route."""

    def __init__(self, size: int, addresses: list[str]) -> None:
        super().__init__("mesh", size, addresses)

    def objects(self) -> Iterator[Object]:
        """All of them."""
        for namespace, app in self.apps:
            yield from self.backend(namespace, app)
            yield self.route(namespace, app)

    def route(self, namespace: str, app: str, weight: int = 1) -> Object:
        return objects.http_route(app, f"{app}.example.com", [objects.rule(app, weight=weight)], namespace)

    def another_route(self) -> Object:
        """Another weight."""
        return self.route(*self.one(), self.another_weight())


def run(size: int, churn_seconds: float, meanwhile: Callable[[Place, World], None] | None = None) -> Result:
    """See the text of this module. `meanwhile` is done while things change and before every route is visited."""
    with place() as where:
        where.backend(pods=2)
        world = World(size, where.backend_addresses())
        with measured(where) as setup:
            creating, served = prepare(where, world)
        untouched, changes = churned(where, world, churn_seconds)
        if meanwhile is not None:
            meanwhile(where, world)
        with measured(where) as visiting:
            errors = visit(where, world)
        visited, more = churned(where, world, churn_seconds / 5)
    raw = {
        "routes": size, "creating_seconds": creating, "served_seconds": served, "errors": errors,
        "changes": changes, "changes_visited": more,
        **{name: msgspec.to_builtins(usage) for name, usage in (
            ("setup", setup), ("untouched", untouched), ("visiting", visiting), ("visited", visited))},
    }  # fmt: skip
    return Result(_figures(size, untouched, visited, changes, errors), raw)


def prepare(where: Place, world: World) -> tuple[float, float]:
    """Make everything, and wait until it is served; the seconds of both."""
    world.made(where)
    return bulk.create(where, world.objects()), _served(where, world, len(world.apps))


def churned(where: Place, world: World, seconds: float) -> tuple[Usage, dict[str, int]]:
    """What it takes while things change for so long, and how many did."""
    churn = bulk.Churn(where, world.another_endpoint, world.another_route)
    with measured(where) as usage, churn.running():
        time.sleep(seconds)
    return usage, dict(churn.changes)


def _served(where: Place, world: World, size: int) -> float:
    """Seconds until the last route answers and the status counts all."""
    began, client = time.perf_counter(), where.client()
    host = f"{world.apps[-1][1]}.example.com"
    eventually(lambda: client.get(host)[0] == 200, SETTLE_SECONDS)
    client.close()
    path = f"{objects.collection('Gateway')}/{objects.GATEWAY}"
    eventually(lambda: where.api.get(path)["status"]["listeners"][0]["attachedRoutes"] == size, SETTLE_SECONDS)
    return time.perf_counter() - began


def visit(where: Place, world: World) -> int:
    """Ask every host once; how many did not answer 200."""
    client = where.client()
    found = sum(client.get(f"{app}.example.com")[0] != 200 for _, app in world.apps)
    client.close()
    return found


def _memory(usage: Usage) -> str:
    """Of the data plane; what is in no file is the least that a container's working set can be (`usage`)."""
    without = f"{megabytes(usage.anonymous)} without pages of files"
    return f"{megabytes(usage.data_plane)} (Envoy {megabytes(usage.envoy)}; {without})"


def _figures(size: int, untouched: Usage, visited: Usage, changes: dict[str, int], errors: int) -> list[Figure]:
    rate = untouched.pushed / untouched.seconds / 1e3
    return [
        Figure(
            f"route scale: {size:,} routes and Services with churn, memory of the data plane (relay and Envoy)",
            f"路由规模：{size:,} 条路由与 Service，持续变更，数据面内存（relay 与 Envoy）",
            f"≤ {megabytes(MOST_DATA_PLANE)}",
            f"{_memory(untouched)}; every route visited: {_memory(visited)}",
            untouched.data_plane <= MOST_DATA_PLANE,
            "agentgateway 49 MB, Kgateway 1.5 GB, EG 1.3 GB, Istio 2.0 GB, NGF 2.1 GB",
        ),
        Figure(
            "the same, memory of the control plane",
            "同上，控制面内存",
            f"≤ {megabytes(MOST_CONTROL_PLANE)}",
            f"{megabytes(max(untouched.control_plane, visited.control_plane))}",
            max(untouched.control_plane, visited.control_plane) <= MOST_CONTROL_PLANE,
            "agentgateway 538 MB, NGF 590 MB, Istio 761 MB, EG 3.6 GB",
        ),
        Figure(
            f"the same, processors used by control plane and data plane, bytes pushed in {untouched.seconds:.0f} s "
            f"({changes['HTTPRoute']} routes and {changes['EndpointSlice']} endpoints changed)",
            f"同上，{untouched.seconds:.0f} 秒内控制面与数据面占用的处理器，推送字节"
            f"（变更 {changes['HTTPRoute']} 条路由、{changes['EndpointSlice']} 个端点）",
            "–",
            f"{untouched.control_plane_cpu / untouched.seconds:.3f} and "
            f"{untouched.data_plane_cpu / untouched.seconds:.3f} cores, {rate:.1f} kB/s",
            None,
            "agentgateway 0.007 and 0.001, Istio 0.14 and 0.16 (3,070 kB/s), EG 3.8 and 0.37 (3,440 kB/s)",
        ),
        Figure(
            "the same, time series of the data plane",
            "同上，数据面的时间序列数",
            f"< {MOST_SERIES:,}",
            f"{untouched.series:,}; every route visited: {visited.series:,}",
            untouched.series < MOST_SERIES,
            "Istio 557, Cilium 341,778, EG 852,418, Kgateway 1,710,982",
        ),
        Figure(
            "the same, every route visited once, answers that are not 200",
            "同上，每条路由访问一次，非 200 的应答",
            "0", f"{errors} of {size:,}", errors == 0,
        ),
    ]  # fmt: skip
