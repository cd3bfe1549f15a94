"""Ends and new beginnings: Envoy killed; the gateway stopped, interrupted, killed, started again; floods of hosts."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import websockets

from tests.e2e import measure, processes
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway, Site
from tests.e2e.harness import Gateway, eventually
from tests.e2e.wire import Wire, request, wire

STOPS = [signal.SIGTERM, signal.SIGINT]
DRAIN = 2


@pytest.fixture
def alone(new_gateway: NewGateway, echo_a: Echo) -> Site:
    """A gateway of its own, everything on demand, with two hosts: one that gets visits and `cold.HOST`."""
    site = Site(new_gateway(settings={"lazy": {"threshold": 0}, "envoy": {"drain_seconds": DRAIN}}))
    for name, host in (("web", site.host), ("cold", f"cold.{site.host}")):
        site.backend(name, echo_a.port)
        site.ingress(f"{name}:80", name=name, host=host)
    site.gateway.start()
    return site


async def serves(site: Site, host: str = "") -> None:
    """Fails unless the host answers (for use with `eventually`)."""
    try:
        assert (await site.answer(host=host or site.host, seconds=2))["name"] == "echo-a"
    except httpx.TransportError as error:
        raise AssertionError(repr(error)) from error


def is_running(pid: int) -> bool:
    """Whether the process is there and not only waiting to be reaped."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def loaded(site: Site, service: str) -> bool:
    name = f"outbound|80||{service}.{site.namespace}.svc.cluster.local"
    return name in site.gateway.admin("/clusters")


async def ended(gateway: Gateway, seconds: float) -> int:
    """The exit status, once the process is gone; its Envoy must be gone too."""
    process, envoy = gateway.process, gateway.envoy_pid
    assert process is not None
    status = await asyncio.to_thread(process.wait, seconds)
    assert not is_running(envoy)
    return status


async def test_envoy_killed_answers_again_within_five_seconds(alone: Site) -> None:
    """Hosts that had visits and hosts that had none; and the ones that had are loaded without being asked for."""
    await eventually(lambda: serves(alone))
    alone.gateway.restart()  # from here on the visited host is remembered
    assert loaded(alone, "web")
    assert not loaded(alone, "cold")
    await serves(alone)
    killed, began = alone.gateway.envoy_pid, time.monotonic()
    os.kill(killed, signal.SIGKILL)
    await eventually(lambda: serves(alone), 5)
    assert alone.gateway.envoy_pid != killed
    assert loaded(alone, "web")
    assert not loaded(alone, "cold")
    await eventually(lambda: serves(alone, f"cold.{alone.host}"), 5)
    assert time.monotonic() - began < 5
    alone.ingress(name="new", host=f"new.{alone.host}")
    await eventually(lambda: serves(alone, f"new.{alone.host}"))
    os.kill(alone.gateway.envoy_pid, signal.SIGKILL)  # and once more: the pause before the next start grows
    await eventually(lambda: serves(alone), 5)


@pytest.mark.parametrize("number", STOPS)
async def test_a_stop_lets_open_requests_finish(alone: Site, number: signal.Signals) -> None:
    await eventually(lambda: serves(alone))
    gateway = alone.gateway
    async with asyncio.TaskGroup() as group, wire(gateway.http_port) as kept:
        await kept.send(request("/", alone.host))
        assert (await kept.reply()).status == 200
        slow = group.create_task(alone.answer("/?delay=1"))
        await eventually(
            lambda: gateway.stats("^http.http.downstream_rq_active$")["http.http.downstream_rq_active"] == 1
        )
        began = time.monotonic()
        os.kill(gateway.pid, number)
        end = group.create_task(ended(gateway, DRAIN + 3))
        while not slow.done():  # whoever comes meanwhile is served or refused, and never waits
            with suppress(httpx.TransportError):
                assert (await alone.get(seconds=1)).status_code == 200
        assert (await slow)["name"] == "echo-a"
        assert await end == 0
        assert time.monotonic() - began < DRAIN + 1
        assert await kept.closed() == b""


