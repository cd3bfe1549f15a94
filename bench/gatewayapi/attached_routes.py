"""How soon, and in how many writes, a Gateway's status says how many routes are attached.

As gateway-api-bench, "Attached Routes": in one namespace N times a Service without pods and an HTTPRoute, one after the
other; then all are deleted. Every version of the Gateway that a watch shows is a write.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Final

import httpx

from bench.gatewayapi import objects
from bench.gatewayapi.place import Place, place
from bench.result import Figure, Result
from tests.cluster.harness import eventually

SIZE: Final = 1000
MOST_WRITES: Final = 300
LIMIT_SECONDS: Final = 180.0


class Samples:
    """`attachedRoutes` of the first listener in every version of the Gateway, and when it was seen."""

    def __init__(self, where: Place) -> None:
        self.found: list[tuple[float, int]] = []
        self._api = where.another_api()
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        chosen = f"metadata.name={objects.GATEWAY}"
        with (
            suppress(httpx.TransportError),
            self._api.watch(objects.collection("Gateway"), fieldSelector=chosen) as events,
        ):
            for event in events:
                listeners = event["object"].get("status", {}).get("listeners") or [{}]
                self.found.append((time.perf_counter(), int(listeners[0].get("attachedRoutes", -1))))

    def until(self, wanted: int) -> float:
        """The moment at which so many were told first, as the last thing that was told."""
        eventually(lambda: bool(self.found) and self.found[-1][1] == wanted, LIMIT_SECONDS)
        return self.found[-1][0]


def run(size: int) -> Result:
    """See the text of this module."""
    with place() as where:
        samples = Samples(where)  # it ends with the cluster
        samples.until(0)
        before = len(samples.found)
        began = time.perf_counter()
        for number in range(size):
            name = f"app-{number}"
            where.create(objects.service(name), objects.http_route(name, f"{name}.example.com", [objects.rule(name)]))
        created = time.perf_counter()
        added = max(0.0, samples.until(size) - created)
        writes_up = len(samples.found) - before
        teardown = time.perf_counter()
        for kind in ("HTTPRoute", "Service"):
            for number in range(size):
                where.api.call("DELETE", f"{objects.collection(kind)}/app-{number}")
        removed = samples.until(0) - teardown
        writes = len(samples.found) - before
    raw = {
        "routes": size, "creating_seconds": created - began, "added_seconds": added, "removed_seconds": removed,
        "writes": writes, "writes_while_adding": writes_up,
    }  # fmt: skip
    return Result([_figure(raw)], raw)


def _figure(raw: dict[str, float]) -> Figure:
    return Figure(
        f"attached routes: {raw['routes']:,} added and removed, writes of the Gateway's status",
        f"挂载路由：增删 {raw['routes']:,} 条，Gateway 状态的写入次数",
        f"≤ {MOST_WRITES}",
        f"{raw['writes']} (right {raw['added_seconds']:.2f} s after the last was created, 0 again "
        f"{raw['removed_seconds']:.1f} s after the first was deleted)",
        raw["writes"] <= MOST_WRITES,
        "Istio 311, Kgateway 323, EG 1,383, Kong 1,403",
    )
