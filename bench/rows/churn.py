"""Many changes in a row (hosts added, changed, removed): whether memory stays flat on both sides."""

from dataclasses import asdict
from pathlib import Path

from bench import world
from bench.client import comes_from, is_gone
from bench.lab import Gateway, Lab, Memory
from bench.result import Figure, Result, Size, megabytes

BATCH = 20  # hosts per file
STEPS = 3  # added, changed, removed
VISITED = 5  # hosts of each batch that are asked for, so that Envoy loads them
SAMPLE_EVERY = 50  # batches
FLAT = 0.05  # growth that still counts as flat


def run(lab: Lab, size: Size) -> Result:
    """No host name comes twice, so whatever is kept per name would show. The warm-up fills pools and caches."""
    folder, samples = lab.folder(), []
    with lab.gateway(lab.world(size.services), folder) as gateway:
        gateway.ready()
        for number in range(size.churn_warm_up):
            _batch(lab, gateway, folder, f"warm-{number}")
        samples.append(_settled(gateway))
        for number in range(size.churn_batches):
            _batch(lab, gateway, folder, f"churn-{number}")
            if number % SAMPLE_EVERY == SAMPLE_EVERY - 1 or number == size.churn_batches - 1:
                samples.append(_settled(gateway))
    return _result(size, samples)


def _settled(gateway: Gateway) -> Memory:
    gateway.rest(10)
    return gateway.memory()


def _batch(lab: Lab, gateway: Gateway, folder: Path, name: str) -> None:
    """Add a file of hosts, move all of them to the other backend, remove the file; each time wait until it is seen."""
    names, path = [f"{name}-{number}" for number in range(BATCH)], folder / f"{name}.json"
    visited = [world.host(each) for each in names[:VISITED]]
    for upstream, backend in ((lab.a, "a"), (lab.b, "b")):
        world.write(path, [each for one in names for each in world.application(one, upstream)])
        for host in visited:
            gateway.client.until(host, comes_from(backend))
    path.unlink()
    for host in visited:
        gateway.client.until(host, is_gone)


def _result(size: Size, samples: list[Memory]) -> Result:
    changes = size.churn_batches * BATCH * STEPS
    first, last = samples[0], samples[-1]
    envoy, control_plane = last.envoy / first.envoy - 1, last.control_plane / first.control_plane - 1
    figure = Figure(
        f"{changes:,} changes in a row (add, change, remove): growth of memory",
        f"连续 {changes:,} 次变更（增、改、删）：内存增长",
        f"flat (≤ {FLAT:.0%})",
        f"Envoy {envoy:+.1%} of {megabytes(first.envoy)},"
        f" control plane {control_plane:+.1%} of {megabytes(first.control_plane)}",
        max(envoy, control_plane) <= FLAT,
    )
    warm_up = size.churn_warm_up * BATCH * STEPS
    return Result([figure], {"changes": changes, "warm_up": warm_up, "bytes": [asdict(each) for each in samples]})
