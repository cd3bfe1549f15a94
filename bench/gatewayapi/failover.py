"""One of four pods refuses connections now and then: how many requests fail.

As gateway-api-bench, "Backend Failover": 256 rules on one host, all to one Service with three pods that are always
there and one that is reset by its own firewall for 22 s of every 44 s. One request every 5 ms, through the rules in
turn. There the rules have `retry.attempts: 0`, and once more retries. Here both are asked at the same time: a host
whose rules say nothing of retries, as a user has it who has not thought of them, and a host with no retries. The
definitions of v1.6.1 do not take `attempts: 0`, so a TrafficPolicy says it.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
USUAL: Final = "route.example.com"
ONCE: Final = "once.example.com"
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
    for host, name in ((USUAL, "usual"), (ONCE, "once")):
        for number in range(ROUTES):
            rules = [objects.rule("backend", f"/{number * RULES + one}") for one in range(RULES)]
            where.apply(objects.http_route(f"{name}-{number}", host, rules))
    never = {"retry": {"attempts": 0}}
    where.create(*(objects.traffic_policy(f"once-{number}", f"once-{number}", never) for number in range(ROUTES)))
    where.pods_ready("steady", 3)
    where.pods_ready(FLIPPING, 1)
    client = where.client()
    for host in (USUAL, ONCE):
        eventually(lambda: all(client.get(host, f"/{it}")[0] == 200 for it in range(0, ROUTES * RULES, RULES)))  # noqa: B023
    client.close()


class Asker:
    """One request after the other for a host, through its rules in turn."""

    def __init__(self, where: Place, host: str) -> None:
        self._where, self._host, self._paths = where, host, itertools.cycle(range(ROUTES * RULES))
        #: Answers while the pod is well, and while it refuses: by the pod that gave it, or by its status.
        self.found = {"well": Counter[str](), "refusing": Counter[str]()}

    def ask(self, seconds: float, part: str) -> None:
        """For so long."""
        client, began, counted = self._where.client(), time.perf_counter(), self.found[part]
        due = began
        while due - began < seconds:
            status, body = client.get(self._host, f"/{next(self._paths)}")
            counted[json.loads(body)["name"] if status == 200 else str(status)] += 1
            due += EVERY_SECONDS
            time.sleep(max(0.0, due - time.perf_counter()))
        client.close()

    @property
    def total(self) -> int:
        return sum(part.total() for part in self.found.values())

    @property
    def failed(self) -> int:
        """Answers that no pod gave."""
        return self.total - sum(part[name] for part in self.found.values() for name in ("steady", FLIPPING))


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


def cycles(askers: list[Asker], where: Place, number: int, half_seconds: float) -> None:
    """The pod is well, then it refuses, so many times; all ask at once."""
    with ThreadPoolExecutor(len(askers)) as threads:

        def half(part: str) -> None:
            for done in [threads.submit(one.ask, half_seconds, part) for one in askers]:
                done.result()

        for _ in range(number):
            half("well")
            with refusing(where):
                half("refusing")


def run(size: int) -> Result:
    """See the text of this module."""
    with place() as where:
        prepare(where)
        usual, once = Asker(where, USUAL), Asker(where, ONCE)
        cycles([usual, once], where, size, HALF_SECONDS if size >= SIZE else SMALL_HALF_SECONDS)
    raw: dict[str, Any] = {"cycles": size, "usual": usual.found, "once": once.found}
    return Result(_figures(size, usual, once), raw)


def _figures(size: int, usual: Asker, once: Asker) -> list[Figure]:
    return [
        Figure(
            f"failover: one of four pods refuses connections half of the time, {size} cycles, failed requests "
            "(nothing said of retries)",
            f"故障转移：四个 Pod 之一有一半时间拒绝连接，{size} 轮，失败请求（未写重试）",
            "0",
            f"{usual.failed} of {usual.total:,}",
            usual.failed == 0,
            "with retries: NGF 0, Istio 5, agentgateway 10, EG 334",
        ),
        Figure(
            "the same with no retries (`attempts: 0`)",
            "同上，不重试（`attempts: 0`）",
            "–",
            f"{once.failed:,} of {once.total:,}",
            None,
            "NGF 0 (it retries anyway), agentgateway 1,394, Istio 5,580, EG 5,636",
        ),
    ]
