"""Throughput of the candidates: one Envoy with one worker, a listener per candidate, interleaved rounds of wrk.

Read the ratios: the machine is small and shared. Envoy has a core of its own, wrk and nginx share the other one.
"""

import http.client
import re
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.scope_filters import ads, lab, resources

HOSTS = ("foo.example.com", "*.a.com", "*")
WITHOUT_CATCH_ALL = ("floor", "strict")  # where an unknown host must be answered 404
UNKNOWN = "nobody.net"
WARM_UP_SECONDS = 1


@dataclass(frozen=True)
class Run:
    """One row of the table: a listener and the host its requests name."""

    title: str
    listener: str
    host: str


RUNS = (
    Run("0 no rewriting filter (floor), known host", "floor", "foo.example.com"),
    Run("A Lua on every request, known host", "always", "foo.example.com"),
    Run("A' guarded Lua, known host", "guarded", "foo.example.com"),
    Run("B domain matcher with one wildcard, known host", "matcher", "foo.example.com"),
    Run("C module in C, then guarded Lua, known host", "module", "foo.example.com"),
)
SLOW_PATHS = (
    Run("0 known host", "floor", "foo.example.com"),
    Run("A' upper-case host", "guarded", "FOO.example.com"),
    Run("C upper-case host", "module", "FOO.example.com"),
    Run("A wildcard host", "always", "n.a.com"),
    Run("A' wildcard host", "guarded", "n.a.com"),
    Run("B wildcard host", "matcher", "n.a.com"),
    Run("A' host of `*`", "guarded", "anybody.net"),
    Run("0 unknown host (404)", "floor", UNKNOWN),
    Run("A' unknown host (404)", "strict", UNKNOWN),
)


def matcher() -> dict[str, Any]:
    """Candidate B: composite runs the rewriting filter for hosts below one wildcard."""
    execute = {
        "@type": resources.EXT + "filters.http.composite.v3.ExecuteFilterAction",
        "typed_config": {"name": "rewrite", "typed_config": resources.lua("rewrite", "matched.lua")["typed_config"]},
    }
    domains = {
        "@type": "type.googleapis.com/xds.type.matcher.v3.ServerNameMatcher",
        "domain_matchers": [
            {"domains": ["*.a.com"], "on_match": {"action": {"name": "execute", "typed_config": execute}}}
        ],
    }
    authority = {"@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput"}
    tree = {
        "input": {"name": "authority", "typed_config": authority | {"header_name": ":authority"}},
        "custom_match": {"name": "domains", "typed_config": domains},
    }
    composite = {"@type": resources.EXT + "filters.http.composite.v3.Composite"}
    config = {
        "@type": resources.EXT + "common.matching.v3.ExtensionWithMatcher",
        "xds_matcher": {"matcher_tree": tree},
        "extension_config": {"name": "composite", "typed_config": composite},
    }
    return {"name": "matcher", "typed_config": config}


def module(listener: str) -> dict[str, Any]:
    """Candidate C: the early header mutation of scope.c (a message xds-protos does not have, hence TypedStruct)."""
    name = "early_header_mutation.dynamic_modules.v3.DynamicModuleEarlyHeaderMutation"
    value = {
        "dynamic_module_config": {"name": "sealos_scope", "do_not_close": True},
        "early_header_mutation_name": "scope",
        "early_header_mutation_config": {
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": listener,
        },
    }
    struct = {"@type": "type.googleapis.com/xds.type.v3.TypedStruct", "type_url": resources.EXT + "http." + name}
    return {"name": "key", "typed_config": struct | {"value": value}}


def listeners() -> dict[str, tuple[int, Any]]:
    """Port and listener of every candidate."""
    direct = [resources.on_demand(), resources.router()]
    rewriting = {
        "floor": (direct, None),
        "always": ([resources.lua("always", "always.lua"), *direct], None),
        "guarded": (resources.guarded(), None),
        "strict": (resources.guarded(), None),
        "matcher": ([matcher(), *direct], None),
        "module": (resources.guarded()[1:], module("module")),
    }
    ports = {name: lab.free_port() for name in rewriting}
    return {n: (ports[n], resources.listener(n, ports[n], f, m)) for n, (f, m) in rewriting.items()}