async def test_a_stop_cuts_no_client_off_between_its_requests(alone: Site) -> None:
    """Most of the time nothing is under way here; each client learns from an answer that its connection ends."""
    await eventually(lambda: serves(alone))

    async def client(pause: float) -> str:
        async with wire(alone.gateway.http_port) as kept:
            while True:
                await kept.send(request("/", alone.host))
                if (end := (await kept.reply()).headers.get("connection", "")) == "close":
                    return end
                await asyncio.sleep(pause)

    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(client(0.05 * number)) for number in range(1, 9)]
        await asyncio.sleep(0.3)
        os.kill(alone.gateway.pid, signal.SIGTERM)
        end = group.create_task(ended(alone.gateway, DRAIN + 3))
    assert [one.result() for one in clients] == ["close"] * len(clients)
    assert end.result() == 0


async def test_a_stop_does_not_wait_for_ever_for_open_connections(alone: Site) -> None:
    await eventually(lambda: serves(alone))
    place: dict[str, Any] = {"host": "127.0.0.1", "port": alone.gateway.http_port, "proxy": None}
    async with websockets.connect(f"ws://{alone.host}/chat", **place) as chat:
        await chat.send("hello")
        assert await chat.recv() == "hello"
        began = time.monotonic()
        os.kill(alone.gateway.pid, signal.SIGTERM)
        assert await ended(alone.gateway, DRAIN + 3) == 0
        assert DRAIN - 0.5 < time.monotonic() - began < DRAIN + 2
        with pytest.raises(websockets.ConnectionClosed):
            await chat.recv()


async def test_a_stop_without_open_requests_is_quick(alone: Site) -> None:
    await eventually(lambda: serves(alone))
    began = time.monotonic()
    os.kill(alone.gateway.pid, signal.SIGTERM)
    assert await ended(alone.gateway, 5) == 0
    assert time.monotonic() - began < 1.5
    assert not [port for port in (alone.gateway.http_port, alone.gateway.status_port) if processes.is_listening(port)]
    assert "Traceback" not in alone.gateway.stderr()


async def test_a_gateway_that_is_killed_leaves_no_envoy_and_starts_again_at_once(alone: Site) -> None:
    await eventually(lambda: serves(alone))
    gateway, envoy = alone.gateway, alone.gateway.envoy_pid
    assert gateway.process is not None
    gateway.process.kill()
    gateway.process.wait()
    gateway.start()
    await eventually(lambda: serves(alone))
    assert not is_running(envoy)
    assert gateway.envoy_pid != envoy


async def rounds(connection: Wire, hosts: Iterator[str], at_once: int) -> int:
    """Pipelined requests for hosts that do not exist; returns how many were answered with 404."""
    found = 0
    while batch := [host for _, host in zip(range(at_once), hosts, strict=False)]:
        await connection.send(b"".join(request("/", host) for host in batch))
        text = b""
        while text.count(b"\r\n\r\n") < len(batch):
            text += await connection.read_some()
        found += text.count(b"HTTP/1.1 404")
    return found


async def test_a_flood_of_hosts_that_do_not_exist_stays_bounded(alone: Site) -> None:
    """Memory of both processes, work of the control plane, and the time a real host takes meanwhile."""
    number, gateway = 20_000, alone.gateway
    await eventually(lambda: serves(alone))
    envoy = gateway.envoy_pid

    async def flood(part: int, size: int) -> int:
        async with wire(gateway.http_port) as connection:
            return await rounds(connection, (f"{part}-{n}.flood.test" for n in range(size)), 50)

    await flood(99, 500)  # what the first of them costs, they cost once
    pids = (envoy, gateway.pid)
    memory, busy = [measure.resident_mb(pid) for pid in pids], measure.cpu_seconds(gateway.pid)
    times: list[float] = []

    async def visit() -> None:
        while not done.is_set():
            began = time.monotonic()
            await serves(alone)
            times.append(time.monotonic() - began)
            await asyncio.sleep(0.01)

    done = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(visit())
        answered = await asyncio.gather(*(flood(part, number // 4) for part in range(4)))
        done.set()
    assert sum(answered) == number
    assert len(times) > 10
    assert sorted(times)[len(times) // 2] < 0.5, sorted(times)
    grown = [measure.resident_mb(pid) - before for pid, before in zip(pids, memory, strict=True)]
    assert grown[0] < 40, f"Envoy has grown by {grown[0]:.0f} MiB"
    assert grown[1] < 10, f"the control plane has grown by {grown[1]:.0f} MiB"
    assert measure.cpu_seconds(gateway.pid) - busy < 0.5, "the control plane has nothing to do with unknown hosts"
