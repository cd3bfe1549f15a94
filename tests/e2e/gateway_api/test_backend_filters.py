"""Filters of one backend among several of a rule, through a real Envoy: who gets which share, and what it reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e import manifests, processes
from tests.e2e.backends import LOOPBACK, Echo
from tests.e2e.gateway_api import objects
from tests.e2e.harness import Gateway

_ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: gw}]
  hostnames: [a.test, "*.wild.test"]
  rules:
  - matches: [{path: {value: /old}}]
    backendRefs:
    - {name: web, port: 80, weight: 2}
    - name: api
      port: 80
      weight: 1
      filters:
      - type: URLRewrite
        urlRewrite: {hostname: api.internal, path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}
      - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-who, value: api}]}}
    - name: web
      port: 80
      weight: 1
      filters: [{type: RequestRedirect, requestRedirect: {statusCode: 303, hostname: elsewhere.test}}]
    - {name: absent, port: 80, weight: 1}
  - matches: [{path: {value: /here}}]
    filters:
    - type: RequestRedirect
      requestRedirect: {statusCode: 307, path: {type: ReplaceFullPath, replaceFullPath: /x}}
  - matches: [{path: {value: /secure}}]
    filters: [{type: RequestRedirect, requestRedirect: {statusCode: 308, scheme: https}}]
  - matches: [{path: {value: /port}}]
    filters: [{type: RequestRedirect, requestRedirect: {port: 8443}}]
"""


@pytest.fixture(scope="module")
def port(echoes: tuple[Echo, Echo], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    found = processes.free_ports(1)[0]
    made = Gateway(tmp_path_factory.mktemp("gw"), settings={"lazy": {"threshold": 0}})
    made.apply(
        objects.CLASS, objects.gateway({"name": "any", "port": found, "protocol": "HTTP"}), *objects.read(_ROUTE)
    )
    for name, echo in zip(("web", "api"), echoes, strict=True):
        made.apply(manifests.service(name, "shop"))
        made.apply(manifests.endpoint_slice(name, "shop", [LOOPBACK], {"http": echo.port}))
    try:
        made.start()
        yield found
    finally:
        made.stop()


async def test_each_backend_gets_its_share_and_its_own_filters(port: int) -> None:
    seen: Counter[str] = Counter()
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(300):
            reply = await client.get(f"http://{LOOPBACK}:{port}/old/a?q=1", headers={"host": "a.test"})
            if reply.status_code != 200:
                seen[str(reply.status_code)] += 1
                if reply.status_code == 303:
                    assert reply.headers["location"] == f"http://elsewhere.test:{port}/old/a?q=1"
                continue
            said = reply.json()
            headers = dict(said["headers"])
            seen[said["name"]] += 1
            rewritten = (said["path"], headers["host"], headers.get("x-who")) == ("/new/a", "api.internal", "api")
            plain = (said["path"], headers["host"], headers.get("x-who")) == ("/old/a", "a.test", None)
            assert rewritten if said["name"] == "echo-b" else plain
    # Of 300: 120 and three times 60; six standard deviations are about 42.
    assert 75 < seen["echo-a"] < 165
    assert all(25 < seen[who] < 105 for who in ("echo-b", "303", "500")), seen
    assert sum(seen.values()) == 300


@pytest.mark.parametrize("host", ["a.test", "A.test:30080", "b.wild.test", "b.wild.test:30080"])
async def test_redirects_say_the_port_that_the_specification_says(port: int, host: str) -> None:
    """That of the scheme, else that of the listener; never the one that the client happened to write."""
    name = host.partition(":")[0].lower()
    wanted = {
        "/here": (307, f"http://{name}:{port}/x"), "/secure/a": (308, f"https://{name}/secure/a"),
        "/port": (302, f"http://{name}:8443/port"),
    }  # fmt: skip
    async with httpx.AsyncClient(trust_env=False) as client:
        for path, expected in wanted.items():
            for _ in range(2):  # cold, then warm
                reply = await client.get(f"http://{LOOPBACK}:{port}{path}", headers={"host": host})
                assert (reply.status_code, reply.headers["location"]) == expected
