"""Cold start: process started → first 200, nothing remembered from before."""

from bench import world
from bench.lab import Lab
from bench.result import Figure, Result, Size, quantile

BAR_SECONDS = {20_000: 8.0, 100_000: 40.0}


def run(lab: Lab, size: Size) -> Result:
    """Every start has its own empty state folder. The host asked for is one in the middle."""
    times = {hosts: [_start(lab, hosts) for _ in range(often)] for hosts, often in size.cold_starts.items()}
    return Result([_figure(*each) for each in times.items()], {"seconds_by_hosts": times})


def _start(lab: Lab, hosts: int) -> float:
    with lab.gateway(lab.world(hosts)) as gateway:
        return gateway.first_answer(world.host(world.member(hosts // 2 + 1))) - gateway.began


def _figure(hosts: int, times: list[float]) -> Figure:
    bar = BAR_SECONDS.get(hosts)
    return Figure(
        f"cold start, process start → first 200, {hosts:,} hosts",
        f"冷启动：进程启动 → 首个 200，{hosts:,} 个域名",
        f"≤ {bar:.0f} s" if bar else "–",
        f"{quantile(times, 0.5):.1f} s (longest {max(times):.1f} s)",
        quantile(times, 0.5) <= bar if bar else None,
    )
