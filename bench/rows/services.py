"""A thousand Services changed at once, by one file → all acknowledged by Envoy, which has all of them loaded."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import world
from bench.client import Answer, comes_from, serves
from bench.lab import Gateway, Lab, process
from bench.result import Figure, Result, Size, milliseconds, quantile
from bench.scope_filters.lab import free_port
from bench.world import Upstream

BAR_SECONDS = 1.0
LIMIT_SECONDS = 60.0
LOOK_SECONDS = 0.01
CHECKED_HOSTS = 20


def run(lab: Lab, size: Size) -> Result:
    """Once the endpoints change; once the protocol too (HTTP/2), so that Envoy needs every cluster anew."""
    folder, names = lab.folder(), [f"many-{number}" for number in range(size.services)]
    world.write(folder / "ingresses.json", [world.ingress(name, name) for name in names])
    write(folder, names, lab.a)
    with http2_backend(lab) as http2, lab.gateway(lab.world(size.hosts), folder) as gateway:
        gateway.ready()
        gateway.client.warm(map(world.host, names))
        answers = {lab.a: comes_from("a"), lab.b: comes_from("b"), http2: serves}
        endpoints, clusters = (
            [
                change(gateway, folder, names, to, answers[to])
                for _ in range(size.service_rounds)
                for to in (other, lab.a)
            ]
            for other in (lab.b, http2)
        )
    return _result(size, endpoints, clusters)


def write(folder: Path, names: list[str], upstream: Upstream) -> None:
    """All Services with their endpoints, in one file."""
    world.write(folder / "services.json", [each for name in names for each in world.service(name, upstream)])


def change(
    gateway: Gateway, folder: Path, names: list[str], upstream: Upstream, expected: Callable[[Answer], bool]
) -> float:
    """Seconds from the file to the acknowledgement of its revision. Afterwards hosts must answer from there."""
    revision = gateway.metrics()["sgw_revision"]
    changed = [each for name in names for each in world.service(name, upstream)]
    began = time.perf_counter()
    world.write(folder / "services.json", changed)
    while gateway.metrics()["sgw_acknowledged_revision"] <= revision:
        if time.perf_counter() > began + LIMIT_SECONDS:
            raise TimeoutError(f"{len(names)} Services are not acknowledged after {LIMIT_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)
    took = time.perf_counter() - began
    for name in names[:: max(len(names) // CHECKED_HOSTS, 1)]:
        if not expected(answer := gateway.client.get(world.host(name))):
            raise AssertionError(f"{name} answers {answer} although its change was acknowledged")
    return took


@contextmanager
def http2_backend(lab: Lab) -> Iterator[Upstream]:
    """The product's own echo, which speaks HTTP/2 in clear text."""
    port = free_port()
    command = [sys.executable, "-m", "sealos_gateway", "echo", "--port", str(port), "--name", "http2"]
    with process(command, lab.root / "echo.log", subprocess.DEVNULL):
        yield Upstream(port, "kubernetes.io/h2c")


def _result(size: Size, endpoints: list[float], clusters: list[float]) -> Result:
    worst = max(*endpoints, *clusters)
    figure = Figure(
        f"{size.services:,} Services changed at once → all acknowledged by Envoy",
        f"同时修改 {size.services:,} 个 Service → Envoy 全部确认",
        f"≤ {BAR_SECONDS:.0f} s",
        f"endpoints {milliseconds(quantile(endpoints, 0.5))}, clusters {milliseconds(quantile(clusters, 0.5))}"
        f" (longest {milliseconds(worst)})",
        worst <= BAR_SECONDS,
    )
    return Result([figure], {"hosts": size.hosts, "endpoints_seconds": endpoints, "clusters_seconds": clusters})
