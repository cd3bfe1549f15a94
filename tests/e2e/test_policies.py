"""Policies hold for every request of their route: also for the first one to a cold host, in any spelling, and for any
host.

Envoy builds the filters of a request before it knows the route of a cold host, so a policy that depended on when they
were built could be walked around by writing the host in capitals.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.e2e import backends, manifests
from tests.e2e.backends import Echo, Recorder
from tests.e2e.conftest import NewGateway, Site
from tests.e2e.harness import Gateway, eventually

NGINX = "nginx.ingress.kubernetes.io/"
DENY = {f"{NGINX}denylist-source-range": "127.0.0.0/8"}
LIMIT = {f"{NGINX}proxy-body-size": "1k"}


@pytest.fixture
def lazy(new_gateway: NewGateway, echo_a: Echo) -> Gateway:
    """A gateway whose hosts are all cold: nobody has asked for anything yet."""
    made = new_gateway(
        manifests.service("web", "shop"),
        manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo_a.port}),
        settings={"lazy": {"threshold": 0}},
    )
    for number, host in enumerate(("a.deny.test", "b.deny.test", "*.deny.test", "")):
        made.apply(manifests.ingress(f"i{number}", "shop", {host: "web:80"}, annotations=DENY))
    made.apply(manifests.ingress("open", "shop", {"open.test": "web:80"}))
    made.apply(manifests.ingress("small", "shop", {"small.test": "web:80"}, annotations=LIMIT))
    return made.start()


async def test_the_first_request_to_a_cold_host_is_held_to_its_policy(lazy: Gateway) -> None:
    hosts = ("a.deny.test", "B.deny.TEST", "c.deny.test", "whoever.test")
    replies = await asyncio.gather(*(lazy.get(host) for host in hosts))
    assert [reply.status_code for reply in replies] == [403] * 4
    assert (await lazy.get("open.test")).status_code == 200


async def test_the_second_request_too(lazy: Gateway) -> None:
    for _ in range(2):
        assert (await lazy.get("A.DENY.test")).status_code == 403


@pytest.mark.parametrize("host", ["small.test", "SMALL.test"])
async def test_a_body_over_the_limit_of_a_cold_host_gets_413(lazy: Gateway, host: str) -> None:
    assert (await lazy.request("POST", host, content=b"x" * 1025)).status_code == 413
    assert (await lazy.request("POST", host, content=b"x" * 1024)).status_code == 200


async def test_a_body_without_length_too(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress(annotations=LIMIT)
    await site.gateway.settled()

    async def body(pieces: int) -> AsyncIterator[bytes]:
        for _ in range(pieces):
            yield b"x" * 100

    reply = await site.gateway.request("POST", site.host, content=body(11))
    assert reply.status_code == 413
    reply = await site.gateway.request("POST", site.host, content=body(10))
    assert reply.status_code == 200


async def test_copies_of_the_first_request_to_a_cold_host(new_gateway: NewGateway, echo_a: Echo) -> None:
    """The cluster that gets the copies is with Envoy before the routes that name it, though no request loads it."""
    recorder = Recorder()
    async with backends.raw(recorder) as copy:
        made = new_gateway(settings={"lazy": {"threshold": 0}})
        for name, port in (("web", echo_a.port), ("copy", copy.port)):
            made.apply(manifests.service(name, "shop"))
            made.apply(manifests.endpoint_slice(name, "shop", ["127.0.0.1"], {"http": port}))
        copied = {"higress.io/mirror-target-service": "copy"}
        made.apply(manifests.ingress("web", "shop", {"copied.test": "web:80"}, annotations=copied))
        made.start()
        assert (await made.get("copied.test", "/first")).status_code == 200
        await eventually(lambda: [it.target for it in recorder.seen] == ["/first"])
