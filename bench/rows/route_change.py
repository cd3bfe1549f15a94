"""One route changed among many: file rewritten → the answer comes from the other backend."""

import time

from bench import world
from bench.client import comes_from
from bench.lab import Lab
from bench.result import Figure, Result, Size, milliseconds, quantile

HOST = "changing"
WARM_UP = 4  # the first changes load both clusters
MEDIAN_SECONDS = 0.020


def run(lab: Lab, size: Size) -> Result:
    """The Ingress lies in a file of its own; its backend alternates between two Services."""
    folder, times = lab.folder(), []
    services = [*world.service("a", lab.a), *world.service("b", lab.b)]
    world.write(folder / "services.json", services)
    world.write(folder / "ingress.json", [world.ingress(HOST, "a")])
    with lab.gateway(lab.world(size.hosts), folder) as gateway:
        gateway.ready()
        gateway.client.until(world.host(HOST), comes_from("a"))
        for number in range(size.route_samples + WARM_UP):
            backend = "ba"[number % 2]
            changed = [world.ingress(HOST, backend)]
            began = time.perf_counter()
            world.write(folder / "ingress.json", changed)
            times.append(gateway.client.until(world.host(HOST), comes_from(backend)) - began)
    return _result(size, times[WARM_UP:])


def _result(size: Size, times: list[float]) -> Result:
    median, worst = quantile(times, 0.5), quantile(times, 0.99)
    figure = Figure(
        f"one route changed, among {size.hosts:,}, p50",
        f"修改一条路由，共 {size.hosts:,} 个域名，p50",
        f"≤ {milliseconds(MEDIAN_SECONDS)}",
        f"{milliseconds(median)} (p99 {milliseconds(worst)})",
        median <= MEDIAN_SECONDS,
    )
    return Result([figure], {"hosts": size.hosts, "seconds": times})
