"""TLSRoutes and TCPRoutes of Gateways in a folder, through a real Envoy: which backend a connection gets to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sealos_gateway.echo.server import EchoSettings
from tests import pem
from tests.e2e import backends, manifests, processes, tls, wire
from tests.e2e.backends import LOOPBACK, Echo
from tests.e2e.gateway_api import objects
from tests.e2e.gateway_api.objects import CLASS, of
from tests.e2e.harness import Gateway

UNREAD, ENDED = 91, 92  # serial numbers are one more


class Ports(NamedTuple):
    tcp: int
    split: int
    nobody: int
    tls: int


def route(
    kind: str, name: str, section: str, *to: dict[str, Any], hosts: list[str] | None = None, created: str = ""
) -> dict[str, Any]:
    parents = [{"name": "gw", "sectionName": section}]
    names: dict[str, Any] = {"hostnames": hosts} if hosts else {}
    return of(kind, name, created=created, parentRefs=parents, **names, rules=[{"backendRefs": list(to)}])


def to(name: str, port: int = 80, weight: int = 1) -> dict[str, Any]:
    return {"name": name, "port": port, "weight": weight}


def gateway(ports: Ports) -> dict[str, Any]:
    passthrough = {"protocol": "TLS", "port": ports.tls, "tls": {"mode": "Passthrough"}}
    ends = {"port": ports.tls, "tls": {"certificateRefs": [{"name": "ended"}]}}
    listeners = [
        {"name": "tcp", "port": ports.tcp, "protocol": "TCP"},
        {"name": "split", "port": ports.split, "protocol": "TCP"},
        {"name": "nobody", "port": ports.nobody, "protocol": "TCP"},
        {"name": "wide", "hostname": "*.tls.test", **passthrough},
        {"name": "narrow", "hostname": "*.narrow.tls.test", **passthrough},
        {"name": "ended", "hostname": "ended.tls.test", "protocol": "TLS", **ends},
        {"name": "web", "hostname": "web.tls.test", "protocol": "HTTPS", **ends},
    ]
    return objects.gateway(*listeners)


@pytest.fixture
async def running(echoes: tuple[Echo, Echo], tmp_path: Path) -> AsyncIterator[tuple[Gateway, Ports]]:
    ports = Ports(*processes.free_ports(4))
    unread, ended = pem.pair("a.tls.test", number=UNREAD), pem.pair("ended.tls.test", "web.tls.test", number=ENDED)
    (tmp_path / "unread.crt").write_bytes(unread.chain)
    (tmp_path / "unread.key").write_bytes(unread.key)
    settings = EchoSettings(name="unread", tls_cert=tmp_path / "unread.crt", tls_key=tmp_path / "unread.key")
    async with backends.echo(settings) as secure:
        made = Gateway(tmp_path / "gw", settings={"lazy": {"threshold": 0}})
        for name, echo in zip(("web", "api"), echoes, strict=True):
            made.apply(manifests.service(name, "shop"))
            made.apply(manifests.endpoint_slice(name, "shop", [LOOPBACK], {"http": echo.port}))
        made.apply(manifests.service("unread", "shop", manifests.port(443, "https")))
        made.apply(manifests.endpoint_slice("unread", "shop", [LOOPBACK], {"https": secure.port}))
        made.apply(manifests.tls_secret("ended", "shop", ended.chain, ended.key))
        made.apply(
            CLASS,
            gateway(ports),
            route("TCPRoute", "young", "tcp", to("api"), created="2026-02-02T00:00:00Z"),
            route("TCPRoute", "zold", "tcp", to("web"), created="2026-01-01T00:00:00Z"),
            route("TCPRoute", "split", "split", to("web"), to("api"), to("nothing")),
            route("TLSRoute", "unread", "wide", to("unread", 443)),
            route("TLSRoute", "ended", "ended", to("api")),
            route("HTTPRoute", "web", "web", {"name": "web", "port": 80}),
        )  # fmt: skip
        try:
            yield made.start(), ports
        finally:
            made.stop()


async def who(port: int) -> str:
    """The name of the backend at the other end; empty where the connection is closed."""
    reply = await wire.exchange(port, wire.request("/", "any.test"))
    return str(json.loads(reply.body)["name"]) if reply.status else ""


async def who_by_name(port: int, name: str) -> str:
    async with tls.line(port, name) as (connection, _):
        await connection.send(wire.request("/", name))
        return str(json.loads((await connection.reply()).body)["name"])


async def test_connections_get_where_their_listener_sends_them(running: tuple[Gateway, Ports]) -> None:
    made, ports = running
    assert await who(ports.tcp) == "echo-a", "the oldest of two routes has the listener"
    assert {await who(ports.split) for _ in range(40)} == {"echo-a", "echo-b", ""}
    assert await who(ports.nobody) == "", "a listener without a route closes connections"

    assert (await tls.hello(ports.tls, "a.tls.test")).serial == UNREAD + 1, "the backend's own certificate"
    assert await who_by_name(ports.tls, "b.c.tls.test") == "unread", "a wildcard stands for several labels"
    assert (await tls.hello(ports.tls, "ended.tls.test")).serial == ENDED + 1
    assert await who_by_name(ports.tls, "ended.tls.test") == "echo-b", "TLS ends here, and what was in it goes on"
    assert await who_by_name(ports.tls, "web.tls.test") == "echo-a", "HTTPS stands beside on the same port"
    assert await tls.is_refused(ports.tls, "x.narrow.tls.test"), "a name belongs to the most specific listener"
    assert await tls.is_refused(ports.tls, "other.test")

    made.apply(route("TLSRoute", "narrow", "narrow", to("unread", 443), hosts=["x.narrow.tls.test"]))
    made.apply(route("TCPRoute", "nobody", "nobody", to("api")))
    await made.settled()
    assert await who_by_name(ports.tls, "x.narrow.tls.test") == "unread"
    assert await tls.is_refused(ports.tls, "y.narrow.tls.test")
    assert await who(ports.nobody) == "echo-b"


async def test_a_stop_waits_for_connections_that_are_not_http(running: tuple[Gateway, Ports]) -> None:
    made, ports = running
    async with wire.wire(ports.tcp) as connection:
        await connection.send(wire.request("/", "any.test"))
        assert (await connection.reply()).status == 200
        os.kill(made.pid, signal.SIGTERM)
        await asyncio.sleep(1.3)  # longer than connections without requests are waited for, shorter than the drain
        await connection.send(wire.request("/", "any.test"))
        assert (await connection.reply()).status == 200
