"""All pods of a thousand Services replaced in a rolling way, under load: what visitors see, how far behind Envoy is.

Once with every change told at once, once with additions held back (`push.eds_cache_seconds`), which no visitor may see.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import pods, world
from bench.client import comes_from
from bench.lab import Gateway, Lab, process
from bench.result import Figure, Result, Size, milliseconds

BAR_SECONDS = 2.0
LIMIT_SECONDS = 60.0
LOOK_SECONDS = 0.01
#: Services that begin in one second, and requests in one second.
SERVICES_A_SECOND = 70
RATE = 1000
CACHE_SECONDS = 60


@dataclass(frozen=True)
class Roll:
    """What one replacement of all pods showed."""

    behind: float
    visitors: dict[str, Any]
    pods: dict[str, Any]
    changes: float
    pushes: float
    saved: float

    @property
    def failures(self) -> int:
        """Requests that were not answered by a pod."""
        return sum(number for status, number in self.visitors["statuses"].items() if status != "200")


def run(lab: Lab, size: Size) -> Result:
    """Both ways."""
    at_once, cached = (_roll(lab, size.services, seconds) for seconds in (0, CACHE_SECONDS))
    return Result(
        [_figure(at_once, size, "", ""), _figure(cached, size, _and_cache(cached), _and_cache_zh(cached))],
        {"at_once": at_once, "cached": cached, "cache_seconds": CACHE_SECONDS, "grace_seconds": pods.GRACE_SECONDS},
    )


def _roll(lab: Lab, services: int, cache_seconds: int) -> Roll:
    folder, slices, names = lab.folder(), lab.folder(), [pods.name(number) for number in range(services)]
    world.write(folder / "class.json", world.common())
    world.write(folder / "ingresses.json", [world.ingress(name, name) for name in names])
    world.write(folder / "services.json", [next(world.service(name, lab.a)) for name in names])
    hosts = [world.host(name) for name in names]
    with _conversation(lab, "pods", slices, services, services / SERVICES_A_SECOND) as rollout:
        assert rollout.stdout
        assert rollout.stdin
        assert rollout.stdout.readline() == b"ready\n"
        with lab.gateway(folder, slices, push={"eds_cache_seconds": cache_seconds}) as gateway:
            gateway.ready()
            gateway.client.warm(hosts)
            before = gateway.metrics()
            with _conversation(lab, "visitors", gateway.port, RATE, *hosts) as visitors:
                rollout.stdin.write(b"go\n")
                rollout.stdin.flush()
                behind = _behind(gateway, **json.loads(rollout.stdout.readline()))
                told = json.loads(rollout.stdout.readline())
                found = json.loads(visitors.communicate(timeout=LIMIT_SECONDS)[0])
            after = gateway.metrics()
            for host in hosts:
                if not comes_from("new")(answer := gateway.client.get(host)):
                    raise AssertionError(f"{host} answers {answer} after all pods were replaced")
    counts = (f"sgw_endpoint_{what}_total" for what in ("changes", "pushes", "pushes_saved"))
    return Roll(behind, found, told, *(after[name] - before[name] for name in counts))


def _behind(gateway: Gateway, written: float, service: str, endpoints: list[str]) -> float:
    """Seconds from the last change until Envoy has it: the gateway knows it, and all it published is acknowledged."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        explained = json.loads(gateway.status.get("status", f"/explain?url=http://{world.host(service)}/")[1])
        metrics = gateway.metrics()
        known = sorted(explained["endpoints"]) == sorted(endpoints)
        if known and metrics["sgw_acknowledged_revision"] == metrics["sgw_revision"]:
            return time.monotonic() - written
        time.sleep(LOOK_SECONDS)
    raise TimeoutError(f"the last change is not with Envoy after {LIMIT_SECONDS:.0f} s")


@contextmanager
def _conversation(lab: Lab, module: str, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the bench that is told what to do on its standard input."""
    command: list[str | Path] = [sys.executable, "-m", f"bench.{module}", *map(str, arguments)]
    with process(command, lab.root / f"{module}.log", subprocess.PIPE, stdin=subprocess.PIPE) as child:
        yield child


def _figure(roll: Roll, size: Size, more: str, more_zh: str) -> Figure:
    asked = sum(roll.visitors["statuses"].values())
    return Figure(
        f"{size.services:,} Services × {pods.PODS} pods replaced under load{more}: requests not answered by a pod;"
        " last change written → acknowledged by Envoy",
        f"负载下滚动替换 {size.services:,} 个 Service × {pods.PODS} 个 Pod{more_zh}：未由 Pod 应答的请求；"
        "最后一次变更写入 → Envoy 确认",
        f"0; ≤ {BAR_SECONDS:.0f} s",
        f"{roll.failures} of {asked:,}; {milliseconds(roll.behind)}",
        roll.failures == 0 and roll.behind <= BAR_SECONDS,
    )


def _and_cache(roll: Roll) -> str:
    return f", additions held back for {CACHE_SECONDS} s ({_share(roll)} of {roll.changes:,.0f} pushes saved)"


def _and_cache_zh(roll: Roll) -> str:
    return f"，新端点至多延迟 {CACHE_SECONDS} 秒（{roll.changes:,.0f} 次推送节省 {_share(roll)}）"


def _share(roll: Roll) -> str:
    return f"{roll.saved / roll.changes:.0%}"
