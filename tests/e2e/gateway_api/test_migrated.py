"""What `sgw migrate --to gateway-api` writes answers as the Ingresses do that it was made of: two gateways, one with
each form, are sent the same requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from sealos_gateway import explain
from sealos_gateway.migrate import reading
from sealos_gateway.migrate.gateway_api import conversion
from sealos_gateway.migrate.requests import Ask, requests
from sealos_gateway.model.traffic import Split, VirtualHost
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.settings import Settings
from tests import pem
from tests.e2e import manifests, processes
from tests.e2e.backends import Echo
from tests.e2e.gateway_api.objects import CLASS
from tests.e2e.harness import Gateway
from tests.e2e.manifests import Object
from tests.migrate.families import SAME

#: Not asked for here: another machine is waited for, and backends that need a certificate of their own.
_LEFT_OUT = ("a service outside", "tls to a backend", "protocols", "https before the gateway", "no host")
CASES = {name: several for name, several in SAME.items() if name not in _LEFT_OUT}
_MOST = 14
_VOLATILE = {"date", "x-request-id", "x-forwarded-port", "x-real-ip", "content-length", "x-envoy-upstream-service-time"}


class Both(NamedTuple):
    old: Gateway
    new: Gateway
    rows: dict[str, list[VirtualHost]]
    pipeline: Pipeline


def placed(number: int, case: str) -> list[Object]:
    """The Ingresses of a case in a namespace of its own, their hosts below one of its own."""
    text = msgspec.json.encode(CASES[case]).decode()
    text = re.sub(r"\b([a-z]\.test)\b", rf"c{number}-\1", text).replace('"shop"', f'"f{number}"')
    text = text.replace("shop.svc", f"f{number}.svc").replace("shop/", f"f{number}/")
    return [{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", **one} for one in msgspec.json.decode(text)]


def surroundings(namespace: str, echo_a: Echo, echo_b: Echo) -> Iterator[Object]:
    chain, key = pem.pair("*.test")
    yield manifests.tls_secret("cert", namespace, chain, key)
    users = {"auth": "dXNlcjp7U0hBfVc2cGg1TW01UHo4R2dpVUxiUGd6RzM3bWo5Zz0K"}
    yield {"apiVersion": "v1", "kind": "Secret", "metadata": manifests.meta("users", namespace), "data": users}
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": manifests.meta("headers", namespace),
        "data": {"X-A": "$host"},
    }
    for name, echo in (("web", echo_a), ("new", echo_b), ("pages", echo_b)):
        yield manifests.service(name, namespace)
        yield manifests.endpoint_slice(name, namespace, ["127.0.0.1"], {"http": echo.port})


@pytest.fixture(scope="module")
def both(echoes: tuple[Echo, Echo], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    around: list[Object] = []
    own: list[Object] = []
    for number, case in enumerate(CASES):
        around += surroundings(f"f{number}", *echoes)
        own += placed(number, case)
    chosen = {"ingress": {"classes": ["nginx", "sealos"]}}
    old = Gateway(tmp_path_factory.mktemp("old"), [*around, *own], settings=chosen)
    found = reading.from_files("ingress-nginx", [old.manifests], Settings(), [], [])
    made = conversion.convert(found.pipeline, conversion.Wanted("ingress-nginx"))
    new = Gateway(tmp_path_factory.mktemp("new"), around, settings=chosen)
    ports = dict(zip((80, 443), processes.free_ports(2), strict=True))
    new.apply(CLASS, *(moved(one, ports) for one in made.objects))
    rows: dict[str, list[VirtualHost]] = {case: [] for case in CASES}
    for _, row in sorted(found.pipeline.hosts.rows.items()):
        if row is not None and (place := re.search(r"f(\d+)", row.origins[0].ref.namespace)):
            rows[list(CASES)[int(place[1])]].append(row)
    try:
        old.start()
        new.start()
        new.http_port, new.https_port = ports[80], ports[443]
        yield Both(old, new, rows, found.pipeline)
    finally:
        old.stop()
        new.stop()


def moved(one: Object, ports: dict[int, int]) -> Object:
    """Listeners on ports that are free here."""
    if "listeners" not in one["spec"]:
        return one
    listeners = [it | {"port": ports[it["port"]]} for it in one["spec"]["listeners"]]
    return one | {"spec": one["spec"] | {"listeners": listeners}}


async def asked(gateway: Gateway, ask: Ask) -> httpx.Response:
    url = httpx.URL(ask.url)
    sent = [(name, value) for name, value in ask.headers if name != "x-forwarded-proto"]
    place = url.raw_path.decode()
    return await gateway.request(ask.method, url.host, place, headers=sent, https=url.scheme == "https")


def seen(reply: httpx.Response) -> dict[str, Any]:
    """What a client and the backend see, without what differs from one request to the next, and ports of the test."""
    found: dict[str, Any] = {"status": reply.status_code}
    headers = {name: value for name, value in reply.headers.items() if name not in _VOLATILE}
    if "location" in headers:
        headers["location"] = re.sub(r"(https?://[^/:]+):\d+", r"\1", headers["location"])
    if "set-cookie" in headers:
        headers["set-cookie"] = re.sub(r"=\"[^\"]*\"", "=…", headers["set-cookie"])
    found["headers"] = headers
    if reply.headers.get("content-type", "").startswith("application/json"):
        answer = reply.json()
        got = sorted((name, value) for name, value in answer["headers"] if name not in _VOLATILE)
        found |= {name: answer[name] for name in ("name", "method", "path", "query", "http_version")} | {"got": got}
    return found


@pytest.mark.parametrize("case", CASES)
async def test_both_forms_answer_the_same(both: Both, case: str) -> None:
    assert both.rows[case]
    for row in both.rows[case]:
        asks = requests(row.key.host, row.routes)
        plain = [it for it in asks if it.url.startswith("http:")][:_MOST]
        secure = [it for it in asks if it.url.startswith("https:")][:_MOST] if "https" in case else []
        for ask in (*plain, *secure):
            before, after = seen(await asked(both.old, ask)), seen(await asked(both.new, ask))
            chosen = explain.route(ask.url, both.pipeline, ask.method, ask.headers)
            if chosen is not None and isinstance(chosen.action, Split):
                before, after = without_name(before), without_name(after)
            assert after == before, str(ask)


def without_name(found: dict[str, Any]) -> dict[str, Any]:
    """Which backend it was is drawn by lot."""
    headers = {name: value for name, value in found["headers"].items() if name != "x-echo-pod"}
    return {name: value for name, value in found.items() if name != "name"} | {"headers": headers}


def test_every_case_has_hosts(both: Both) -> None:
    assert all(both.rows.values())
    assert [it for it in both.new.problems() if "Route" in it or "Policy" in it or "ListenerSet" in it] == []
