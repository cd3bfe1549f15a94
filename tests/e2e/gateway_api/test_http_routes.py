"""HTTPRoutes of Gateways in a folder, through a real Envoy: who answers, and who is kept out."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e import manifests, processes
from tests.e2e.backends import LOOPBACK, Echo
from tests.e2e.gateway_api import objects
from tests.e2e.harness import Gateway

_OBJECTS = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: shop}
spec:
  gatewayClassName: sealos
  listeners:
  - {name: any, port: PORT, protocol: HTTP}
  - {name: narrow, port: PORT, protocol: HTTP, hostname: "*.narrow.test"}
  - {name: shared, port: SHARED, protocol: HTTP, hostname: "*.gw.test"}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: gw}]
  hostnames: ["a.gw.test", "*.wild.gw.test"]
  rules:
  - backendRefs: [{name: web, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /api}}]
    backendRefs: [{name: api, port: 80}]
  - matches: [{path: {type: Exact, value: /gone}}]
    backendRefs: [{name: nothing, port: 80}]
  - matches: [{path: {type: Exact, value: /half}}]
    backendRefs: [{name: nothing, port: 80}, {name: web, port: 80}]
  - matches: [{path: {type: Exact, value: /redirect}}]
    filters:
    - type: RequestRedirect
      requestRedirect: {statusCode: 301, path: {type: ReplaceFullPath, replaceFullPath: /x}}
  - matches: [{path: {type: PathPrefix, value: /old}}]
    filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}]
    backendRefs: [{name: web, port: 80}]
  - matches: [{path: {type: Exact, value: /cors}}]
    filters: [{type: CORS, cors: {allowOrigins: ["https://good.test"], allowMethods: [GET]}}]
    backendRefs: [{name: web, port: 80}]
  - matches:
    - path: {value: /post}
      method: POST
      headers: [{name: x-v, value: "2"}]
      queryParams: [{name: q, value: "1"}]
    backendRefs: [{name: api, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: everywhere, namespace: shop}
spec:
  parentRefs: [{name: gw, sectionName: any}]
  rules: [{backendRefs: [{name: api, port: 80}]}]
"""


@pytest.fixture(scope="module")
def gateway(echoes: tuple[Echo, Echo], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, int]]:
    """A gateway whose hosts are all cold, and the port of the Gateway's own."""
    with served(echoes, tmp_path_factory.mktemp("gw")) as found:
        yield found


@contextmanager
def served(echoes: tuple[Echo, Echo], folder: Path, **settings: Any) -> Iterator[tuple[Gateway, int]]:
    """The objects above, with these settings, for the time of a block."""
    port = processes.free_ports(1)[0]
    made = Gateway(folder, settings={"lazy": {"threshold": 0}, **settings})
    text = _OBJECTS.replace("PORT", str(port)).replace("SHARED", str(made.http_port))
    made.apply(objects.CLASS, *objects.read(text))
    for name, echo in zip(("web", "api"), echoes, strict=True):
        made.apply(manifests.service(name, "shop"))
        made.apply(manifests.endpoint_slice(name, "shop", [LOOPBACK], {"http": echo.port}))
    made.apply(manifests.ingress("beside", "shop", {"a.gw.test": [manifests.path("/beside", "api:80")]}))
    try:
        yield made.start(), port
    finally:
        made.stop()


