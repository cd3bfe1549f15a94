"""A thousand clusters changed at once and one endpoint elsewhere meanwhile: what the size of a response does to both.

One gateway; the size is exchanged between rounds by the annotation of the class, so that sizes are compared in turn.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench import world
from bench.client import Client, comes_from, serves
from bench.lab import Gateway, Lab
from bench.result import Figure, Result, Size, milliseconds
from bench.rows import services
from bench.world import Upstream

ANNOTATION = "sealos.io/cds-batch-size"
SIZES = (1000, 100)
BYSTANDER = "bystander"
#: After the file was written: the gateway has read it, and Envoy is at work.
LATER_SECONDS = 0.18
REST_SECONDS = 0.5
Seconds = dict[int, list[float]]


def run(lab: Lab, size: Size) -> Result:
    """Every cluster changes to HTTP/2 and back, once for each size and round."""
    folder, names = lab.folder(), [f"many-{number}" for number in range(size.services)]
    _batch(folder, SIZES[0])
    world.write(folder / "ingresses.json", [world.ingress(name, name) for name in names])
    services.write(folder, names, lab.a)
    _bystander(folder, lab.a)
    all_took: Seconds = defaultdict(list)
    one_took: Seconds = defaultdict(list)
    with services.http2_backend(lab) as http2, lab.gateway(folder) as gateway:
        gateway.ready()
        gateway.client.warm(map(world.host, [*names, BYSTANDER]))
        for _ in range(size.service_rounds):
            for batch in SIZES:
                _hold(gateway, folder, batch)
                for to, other in ((http2, lab.b), (lab.a, lab.a)):
                    time.sleep(REST_SECONDS)
                    with _meanwhile(gateway, folder, other, lab) as took:
                        all_took[batch].append(services.change(gateway, folder, names, to, serves))
                    one_took[batch] += took
    return Result([_figure(size, all_took, one_took)], {"all_seconds": all_took, "one_seconds": one_took})


def _batch(folder: Path, batch: int) -> None:
    ingress_class, *others = world.common()
    ingress_class["metadata"]["annotations"][ANNOTATION] = str(batch)
    world.write(folder / "common.json", [ingress_class, *others])


def _hold(gateway: Gateway, folder: Path, batch: int) -> None:
    _batch(folder, batch)
    deadline = time.monotonic() + services.LIMIT_SECONDS
    while gateway.metrics()["sgw_cds_batch_size"] != batch:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the gateway does not take the batch size {batch}")
        time.sleep(services.LOOK_SECONDS)


def _bystander(folder: Path, upstream: Upstream) -> None:
    world.write(folder / "bystander.json", list(world.application(BYSTANDER, upstream)))


@contextmanager
def _meanwhile(gateway: Gateway, folder: Path, upstream: Upstream, lab: Lab) -> Iterator[list[float]]:
    """Give the bystander another endpoint a little later; seconds until that one answers."""
    took: list[float] = []

    def replace() -> None:
        time.sleep(LATER_SECONDS)
        began = time.perf_counter()
        _bystander(folder, upstream)
        client = Client(gateway.port)
        took.append(client.until(world.host(BYSTANDER), comes_from("b" if upstream is lab.b else "a")) - began)
        client.close()

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        yield took
    finally:
        thread.join()


def _figure(size: Size, all_took: Seconds, one_took: Seconds) -> Figure:
    """No bar: the first is the bar of the row `services`."""
    shown = (
        f"{batch}: {milliseconds(median(one_took[batch]))} (all: {milliseconds(median(all_took[batch]))})"
        for batch in SIZES
    )
    return Figure(
        f"endpoint replaced while {size.services:,} clusters change → first answer from it, by clusters per response",
        f"{size.services:,} 个集群变更期间替换一个端点 → 其首个应答，按每个响应的集群数",
        "–",
        "; ".join(shown),
    )