@contextmanager
def stage() -> Iterator[tuple[ads.Ads, dict[str, int]]]:
    """Envoy with every candidate, a fast backend, and each route loaded."""
    with lab.nginx_backend("1") as backend, TemporaryDirectory() as name:
        folder, server, built = Path(name), ads.Ads(), listeners()
        compile_module(folder)
        server.put(ads.CLUSTER, [resources.cluster("backend", backend)])
        for listener in built:
            for host in HOSTS if listener not in WITHOUT_CATCH_ALL else HOSTS[:2]:
                publish(server, listener, host)
        server.put(ads.LISTENER, [message for _, message in built.values()])
        envoy = lab.Envoy(folder, server.port, cores="0")
        try:
            ports = {n: port for n, (port, _) in built.items()}
            for port in ports.values():
                lab.ready(port)
            yield server, ports
        finally:
            envoy.close()
            server.close()
            if server.rejected:
                print("rejected by Envoy:", server.rejected)


def compile_module(folder: Path) -> None:
    """Build scope.c where Envoy looks for it."""
    source, target = resources.HERE / "scope.c", folder / "libsealos_scope.so"
    subprocess.run(["gcc", "-std=c11", "-O2", "-fPIC", "-shared", "-o", target, source], check=True)


def publish(server: ads.Ads, listener: str, host: str) -> None:
    """Routes first, then the scope that says they exist."""
    server.put(ads.ROUTES, [resources.routes(listener, host, "backend")])
    server.put(ads.SCOPE, [resources.scope(listener, host)])


def wrk(port: int, host: str, seconds: int) -> tuple[float, float, float]:
    """Requests per second, p50 and p99 in milliseconds."""
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c64", f"-d{seconds}s", "--latency", "-H", f"Host: {host}"]
    text = subprocess.run([*command, f"http://127.0.0.1:{port}/"], check=True, capture_output=True, text=True).stdout
    if host != UNKNOWN and "Non-2xx" in text:
        raise AssertionError(f"{host} on {port}: {text}")
    rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", text)[0])
    return rate, _milliseconds(text, "50%"), _milliseconds(text, "99%")


def _milliseconds(text: str, quantile: str) -> float:
    number, unit = re.findall(rf"{quantile}\s+([\d.]+)(us|ms|s)\b", text)[0]
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def table(runs: tuple[Run, ...], ports: dict[str, int], rounds: int, seconds: int) -> str:
    """Interleaved rounds; medians, and the median of the ratios to the first run of the same round."""
    results: dict[Run, list[tuple[float, float, float]]] = defaultdict(list)
    for number in range(rounds):
        for run in runs[number % len(runs) :] + runs[: number % len(runs)]:
            results[run].append(wrk(ports[run.listener], run.host, seconds))
    lines = ["| candidate | requests/s (min-max) | to the floor | p50 ms | p99 ms |", "|---|---|---|---|---|"]
    for run in runs:
        rates = [rate for rate, _, _ in results[run]]
        ratio = statistics.median(r / f[0] for r, f in zip(rates, results[runs[0]], strict=True))
        p50, p99 = (statistics.median(r[i] for r in results[run]) for i in (1, 2))
        spread = f"{statistics.median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f})"
        lines.append(f"| {run.title} | {spread} | {ratio:.2f} | {p50:.1f} | {p99:.1f} |")
    return "\n".join(lines)


def push_under_flood(server: ads.Ads, ports: dict[str, int], flooded: str | None, samples: int) -> str:
    """Milliseconds from publishing a new host to its first 200, while unknown hosts flood a listener."""
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c64", "-d60s", "-H", f"Host: {UNKNOWN}"]
    flood = subprocess.Popen([*command, f"http://127.0.0.1:{ports[flooded]}/"], stdout=-3) if flooded else None
    time.sleep(0.5 if flood else 0)
    times = [_push(server, ports["floor"], f"push{flooded}{i}.org") for i in range(samples)]
    if flood:
        flood.terminate()
        flood.wait()
    return f"{statistics.median(times):.1f} (max {max(times):.1f})"


def _push(server: ads.Ads, port: int, host: str) -> float:
    start = time.monotonic()
    publish(server, "floor", host)
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/", headers={"Host": host})
        status = connection.getresponse().status
        connection.close()
        if status == 200:
            return (time.monotonic() - start) * 1000
        time.sleep(0.001)


def run(rounds: int = 6, seconds: int = 5) -> None:
    """Print every table."""
    with stage() as (server, ports):
        for runs in (RUNS, SLOW_PATHS):
            for each in runs:
                wrk(ports[each.listener], each.host, WARM_UP_SECONDS)
            print(table(runs, ports, rounds, seconds), end="\n\n", flush=True)
        for flooded in (None, "floor", "strict"):
            milliseconds = push_under_flood(server, ports, flooded, 30)
            print(f"new host to first 200, unknown hosts on {flooded}: {milliseconds} ms")
