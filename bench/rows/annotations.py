"""Throughput of a host with ten annotations against one with none, through the same gateway, in turn.

The ten are those that the applications of Sealos' store have most often, with the values they have there. One worker
on a core of its own, no access log; only ratios of the same round are compared.
"""

from collections import defaultdict
from pathlib import Path
from statistics import median

from bench import load, world
from bench.lab import PROXY_CORE, UPSTREAM_CORE, Lab
from bench.result import Figure, Result, Size
from bench.scope_filters.lab import nginx_backend

BAR = 0.85
PLAIN, ANNOTATED = "plain", "annotated"
_STATIC = '{ expires 30d; add_header Cache-Control "public"; }'
_NGINX = {
    "proxy-body-size": "32m",
    "backend-protocol": "HTTP",
    "ssl-redirect": "false",
    "client-body-buffer-size": "64k",
    "proxy-buffer-size": "64k",
    "proxy-read-timeout": "300",
    "proxy-send-timeout": "300",
    "server-snippet": "client_header_buffer_size 64k; large_client_header_buffers 4 128k;",
    "configuration-snippet": r"if ($request_uri ~* \.(js|css|gif|jpe?g|png)) " + _STATIC,
}
ANNOTATIONS = {f"nginx.ingress.kubernetes.io/{name}": value for name, value in _NGINX.items()} | {
    "higress.io/response-header-control-remove": "X-Frame-Options"
}
WHAT = "throughput with ten annotations of the app store against none, HTTP/1.1"
WHAT_ZH = "吞吐量，带应用商店常用的十个注解与不带相比，HTTP/1.1"


def run(lab: Lab, size: Size) -> Result:
    """Both hosts lead to one upstream; one at a time gets load."""
    if absent := load.missing("nginx", "wrk"):  # the upstream and the load
        return Result([Figure(WHAT, WHAT_ZH, f"≥ {BAR}", f"not installed: {', '.join(absent)}")])
    rates: dict[str, list[float]] = defaultdict(list)
    with nginx_backend(str(UPSTREAM_CORE)) as upstream:
        folder = lab.folder()
        _write(folder / "both.json", world.Upstream(upstream))
        settings = {"access_log": {"format": "off"}, "envoy": {"concurrency": 1}}
        with lab.gateway(folder, core=PROXY_CORE, **settings) as gateway:
            for name in (PLAIN, ANNOTATED):
                gateway.first_answer(world.host(name))
                load.wrk(gateway.port, world.host(name), 1)
            for number in range(size.rounds):
                for name in (PLAIN, ANNOTATED) if number % 2 else (ANNOTATED, PLAIN):
                    rates[name].append(load.wrk(gateway.port, world.host(name), size.round_seconds))
    ratio = median(mine / its for mine, its in zip(rates[ANNOTATED], rates[PLAIN], strict=True))
    speed = f"{median(rates[ANNOTATED]):,.0f} against {median(rates[PLAIN]):,.0f} requests/s"
    figure = Figure(WHAT, WHAT_ZH, f"≥ {BAR}", f"{ratio:.2f} ({speed})", ratio >= BAR)
    return Result([figure], {"requests_per_second": dict(rates), "seconds_per_round": size.round_seconds})


def _write(path: Path, upstream: world.Upstream) -> None:
    annotated = world.ingress(ANNOTATED, ANNOTATED)
    annotated["metadata"]["annotations"] |= ANNOTATIONS
    services = [each for name in (PLAIN, ANNOTATED) for each in world.service(name, upstream)]
    world.write(path, [*world.common(), world.ingress(PLAIN, PLAIN), annotated, *services])
