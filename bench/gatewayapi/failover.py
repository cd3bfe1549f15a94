"""One of four pods refuses connections now and then: how many requests fail.

As gateway-api-bench, "Backend Failover": 256 rules on one host, all to one Service with three pods that are always
there and one that is reset by its own firewall for 22 s of every 44 s. One request every 5 ms,
through the rules in turn.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from bench.gatewayapi import objects, processes
from bench.gatewayapi.place import Place, place
from bench.result import Figure, Result
from tests.cluster.harness import eventually

#: Cycles.
SIZE: Final = 5
HALF_SECONDS: Final = 22.0
SMALL_HALF_SECONDS: Final = 2.0
EVERY_SECONDS: Final = 0.005
HOST: Final = "route.example.com"
ROUTES = RULES = 16
FLIPPING: Final = "flipping"
_CHAIN: Final = "add table inet bench; add chain inet bench in { type filter hook input priority 0; }"
_REFUSE: Final = f"{_CHAIN}; add rule inet bench in tcp dport {objects.BACKEND_PORT} reject with tcp reset"


def prepare(where: Place) -> None:
    """The pods and all rules."""
    where.create(
        objects.deployment("steady", 3, app="backend"),
        objects.deployment(FLIPPING, app="backend"),
        objects.service("backend", app="backend"),
    )
    for number in range(ROUTES):
        rules = [objects.rule("backend", f"/{number * RULES + one}") for one in range(RULES)]
        where.apply(objects.http_route(f"r{number}", HOST, rules))
    where.pods_ready("steady", 3)
    where.pods_ready(FLIPPING, 1)
    client = where.client()
    eventually(lambda: all(client.get(HOST, f"/{number}")[0] == 200 for number in range(0, ROUTES * RULES, RULES)))
    client.close()


def asked(where: Place, seconds: float, counted: Counter[str], paths: Iterator[int]) -> None:
    """Ask for so long; each answer counts for the pod that gave it, or for its status."""
    client, began = where.client(), time.perf_counter()
    due = began
    while due - began < seconds:
        status, body = client.get(HOST, f"/{next(paths)}")
        counted[json.loads(body)["name"] if status == 200 else str(status)] += 1
        due += EVERY_SECONDS
        time.sleep(max(0.0, due - time.perf_counter()))
    client.close()


@contextmanager
def refusing(where: Place) -> Iterator[None]:
    """The pod answers connections with a reset."""
    pid = processes.below(where.lab.cluster.pid("runtime"), "--name", FLIPPING)
    inside = ["nsenter", "-t", str(pid), "-n", "nft"]
    subprocess.run([*inside, _REFUSE], check=True, timeout=10)
    try:
        yield
    finally:
        subprocess.run([*inside, "delete table inet bench"], check=True, timeout=10)


def cycles(where: Place, number: int, half_seconds: float) -> dict[str, Counter[str]]:
    """Answers while the pod is well, and while it refuses."""
    found, paths = {"well": Counter[str](), "refusing": Counter[str]()}, itertools.cycle(range(ROUTES * RULES))
    for _ in range(number):
        asked(where, half_seconds, found["well"], paths)
        with refusing(where):
            asked(where, half_seconds, found["refusing"], paths)
    return found


def run(size: int) -> Result:
    """See the text of this module."""
    with place() as where:
        prepare(where)
        found = cycles(where, size, HALF_SECONDS if size >= SIZE else SMALL_HALF_SECONDS)
    failed = sum(count for part in found.values() for name, count in part.items() if name not in ("steady", FLIPPING))
    total = sum(part.total() for part in found.values())
    raw: dict[str, Any] = {"cycles": size, **found}
    figure = Figure(
        f"failover: one of four pods refuses connections half of the time, {size} cycles, failed requests",
        f"故障转移：四个 Pod 之一有一半时间拒绝连接，{size} 轮，失败请求",
        "0",
        f"{failed} of {total:,}",
        failed == 0,
        "without retries: agentgateway 1,394, Istio 5,580, EG 5,636, NGF 0; with: 10, 5, 334, 0",
    )
    return Result([figure], raw)
