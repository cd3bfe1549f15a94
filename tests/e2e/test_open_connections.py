"""Changes and what is open meanwhile: connections and requests under way go on, listeners stay as they are."""

from __future__ import annotations

import asyncio

import websockets

from tests.e2e import backends, manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.harness import eventually


async def test_a_change_leaves_open_connections_alone(two: Site, echo_a: Echo, echo_b: Echo) -> None:
    """A WebSocket and a keep-alive connection outlive new routes, new endpoints and the end of their host."""
    port = two.gateway.http_port
    async with (
        websockets.connect(f"ws://{two.host}/", proxy=None, host="127.0.0.1", port=port) as socket,
        two.gateway.client() as client,
    ):

        async def alive() -> None:
            await socket.send("still there?")
            assert await socket.recv() == "still there?"

        def asked() -> int:
            return two.gateway.stats("^http.http.downstream_cx_total$")["http.http.downstream_cx_total"]

        await client.get("/", headers={"Host": two.host})
        await alive()
        two.ingress("b:80")
        await two.gateway.settled()
        assert (await two.answer())["name"] == "echo-b"
        await alive()
        two.slice("a", echo_b.port, "a-1")
        await two.gateway.settled()
        await alive()
        two.clean()

        async def gone() -> None:
            assert (await two.get()).status_code == 404

        await eventually(gone)
        await alive()
        before = asked()
        assert (await client.get("/", headers={"Host": two.host})).status_code == 404
        assert asked() == before


async def test_no_listener_changes_when_hosts_do(two: Site) -> None:
    """A listener that changes would drain its connections."""
    pattern = "^listener_manager.(listener_(added|modified|removed|create_success)|lds.update_success)$"
    before, pid = two.gateway.stats(pattern), two.gateway.envoy_pid
    assert before
    for number in range(10):
        two.ingress("b:80", name=f"i{number}", host=f"h{number}.{two.host}")
    await two.gateway.settled()
    two.clean()
    await two.gateway.settled()
    assert two.gateway.stats(pattern) == before
    assert two.gateway.envoy_pid == pid


async def test_nothing_was_refused_by_envoy(two: Site) -> None:
    """What was made on this gateway was valid, all of it."""
    await two.gateway.settled()
    assert two.gateway.metric("sgw_rejected_resources") == 0
    rejected = two.gateway.stats(r".*\.update_rejected$")
    assert {name: value for name, value in rejected.items() if value} == {}


async def test_a_request_under_way_ends_on_the_route_it_began_on(two: Site) -> None:
    """Its route and its cluster go away while the backend is still thinking."""
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/slow" in head:
            arrived.set()
            await go_on.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")

    async with backends.raw(slow) as server, asyncio.TaskGroup() as group:
        two.backend("slow", server.port)
        slow_ingress = two.ingress("slow:80", name="slow", host=f"slow.{two.host}")
        await two.gateway.settled()
        task = group.create_task(two.get("/slow", host=f"slow.{two.host}"))
        await arrived.wait()
        two.delete(slow_ingress, manifests.service("slow", two.namespace))

        async def gone() -> None:
            assert (await two.get(host=f"slow.{two.host}")).status_code == 404

        await eventually(gone)
        go_on.set()
        reply = await task
    assert (reply.status_code, reply.text) == (200, "slow")
