"""Lazy xDS: Envoy holds what has traffic, and the first request to anything else is as good as the second."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway
from tests.e2e.harness import Gateway, eventually

LAZY = {"lazy": {"threshold": 0}}
HOSTS = 20
NAMESPACE = "lazy"


def host(number: int) -> str:
    return f"h{number}.lazy.test"


def cluster(number: int) -> str:
    return f"outbound|80||s{number}.{NAMESPACE}.svc.cluster.local"


def world(port: int, count: int = HOSTS) -> list[manifests.Object]:
    """Hosts with a Service each."""
    found: list[manifests.Object] = []
    for number in range(count):
        found += [
            manifests.service(f"s{number}", NAMESPACE),
            manifests.endpoint_slice(f"s{number}", NAMESPACE, ["127.0.0.1"], {"http": port}),
            manifests.ingress(f"i{number}", NAMESPACE, {host(number): f"s{number}:80"}),
        ]
    return found


def clusters(gateway: Gateway) -> set[str]:
    """Clusters in Envoy that came from us."""
    dump = gateway.config_dump("dynamic_active_clusters") + gateway.config_dump("dynamic_warming_clusters")
    return {it["cluster"]["name"] for it in dump}


def routes(gateway: Gateway) -> set[str]:
    return {it["route_config"]["name"] for it in gateway.config_dump("dynamic_route_configs") if "route_config" in it}


def used(*numbers: int) -> tuple[set[str], set[str]]:
    return {cluster(number) for number in numbers}, {f"ingress|{host(number)}" for number in numbers}


def held(gateway: Gateway) -> tuple[set[str], set[str]]:
    return clusters(gateway), routes(gateway)


async def name_of(gateway: Gateway, number: int, **options: Any) -> str:
    reply = await gateway.get(host(number), **options)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["name"])


async def test_envoy_holds_exactly_what_was_asked_for(new_gateway: NewGateway, echo_a: Echo) -> None:
    gateway = new_gateway(settings=LAZY)
    gateway.apply(*world(echo_a.port), file="world.json")
    gateway.start()
    assert held(gateway) == (set(), set())
    assert await name_of(gateway, 3) == "echo-a"  # the very first request
    assert held(gateway) == used(3)
    assert (await gateway.get("unknown.lazy.test")).status_code == 404
    assert held(gateway) == used(3)
    await asyncio.gather(*(name_of(gateway, number) for number in (5, 6, 7)))
    assert held(gateway) == used(3, 5, 6, 7)


async def test_a_burst_of_cold_hosts_and_of_one_cold_host_loses_no_request(
    new_gateway: NewGateway, echo_a: Echo
) -> None:
    gateway = new_gateway(settings=LAZY, concurrency=2)
    gateway.apply(*world(echo_a.port, 100), file="world.json")
    gateway.start()
    numbers = [*range(1, 100), *[0] * 50]
    found = await asyncio.gather(*(name_of(gateway, number, http2=number % 2 == 0) for number in numbers))
    assert set(found) == {"echo-a"}


async def test_what_changes_while_it_is_cold_is_right_at_the_first_request(
    new_gateway: NewGateway, echo_a: Echo, echo_b: Echo
) -> None:
    gateway = new_gateway(settings=LAZY)
    gateway.apply(*world(echo_a.port), file="world.json")
    gateway.start()
    gateway.apply(*world(echo_b.port), file="world.json")
    await gateway.settled()
    assert await name_of(gateway, 4) == "echo-b"
    new = world(echo_b.port, HOSTS + 1)[-3:]
    gateway.apply(*new, file="new.json")

    async def served() -> None:
        assert await name_of(gateway, HOSTS) == "echo-b"

    await eventually(served)
    assert clusters(gateway) == used(4, HOSTS)[0]


async def test_hot_hosts_are_there_before_the_first_request_after_a_restart(
    new_gateway: NewGateway, echo_a: Echo
) -> None:
    gateway = new_gateway(settings=LAZY)
    gateway.apply(*world(echo_a.port), file="world.json")
    gateway.start()
    await asyncio.gather(*(name_of(gateway, number) for number in (2, 9)))
    assert gateway.stop() == 0
    gateway.start()
    await eventually(lambda: held(gateway) == used(2, 9))
    assert await name_of(gateway, 2) == "echo-a"
    assert held(gateway) == used(2, 9)


async def test_without_many_hosts_everything_is_there_at_once(new_gateway: NewGateway, echo_a: Echo) -> None:
    gateway = new_gateway()
    gateway.apply(*world(echo_a.port), file="world.json")
    gateway.start()
    assert held(gateway) == used(*range(HOSTS))


async def test_a_hot_host_that_is_gone_is_not_missed(new_gateway: NewGateway, echo_a: Echo) -> None:
    gateway = new_gateway(settings=LAZY)
    gateway.apply(*world(echo_a.port), file="world.json")
    gateway.start()
    await asyncio.gather(*(name_of(gateway, number) for number in (2, 9)))
    gateway.stop()
    gateway.apply(*world(echo_a.port, 5), file="world.json")
    gateway.start()
    assert await name_of(gateway, 2) == "echo-a"
    assert held(gateway) == used(2)
    assert (await gateway.get(host(9))).status_code == 404
