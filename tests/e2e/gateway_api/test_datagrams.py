"""UDPRoutes of Gateways in a folder, through a real Envoy: which backend a sender's datagrams get to."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e import manifests, udp, wire
from tests.e2e.backends import LOOPBACK, Echo
from tests.e2e.fleet import Fleet
from tests.e2e.gateway_api import objects
from tests.e2e.gateway_api.objects import CLASS
from tests.e2e.gateway_api.test_streams import route, to, who
from tests.e2e.harness import Gateway, eventually

MOST = 60_000  # bytes, of a datagram that leaves room for the name in the answer
NOBODY = 0.5  # seconds in which an answer over loopback would long be there


class Running(NamedTuple):
    gateway: Gateway
    both: int
    split: int
    broken: int
    nobody: int
    one: udp.Echo
    two: udp.Echo


def service(name: str, tcp: int = 0) -> dict[str, Any]:
    """Port 53 of UDP, and of TCP where it is asked for."""
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    return manifests.service(name, "shop", *ports[: 2 if tcp else 1])


def behind(name: str, port: int, tcp: int = 0) -> dict[str, Any]:
    """The slice of such a Service."""
    found = manifests.endpoint_slice(name, "shop", [LOOPBACK] if port else [], {})
    found["ports"] = [{"name": "dns", "port": port or 53, "protocol": "UDP"}]
    found["ports"] += [{"name": "dns-tcp", "port": tcp, "protocol": "TCP"}] if tcp else []
    return found


@pytest.fixture
async def running(echoes: tuple[Echo, Echo], tmp_path: Path) -> AsyncIterator[Running]:
    both, split, broken, nobody = (udp.free_port() for _ in range(4))
    listeners = [
        {"name": "udp", "port": both, "protocol": "UDP"},
        {"name": "tcp", "port": both, "protocol": "TCP"},
        {"name": "split", "port": split, "protocol": "UDP"},
        {"name": "broken", "port": broken, "protocol": "UDP"},
        {"name": "nobody", "port": nobody, "protocol": "UDP"},
    ]
    async with AsyncExitStack() as servers:
        one, two = [await servers.enter_async_context(udp.echo(name)) for name in ("one", "two")]
        made = Gateway(tmp_path / "gw", settings={"lazy": {"threshold": 0}})
        made.apply(
            CLASS,
            objects.gateway(*listeners),
            service("one", echoes[0].port), behind("one", one.port, echoes[0].port),
            service("two"), behind("two", two.port),
            route("UDPRoute", "dns", "udp", to("one", 53)),
            route("TCPRoute", "dns", "tcp", to("one", 53)),
            route("UDPRoute", "split", "split", to("one", 53, 70), to("two", 53, 30)),
            route("UDPRoute", "broken", "broken", to("one", 53), to("missing", 53)),
        )  # fmt: skip
        try:
            yield Running(made.start(), both, split, broken, nobody, one, two)
        finally:
            made.stop()


async def test_datagrams_get_where_their_listener_sends_them(running: Running) -> None:
    assert await udp.ask(running.both) == b"one:ping", "the first datagram of all, though clusters are lazy"
    assert await who(running.both) == "echo-a", "TCP of the same number, to the TCP port of the same Service"
    large = b"x" * MOST
    assert await udp.ask(running.both, large) == b"one:" + large, "there and back in one piece"
    assert await udp.who(running.nobody, NOBODY) == "", "without a route they are dropped"


async def test_weights_hold_among_senders_and_a_sender_keeps_its_backend(running: Running) -> None:
    found = await udp.shares(running.split, 400)
    assert found.total() == 400
    assert 0.6 < found["one"] / 400 < 0.8, found  # five standard deviations
    sender = udp.Sender(running.split)
    assert len({await sender.ask() for _ in range(20)}) == 1
    sender.close()

    lost = await udp.shares(running.broken, 200, NOBODY)
    assert set(lost) == {"one", ""}
    assert 60 < lost[""] < 140, "the share of a backend that does not exist is dropped, and nobody else gets it"


async def test_weights_hold_among_senders_with_the_same_port(running: Running) -> None:
    """Servers that speak to each other often send from the port that they listen on."""
    port = udp.free_port()
    found = [await udp.who(running.split, source=(f"127.0.{n // 200}.{n % 200 + 2}", port)) for n in range(200)]
    assert 0.5 < found.count("one") / 200 < 0.9
    assert found.count("one") + found.count("two") == 200


async def test_what_changes_is_followed_and_other_listeners_are_left_alone(running: Running) -> None:
    made = running.gateway
    sender = udp.Sender(running.both)
    assert await sender.ask() == b"one:ping"
    (session,) = set(running.one.senders)

    made.apply(behind("two", 0))
    made.apply(route("UDPRoute", "nobody", "nobody", to("two", 53)))
    await made.settled()
    assert await udp.who(running.nobody, NOBODY) == "", "a Service without endpoints"

    made.apply(behind("two", running.two.port))
    await eventually(lambda: has(running.nobody, "two"))
    made.apply(route("UDPRoute", "nobody", "nobody", to("one", 53)))
    await eventually(lambda: has(running.nobody, "one"))
    made.delete(service("one"))
    await eventually(lambda: has(running.nobody, ""))
    made.apply(service("one", 1))
    await eventually(lambda: has(running.nobody, "one"))
    made.delete(route("UDPRoute", "nobody", "nobody"))
    await eventually(lambda: has(running.nobody, ""))
    sender.close()

    before = udp.Sender(running.split)
    first = await before.ask()
    session = (running.one if first.startswith(b"one") else running.two).senders[-1]
    made.apply(route("UDPRoute", "nobody", "nobody", to("two", 53)))
    await eventually(lambda: has(running.nobody, "two"))
    assert await before.ask() == first
    assert session in (running.one if first.startswith(b"one") else running.two).senders[-1:], "the session is the same"
    before.close()


async def test_a_node_hands_on_datagrams_also_without_its_control_plane(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Clusters that no datagram asks for are in what it keeps on disk, and go to its Envoy with the listener."""
    port = udp.free_port()
    listeners = [{"name": "udp", "port": port, "protocol": "UDP"}]
    async with udp.echo("one") as one:
        applied = [
            CLASS, objects.gateway(*listeners),
            service("one"), behind("one", one.port), route("UDPRoute", "dns", "udp", to("one", 53)),
        ]  # fmt: skip
        fleet = Fleet(tmp_path_factory.mktemp("f"), applied)
        fleet.node_settings = {"lazy": {"threshold": 0}}
        try:
            control = fleet.controls[0].start()
            node = fleet.node()
            node.start()
            await eventually(lambda: has(port, "one"))
            control.stop()
            node.restart()
            await eventually(lambda: has(port, "one"))

            node.stop()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.bind((LOOPBACK, port))
                node.launch()
                await eventually(lambda: f"cannot listen on {LOOPBACK}:{port}/udp" in node.stderr(), 20)
                assert node.process is not None
                assert await asyncio.to_thread(node.process.wait, 15) == 1
        finally:
            fleet.stop()


