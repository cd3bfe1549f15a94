"""Gateways that share the data plane of Ingresses, on ports that somebody has already: told, and nobody is harmed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e import manifests, processes, udp
from tests.e2e.backends import LOOPBACK, Echo
from tests.e2e.gateway_api import objects
from tests.e2e.gateway_api.objects import CLASS
from tests.e2e.gateway_api.test_datagrams import behind, service
from tests.e2e.gateway_api.test_streams import route, to, who
from tests.e2e.harness import Gateway, eventually

OLD, YOUNG = "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"


def listener(name: str, port: int, protocol: str) -> dict[str, Any]:
    return {"name": name, "port": port, "protocol": protocol}


def gateway(name: str, created: str, *listeners: dict[str, Any]) -> dict[str, Any]:
    return objects.gateway(*listeners, name=name, created=created)


def towards(kind: str, name: str, parent: str, section: str) -> dict[str, Any]:
    found = route(kind, name, section, to("one", 53))
    found["spec"]["parentRefs"] = [{"name": parent, "sectionName": section}]
    return found


async def test_a_port_that_is_taken_is_told_and_costs_nobody_anything(echo_a: Echo, tmp_path: Path) -> None:
    (free,), both = processes.free_ports(1), udp.free_port()
    async with udp.echo("one") as one:
        with Gateway(tmp_path / "gw") as made:
            made.apply(
                manifests.service("web", "shop"),
                manifests.endpoint_slice("web", "shop", [LOOPBACK], {"http": echo_a.port}),
                manifests.ingress("web", "shop", {"web.test": "web:80"}),
                CLASS, service("one", 1), behind("one", one.port, echo_a.port),
                gateway(
                    "greedy", YOUNG,
                    listener("http", made.http_port, "TCP"), listener("https", made.https_port, "TCP"),
                    listener("status", made.status_port, "HTTP"), listener("udp", both, "UDP"),
                    listener("free", free, "TCP"),
                ),
                *(towards("TCPRoute", name, "greedy", name) for name in ("http", "https", "free")),
                towards("UDPRoute", "udp", "greedy", "udp"),
            )  # fmt: skip

            def refused() -> list[str]:
                told = [it for it in made.problems() if "PortUnavailable" in it]
                return sorted(it.partition("spec.listeners[")[2].partition("]")[0] for it in told)

            await eventually(lambda: refused() == ["http", "https", "status"])
            await made.settled()
            assert (await made.get("web.test")).status_code == 200, "Ingresses have their port"
            assert made.status("/readyz").status_code == 200
            assert await who(free) == "echo-a", "the rest of the Gateway is served"
            assert await udp.who(both) == "one"

            made.apply(gateway("elder", OLD, listener("udp", both, "UDP"), listener("web", free, "HTTP")))
            await eventually(lambda: refused() == ["free", "http", "https", "status", "udp"])
            await eventually(lambda: nobody(both))
            assert (await made.get("web.test")).status_code == 200
            made.delete(gateway("elder", OLD))
            await eventually(lambda: refused() == ["http", "https", "status"])
            await made.settled()
            assert await udp.who(both) == "one"
            assert await who(free) == "echo-a"
            assert made.metric("sgw_rejected_resources") == 0, "Envoy was never asked to listen twice"


async def nobody(port: int) -> bool:
    return await udp.who(port, 0.3) == ""
