"""From the API server's answer to the first 200: routes one after the other, each with a good and an invalid backend.

As gateway-api-bench, "Route Propagation": route k is applied, then asked for on one kept connection until it answers
200. 404 means not yet; everything else is an error. Routes stay, so route k is added among k others.
"""

from __future__ import annotations

import time
from typing import Any, Final

from bench.client import Client
from bench.gatewayapi import bulk, objects, route_scale
from bench.gatewayapi.objects import Object
from bench.gatewayapi.place import Place, place
from bench.result import Figure, Result, milliseconds, quantile

SIZE: Final = 3000
UNDER_LOAD_SIZE: Final = 100
LOAD_ROUTES: Final = 5000
BAR_SECONDS: Final = 0.025
#: The mean of the last hundred may be so much more than that of the hundred after the first hundred: noise.
GROWTH: Final = 1.25
LIMIT_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 0.005


def route(name: str, backend: str = "backend") -> Object:
    """Two rules with the same filters; the second one's Service does not exist."""
    filters = [objects.header("Request", "x-request"), objects.header("Response", "x-response")]
    rules = [
        objects.rule(backend, "/r", filters=filters),
        objects.rule("invalid-backend", "/", filters=filters),
    ]
    return objects.http_route(name, f"{name}.example.com", rules)


def probe(where: Place, client: Client, one: Object, errors: dict[int, int]) -> float:
    """Seconds until the route answers. Errors are counted by status."""
    host = one["spec"]["hostnames"][0]
    where.apply(one)
    began = time.perf_counter()
    while (status := client.get(host, "/r")[0]) != 200:
        if status != 404:
            errors[status] = errors.get(status, 0) + 1
        if time.perf_counter() - began > LIMIT_SECONDS:
            raise TimeoutError(f"{host} still answers {status} after {LIMIT_SECONDS:.0f} s")
        time.sleep(PAUSE_SECONDS)
    return time.perf_counter() - began


def run(size: int) -> Result:
    """Without other changes."""
    with place() as where:
        where.backend()
        times, errors = probes(where, size)
    raw: dict[str, Any] = {"routes": size, "seconds": times, "errors": errors}
    return Result(_figures(times, errors), raw)


def run_under_load(size: int) -> Result:
    """So many routes while fifty times as many others are there and some of them change."""
    others = LOAD_ROUTES * size // UNDER_LOAD_SIZE
    with place() as where:
        where.backend(pods=2)
        world = route_scale.World(others, where.backend_addresses())
        route_scale.prepare(where, world)
        return under_load(where, world, size)


def under_load(where: Place, world: route_scale.World, size: int = UNDER_LOAD_SIZE) -> Result:
    """The same where the others are there already."""
    churn = bulk.Churn(where, world.another_endpoint, world.another_route)
    with churn.running():
        times, errors = probes(where, size)
    mean, count = sum(times) / len(times), sum(errors.values())
    figure = Figure(
        f"propagation while {len(world.apps):,} other routes are there and change, {size} routes, mean",
        f"传播：另有 {len(world.apps):,} 条路由存在并变更时，{size} 条，均值",
        f"≤ {milliseconds(BAR_SECONDS)}, 0 errors",
        f"{milliseconds(mean)} (longest {milliseconds(max(times))}), {count} errors",
        mean <= BAR_SECONDS and not count,
        "agentgateway 21.4 ms, Istio 376 ms, EG 2.08 s, NGF > 5 min",
    )
    raw = {"routes": size, "others": len(world.apps), "seconds": times, "errors": errors, "changes": churn.changes}
    return Result([figure], raw)


def probes(where: Place, size: int) -> tuple[list[float], dict[int, int]]:
    """So many routes, one after the other; the seconds of each, and errors by status."""
    client, errors = where.client(), dict[int, int]()
    try:
        return [probe(where, client, route(f"{number}-route"), errors) for number in range(size)], errors
    finally:
        client.close()


def _figures(times: list[float], errors: dict[int, int]) -> list[Figure]:
    mean, count = sum(times) / len(times), sum(errors.values())
    window = min(100, len(times) // 3) or 1
    early, late = times[window : 2 * window] or times, times[-window:]
    growth = (sum(late) / len(late)) / (sum(early) / len(early))
    return [
        Figure(
            f"propagation: a route applied → first 200, {len(times):,} routes, mean",
            f"传播：写入路由 → 首个 200，共 {len(times):,} 条，均值",
            f"≤ {milliseconds(BAR_SECONDS)}",
            f"{milliseconds(mean)} (p99 {milliseconds(quantile(times, 0.99))}, longest {milliseconds(max(times))})",
            mean <= BAR_SECONDS,
            "agentgateway 16.6 ms, Kgateway 75 ms, Istio 221 ms, EG 320 ms, NGF 508 ms",
        ),
        Figure(
            f"the same, the last {window} against the second {window} (mean)",
            f"同上，最后 {window} 条与第二个 {window} 条之比（均值）",
            f"≤ {GROWTH} ×",
            f"{growth:.2f} × ({milliseconds(sum(early) / len(early))} → {milliseconds(sum(late) / len(late))})",
            growth <= GROWTH,
            "with 3,000 routes: agentgateway 30 ms, Istio 310 ms, EG 610 ms, NGF 840 ms",
        ),
        Figure(
            "the same, answers that are neither 200 nor 404",
            "同上，既非 200 也非 404 的应答",
            "0",
            f"{count} {errors or ''}".strip(),
            count == 0,
            "agentgateway 0, Istio 0, EG 14,808",
        ),
    ]
