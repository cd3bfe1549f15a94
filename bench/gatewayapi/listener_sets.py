"""Thousands of ListenerSets, each with a hostname under TLS and sixteen routes.

As gateway-api-bench, "ListenerSet scale": 50 namespaces with a Secret each; a ListenerSet, a Service and 16 HTTPRoutes
per app; then the same churn as for routes. 2,500 sets and 40,000 routes take long to make on a small
machine.
"""

from __future__ import annotations

import random
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Final

import msgspec

from bench.gatewayapi import bulk, objects
from bench.gatewayapi.apps import Apps
from bench.gatewayapi.objects import Object
from bench.gatewayapi.place import Place, place
from bench.gatewayapi.usage import Usage, measured
from bench.result import Figure, Result, megabytes
from tests import pem
from tests.cluster.harness import eventually

SIZE: Final = 2500
ROUTES: Final = 16
SETTLE_SECONDS: Final = 1800.0


class World(Apps):
    """So many apps, each with a ListenerSet and sixteen routes."""

    def __init__(self, size: int, addresses: list[str]) -> None:
        super().__init__("set", size, addresses)

    def objects(self) -> Iterator[Object]:
        """All of them."""
        for namespace, app in self.apps:
            yield from self.backend(namespace, app)
            yield objects.listener_set(app, namespace, f"{app}.example.com", "ns-cert")
            for number in range(ROUTES):
                yield self.route(namespace, app, number)

    def route(self, namespace: str, app: str, number: int, weight: int = 1) -> Object:
        """One of the sixteen."""
        parent = {"group": "gateway.networking.k8s.io", "kind": "ListenerSet", "name": app}
        rules = [objects.rule(app, f"/{number}/{app}", weight=weight)]
        return objects.http_route(f"{app}-{number}", f"{app}.example.com", rules, namespace, parent)

    def another_route(self) -> Object:
        """Another weight."""
        return self.route(*self.one(), random.randrange(ROUTES), self.another_weight())


def answers(where: Place, app: str) -> bool:
    """Whether a request through TLS comes back with 200."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host = f"{app}.example.com"
    request = f"GET /0/{app} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    try:
        with (
            socket.create_connection((where.address, 443), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            secured.sendall(request.encode())
            return secured.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def run(size: int, churn_seconds: float) -> Result:
    """See the text of this module."""
    tls = {"certificateRefs": [{"name": "own"}]}
    own = objects.listener("own", 443, "HTTPS", hostname="own.example.org", tls=tls)
    with place([objects.listener(), own], secrets=[secret("own", objects.NAMESPACE, "own.example.org")]) as where:
        where.backend(pods=2)
        world = World(size, where.backend_addresses())
        world.made(where)
        where.create(*(secret("ns-cert", namespace, "*.example.com") for namespace in world.namespaces))
        with measured(where) as setup:
            creating = bulk.create(where, world.objects())
            began = time.perf_counter()
            eventually(lambda: answers(where, world.apps[-1][1]), SETTLE_SECONDS)
            served = time.perf_counter() - began
        with measured(where) as churn, bulk.Churn(where, world.another_endpoint, world.another_route).running():
            time.sleep(churn_seconds)
        chosen = random.sample(world.apps, min(size, 50))
        errors = sum(not answers(where, app) for _, app in chosen)
    raw = {
        "sets": size, "routes": size * ROUTES, "creating_seconds": creating, "served_seconds": served,
        "setup": msgspec.to_builtins(setup), "churn": msgspec.to_builtins(churn),
        "asked": len(chosen), "errors": errors,
    }  # fmt: skip
    return Result(_figures(size, churn, errors, len(chosen)), raw)


def secret(name: str, namespace: str, host: str) -> Object:
    """A key pair of chance for a host."""
    made = pem.pair(host)
    return objects.secret(name, namespace, made.chain, made.key)


def _figures(size: int, churn: Usage, errors: int, asked: int) -> list[Figure]:
    cores = f"{churn.control_plane_cpu / churn.seconds:.3f} and {churn.data_plane_cpu / churn.seconds:.3f} cores"
    return [
        Figure(
            f"ListenerSets: {size:,} with {size * ROUTES:,} routes and churn, memory of data plane and control plane",
            f"ListenerSet：{size:,} 个，{size * ROUTES:,} 条路由，持续变更，数据面与控制面内存",
            "–",
            f"{megabytes(churn.data_plane)} (Envoy {megabytes(churn.envoy)}) and {megabytes(churn.control_plane)}; "
            f"{cores}",
            None,
            "2,500 sets: agentgateway 147 and 990 MB, Istio 2.2 and 1.4 GB (0.384 and 0.102 cores)",
        ),
        Figure(
            f"the same, {asked} hosts asked through TLS, answers that are not 200",
            f"同上，经 TLS 访问 {asked} 个域名，非 200 的应答",
            "0", f"{errors}", errors == 0,
        ),
    ]  # fmt: skip
