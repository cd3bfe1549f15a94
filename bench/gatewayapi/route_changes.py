"""A route that changes its backend while it is asked without a pause: every answer is to be 200.

As gateway-api-bench, "Route Changes": the route goes back and forth between a port of the Service with a filter and
another port without one, every 200 ms. One client on a kept connection asks as fast as it can.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Final

from bench.gatewayapi import objects
from bench.gatewayapi.objects import Object
from bench.gatewayapi.place import Place, place
from bench.result import Figure, Result
from tests.cluster.harness import eventually

SIZE: Final = 200
GAP_SECONDS: Final = 0.2
HOST: Final = "route.example.com"
PORTS: Final = (80, 8080)


class Visitor:
    """Asks until it is stopped; every answer is counted by its status."""

    def __init__(self, where: Place) -> None:
        self.found: Counter[int] = Counter()
        self._client, self._stop = where.client(), threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Visitor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        self._client.close()

    def _ask(self) -> None:
        while not self._stop.is_set():
            self.found[self._client.get(HOST)[0]] += 1

    @property
    def errors(self) -> dict[int, int]:
        """By status; 0 is a connection that failed."""
        return {status: number for status, number in self.found.items() if status != 200}


def variant(number: int) -> Object:
    """The route as it is at first, or as it is then."""
    if number % 2 == 0:
        return objects.http_route("route", HOST, [objects.rule("backend", filters=[objects.header("Response", "x")])])
    return objects.http_route("route", HOST, [objects.rule("backend", port=PORTS[1])])


def flips(where: Place, size: int) -> Counter[int]:
    """Answers by status while the route is changed so many times."""
    where.apply(variant(0))
    with Visitor(where) as visitor:
        eventually(lambda: visitor.found[200] > 0)
        visitor.found.clear()  # what was answered before the route was there
        for number in range(1, size + 1):
            where.apply(variant(number))
            time.sleep(GAP_SECONDS)
    return visitor.found


def run(size: int) -> Result:
    """See the text of this module."""
    with place() as where:
        where.backend(PORTS)
        found = flips(where, size)
    errors = sum(number for status, number in found.items() if status != 200)
    figure = Figure(
        f"a route changed {size} times under load, answers that are not 200",
        f"负载下修改路由 {size} 次，非 200 的应答",
        "0",
        f"{errors} of {found.total():,}",
        errors == 0,
        "agentgateway 0, Istio 0; EG 503s, NGF 500s",
    )
    return Result([figure], {"changes": size, "answers": {str(status): number for status, number in found.items()}})
