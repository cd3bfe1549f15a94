"""Throughput against a hand-written minimal Envoy; beside it, whatever the result, nginx and HAProxy.

One worker each, pinned to the same core, the same upstream, no access log, rounds in turn: only ratios of the same
round are compared, since the machine's speed is not the same from minute to minute.
"""

from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

from bench import load, proxies, world
from bench.lab import PROXY_CORE, UPSTREAM_CORE, Lab
from bench.proxies import Proxy
from bench.result import Figure, Result, Size
from bench.scope_filters.lab import nginx_backend

BAR = 0.95
NAME = "throughput"
GATEWAY, MINIMAL = "gateway", "minimal Envoy"
OTHERS = {"nginx": proxies.nginx, "haproxy": proxies.haproxy}
WARM_UP_SECONDS = 1
GENERATORS: dict[str, tuple[str, str, Callable[[int, str, int], float]]] = {
    "HTTP/1.1": ("wrk", "http1", load.wrk),
    "HTTP/2": ("h2load", "http2", load.h2load),
}
Rates = dict[str, list[float]]


def run(lab: Lab, size: Size) -> Result:
    """All proxies run at the same time; one at a time gets load."""
    if load.missing("nginx"):  # the upstream
        return Result([_absent(protocol, "nginx") for protocol in GENERATORS])
    figures, raw = [], {}
    with ExitStack() as stack:
        running = _start(lab, stack)
        for protocol, (generator, port, measure) in GENERATORS.items():
            if load.missing(generator):
                figures.append(_absent(protocol, generator))
                continue
            ports = {name: int(getattr(proxy, port)) for name, proxy in running.items()}
            raw[protocol] = _rounds(ports, measure, size)
            figures += _figures(protocol, raw[protocol])
    return Result(figures, {"requests_per_second": raw, "seconds_per_round": size.round_seconds})


def _start(lab: Lab, stack: ExitStack) -> dict[str, Proxy]:
    upstream = stack.enter_context(nginx_backend(str(UPSTREAM_CORE)))
    folder = lab.folder()
    world.write(folder / "one.json", [*world.common(), *world.application(NAME, world.Upstream(upstream))])
    settings = {"access_log": {"format": "off"}, "envoy": {"concurrency": 1}}
    gateway = stack.enter_context(lab.gateway(folder, core=PROXY_CORE, **settings))
    gateway.first_answer(world.host(NAME))
    running = {GATEWAY: Proxy(gateway.port, gateway.port)}
    running[MINIMAL] = stack.enter_context(proxies.envoy(lab.folder(), upstream))
    for name, start in OTHERS.items():
        if not load.missing(name):
            running[name] = stack.enter_context(start(lab.folder(), upstream))
    return running


def _rounds(ports: dict[str, int], measure: Callable[[int, str, int], float], size: Size) -> Rates:
    names, rates, host = list(ports), defaultdict(list), world.host(NAME)
    for name in names:
        measure(ports[name], host, WARM_UP_SECONDS)
    for number in range(size.rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            rates[name].append(measure(ports[name], host, size.round_seconds))
    return dict(rates)


def _figures(protocol: str, rates: Rates) -> list[Figure]:
    ratio = _ratio(rates, GATEWAY)
    speed = f"{median(rates[GATEWAY]):,.0f} against {median(rates[MINIMAL]):,.0f} requests/s"
    what = f"throughput against a minimal Envoy, one worker, {protocol}"
    what_zh = f"吞吐量，与最小 Envoy 配置相比，单线程，{protocol}"
    found = [Figure(what, what_zh, f"≥ {BAR}", f"{ratio:.2f} ({speed})", ratio >= BAR)]
    for name in OTHERS:
        what, what_zh = (
            f"{name} as a plain proxy, in the same rounds, {protocol}",
            f"{name} 作普通代理，同轮，{protocol}",
        )
        if name in rates:
            measured = f"{_ratio(rates, name):.2f} ({median(rates[name]):,.0f} requests/s)"
            found.append(Figure(what, what_zh, "–", measured))
        else:
            found.append(Figure(what, what_zh, "–", "not installed"))
    return found


def _ratio(rates: Rates, name: str) -> float:
    """The median of the ratios to the minimal Envoy, round by round."""
    return median(mine / its for mine, its in zip(rates[name], rates[MINIMAL], strict=True))


def _absent(protocol: str, program: str) -> Figure:
    what, what_zh = f"throughput, {protocol}", f"吞吐量，{protocol}"
    return Figure(what, what_zh, f"≥ {BAR}", f"not installed: {program}")