async def ask(port: int, host: str, path: str = "/", method: str = "GET", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        named = {"host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.request(method, f"http://{LOOPBACK}:{port}{path}", headers=named)


@pytest.mark.parametrize(
    ("host", "path", "answer"),
    [
        ("a.gw.test", "/", "echo-a"), ("A.gw.TEST", "/", "echo-a"), ("a.gw.test", "/api/x", "echo-b"),
        ("x.wild.gw.test", "/", "echo-a"), ("x.y.wild.gw.test", "/", "echo-a"), ("wild.gw.test", "/", "echo-b"),
        ("other.test", "/", "echo-b"), ("x.narrow.test", "/", 404), ("x.y.narrow.test", "/", 404),
        ("a.gw.test", "/gone", 500),
    ],
)  # fmt: skip
async def test_who_answers(gateway: tuple[Gateway, int], host: str, path: str, answer: str | int) -> None:
    """The most specific listener alone answers a host; its neighbour, with routes for any host, does not get it."""
    reply = await ask(gateway[1], host, path)
    assert (reply.json()["name"] if reply.status_code == 200 else reply.status_code) == answer


async def test_a_redirect_goes_to_the_port_of_the_listener(gateway: tuple[Gateway, int]) -> None:
    reply = await ask(gateway[1], "a.gw.test", "/redirect?a=b")
    assert (reply.status_code, reply.headers["location"]) == (301, f"http://a.gw.test:{gateway[1]}/x?a=b")


async def test_a_share_of_a_backend_that_does_not_exist_is_answered_500(gateway: tuple[Gateway, int]) -> None:
    found = {(await ask(gateway[1], "a.gw.test", "/half")).status_code for _ in range(40)}
    assert found == {200, 500}


async def test_a_prefix_is_rewritten_by_elements(gateway: tuple[Gateway, int]) -> None:
    assert [(await ask(gateway[1], "a.gw.test", path)).json()["path"] for path in ("/old", "/old/a")] == ["/", "/a"]


async def test_every_preflight_is_answered_by_the_gateway_and_only_good_origins_are_allowed(
    gateway: tuple[Gateway, int],
) -> None:
    good, bad = [
        await ask(gateway[1], "a.gw.test", "/cors", "OPTIONS", origin=origin, access_control_request_method="GET")
        for origin in ("https://good.test", "https://bad.test")
    ]
    allowed = "access-control-allow-origin"
    assert [(it.status_code, it.content, it.headers.get(allowed)) for it in (good, bad)] == [
        (204, b"", "https://good.test"),
        (204, b"", None),
    ]
    assert (await ask(gateway[1], "a.gw.test", "/cors", origin="https://bad.test")).json()["name"] == "echo-a"


async def test_all_conditions_of_a_match_must_hold(gateway: tuple[Gateway, int]) -> None:
    assert (await ask(gateway[1], "a.gw.test", "/post?q=1", "POST", x_v="2")).json()["name"] == "echo-b"
    for method, path, value in (("GET", "/post?q=1", "2"), ("POST", "/post?q=2", "2"), ("POST", "/post?q=1", "3")):
        assert (await ask(gateway[1], "a.gw.test", path, method, x_v=value)).json()["name"] == "echo-a"


async def test_a_shared_gateway_stands_beside_ingresses_on_their_port(gateway: tuple[Gateway, int]) -> None:
    port = gateway[0].http_port
    assert (await ask(port, "a.gw.test", "/")).json()["name"] == "echo-a"
    assert (await ask(port, "a.gw.test", "/beside")).json()["name"] == "echo-b"
    assert (await ask(port, "nobody.test", "/")).status_code == 404


async def test_hosts_have_no_metrics_of_their_own(gateway: tuple[Gateway, int]) -> None:
    running, port = gateway
    assert (await ask(port, "x.test")).status_code == 200
    text = running.status("/metrics/envoy").text
    assert "envoy_http_downstream_rq_total{" in text
    assert "envoy_http_rds" not in text
    assert "x.test" not in text


async def test_where_everything_is_counted_hosts_are_labels(echoes: tuple[Echo, Echo], tmp_path: Path) -> None:
    """And not part of the names of metrics."""
    with served(echoes, tmp_path, envoy={"statistics": "full"}) as (running, port):
        assert (await ask(port, "x.test")).status_code == 200
        text = running.status("/metrics/envoy").text
    names = {line.split("{")[0] for line in text.splitlines() if line.startswith("envoy_http_rds")}
    assert {"envoy_http_rds_update_attempt", "envoy_http_rds_update_success"} <= names
    assert [name for name in names if str(port) in name] == []


async def test_a_stop_lets_open_requests_of_a_gateway_finish(gateway: tuple[Gateway, int]) -> None:
    """The last test of this gateway: afterwards it is gone."""
    running, port = gateway
    assert running.process is not None
    async with asyncio.TaskGroup() as group:
        slow = group.create_task(ask(port, "x.test", "/?delay=1"))
        await processes.eventually(lambda: sum(running.stats("^http.gateway.*downstream_rq_active$").values()) == 1)
        os.kill(running.pid, signal.SIGTERM)
    assert (await slow).status_code == 200
    assert await asyncio.to_thread(running.process.wait, 15) == 0
