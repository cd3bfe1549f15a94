"""One host more: file written → first 200 through Envoy, among few and among many hosts, alternately."""

import time
from pathlib import Path

from bench import world
from bench.client import is_gone, serves
from bench.lab import Gateway, Lab
from bench.result import Figure, Result, Size, milliseconds, quantile

WARM_UP = 5
MEDIAN_SECONDS, WORST_SECONDS, RATIO = 0.030, 0.060, 1.3


def run(lab: Lab, size: Size) -> Result:
    """Two gateways run at the same time and take turns, so that both see the same disturbances."""
    few, many = lab.folder(), lab.folder()
    with (
        lab.gateway(lab.world(size.few_hosts), few) as small,
        lab.gateway(lab.world(size.hosts), many) as large,
    ):
        small.ready()
        large.ready()
        times: tuple[list[float], list[float]] = ([], [])
        for number in range(size.samples + WARM_UP):
            for taken, gateway, folder in zip(times, (small, large), (few, many), strict=True):
                taken.append(_sample(lab, gateway, folder, f"new-{number}"))
        return _result(size, times[0][WARM_UP:], times[1][WARM_UP:])


def _sample(lab: Lab, gateway: Gateway, folder: Path, name: str) -> float:
    """Seconds until the new host answers. It is removed again, so that the number of hosts stays."""
    objects = list(world.application(name, lab.a))
    began = time.perf_counter()
    world.write(folder / f"{name}.json", objects)
    took = gateway.client.until(world.host(name), serves) - began
    (folder / f"{name}.json").unlink()
    gateway.client.until(world.host(name), is_gone)
    return took


def _result(size: Size, few: list[float], many: list[float]) -> Result:
    median, worst, ratio = quantile(many, 0.5), quantile(many, 0.99), quantile(many, 0.5) / quantile(few, 0.5)
    compared = f"{ratio:.2f} × ({milliseconds(quantile(few, 0.5))}, p99 {milliseconds(quantile(few, 0.99))})"
    what, what_zh = "one host more, file written → first 200", "新增一个域名：写入文件 → 首个 200"
    among, among_zh = f"among {size.hosts:,}", f"已有 {size.hosts:,} 个"
    figures = [
        Figure(f"{what}, {among}, p50", f"{what_zh}，{among_zh}，p50", f"≤ {milliseconds(MEDIAN_SECONDS)}",
               milliseconds(median), median <= MEDIAN_SECONDS),
        Figure(f"{what}, {among}, p99", f"{what_zh}，{among_zh}，p99", f"≤ {milliseconds(WORST_SECONDS)}",
               milliseconds(worst), worst <= WORST_SECONDS),
        Figure(f"the same, against {size.few_hosts} hosts (p50)", f"同上，与 {size.few_hosts} 个域名相比（p50）",
               f"≤ {RATIO} ×", compared, ratio <= RATIO),
    ]  # fmt: skip
    return Result(figures, {"hosts": size.hosts, "few_hosts": size.few_hosts, "few_seconds": few, "many_seconds": many})