async def test_a_line_is_logged_for_each_sender_and_each_connection(running: Running) -> None:
    made = running.gateway
    sender = udp.Sender(running.both)
    for _ in range(3):
        assert await sender.ask() == b"one:ping"
    assert (await wire.exchange(running.both, wire.request("/", "any.test", "Connection: close"))).status == 200
    made.delete(behind("one", 0))  # an endpoint that is gone ends its sessions

    def line(protocol: str) -> dict[str, Any]:
        found = made.access_log(protocol=protocol)
        assert len(found) == 1, found
        return found[0]

    found = await eventually(lambda: line("UDP"), 15)
    assert (found["datagrams_received"], found["datagrams_sent"]) == (3, 3)
    assert (found["bytes_received"], found["bytes_sent"]) == (12, 24)
    assert found["upstream_cluster"] == "outbound|53|udp|one.shop.svc.cluster.local"
    assert found["upstream_host"] == f"{LOOPBACK}:{running.one.port}"
    assert found["client_address"] == "{}:{}".format(*sender.address)
    assert found["local_address"].endswith(f":{running.both}")
    sender.close()

    found = await eventually(lambda: line("TCP"), 15)
    assert re.fullmatch(r"outbound\|53\|[0-9a-f]*\|one\.shop\.svc\.cluster\.local", found["upstream_cluster"])
    assert found["bytes_received"] > 0


async def has(port: int, name: str) -> bool:
    return await udp.who(port, NOBODY) == name


async def test_a_flood_of_senders_takes_no_more_sessions_than_there_may_be(running: Running) -> None:
    """Whoever sends may lie about who he is, and each sender costs Envoy a socket."""
    target = [{"group": "", "kind": "Service", "name": "one"}]
    policy = objects.of("BackendPolicy", "few", targetRefs=target, circuitBreaker={"maxConnections": 3})
    running.gateway.apply({**policy, "apiVersion": "sealos.io/v1"})
    await running.gateway.settled()
    senders = [udp.Sender(running.both) for _ in range(10)]
    try:
        answers = [await sender.ask(seconds=NOBODY) for sender in senders]
        assert answers == [b"one:ping"] * 3 + [b""] * 7
        assert await senders[0].ask() == b"one:ping"  # who has a session keeps it
        assert len(set(running.one.senders)) == 3
    finally:
        for sender in senders:
            sender.close()
