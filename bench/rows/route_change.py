"""One route changed among many: file rewritten → the answer comes from the other backend.

Twice: with a Service that other hosts use already, so that only the route has to travel; and with one that no host used
before, whose cluster and endpoints must be with Envoy before the route may go.
"""

import time
from pathlib import Path

from bench import world
from bench.client import comes_from
from bench.lab import Gateway, Lab
from bench.result import Figure, Result, Size, milliseconds, quantile

HOST = "changing"
WARM_UP = 4
MEDIAN_SECONDS = 0.020


def run(lab: Lab, size: Size) -> Result:
    """The Ingress lies in a file of its own; its backend alternates between two Services."""
    folder = lab.folder()
    world.write(folder / "services.json", [*world.service("a", lab.a), *world.service("b", lab.b)])
    world.write(folder / "ingress.json", [world.ingress(HOST, "a")])
    with lab.gateway(lab.world(size.hosts), folder) as gateway:
        gateway.ready()
        gateway.client.until(world.host(HOST), comes_from("a"))
        unused = _changes(gateway, folder, size.route_samples)
        world.write(folder / "users.json", [world.ingress(f"user-of-{name}", name) for name in "ab"])
        for name in "ab":
            gateway.client.until(world.host(f"user-of-{name}"), comes_from(name))
        used = _changes(gateway, folder, size.route_samples)
    figures = [
        _figure(size, used, "to a Service in use", "指向已在使用的 Service"),
        _figure(size, unused, "to a Service no host used", "指向尚未使用的 Service"),
    ]
    return Result(figures, {"hosts": size.hosts, "used_seconds": used, "unused_seconds": unused})


def _changes(gateway: Gateway, folder: Path, samples: int) -> list[float]:
    """Seconds of each change; begins and ends with backend `a`."""
    times = []
    for number in range(samples + WARM_UP):
        backend = "ba"[number % 2]
        changed = [world.ingress(HOST, backend)]
        began = time.perf_counter()
        world.write(folder / "ingress.json", changed)
        times.append(gateway.client.until(world.host(HOST), comes_from(backend)) - began)
    return times[WARM_UP:]


def _figure(size: Size, times: list[float], to: str, to_zh: str) -> Figure:
    median = quantile(times, 0.5)
    return Figure(
        f"one route changed {to}, among {size.hosts:,}, p50",
        f"修改一条路由（{to_zh}），共 {size.hosts:,} 个域名，p50",
        f"≤ {milliseconds(MEDIAN_SECONDS)}",
        f"{milliseconds(median)} (p99 {milliseconds(quantile(times, 0.99))})",
        median <= MEDIAN_SECONDS,
    )
