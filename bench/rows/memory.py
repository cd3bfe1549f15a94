"""Memory with many hosts configured and a thousand used."""

from dataclasses import asdict

from bench import world
from bench.lab import Lab
from bench.result import Figure, Result, Size, megabytes

ENVOY_BYTES, CONTROL_PLANE_BYTES = 300e6, 1e9


def run(lab: Lab, size: Size) -> Result:
    """The used hosts are spread over the whole world."""
    used = range(0, size.hosts, size.hosts // size.used_hosts)
    with lab.gateway(lab.world(size.hosts)) as gateway:
        gateway.ready()
        gateway.rest()
        unused = gateway.memory()
        gateway.client.warm(world.host(world.member(number)) for number in used)
        gateway.rest()
        found = gateway.memory()
    title = f"{size.hosts:,} hosts configured, {size.used_hosts:,} used"
    title_zh = f"配置 {size.hosts:,} 个域名，访问 {size.used_hosts:,} 个"
    sides = (
        ("Envoy", "Envoy ", found.envoy, ENVOY_BYTES),
        ("the control plane", "控制面", found.control_plane, CONTROL_PLANE_BYTES),
    )
    figures = [
        Figure(
            f"memory of {side}, {title}", f"{side_zh}内存，{title_zh}", f"≤ {megabytes(bar)}", megabytes(it), it <= bar
        )
        for side, side_zh, it, bar in sides
    ]
    return Result(figures, {"hosts": size.hosts, "bytes_unused": asdict(unused), "bytes_used": asdict(found)})
