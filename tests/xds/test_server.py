"""The server over a real Unix socket, with a real gRPC client."""

import asyncio
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2

from sealos_gateway.xds.fleet import Fleet
from sealos_gateway.xds.server import SERVICE, AdsServer
from sealos_gateway.xds.snapshot import Snapshot
from sealos_gateway.xds.stream import Stream

C, E = "type.googleapis.com/envoy.config.cluster.v3.Cluster", "type.googleapis.com/envoy.extensions.E"


class World:
    """A server, what it serves, and a way to reach it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ads.sock"
        self.snapshot = Snapshot((C, E), {E: self.render})
        self.fleet = Fleet()
        self.ready = asyncio.Event()
        self.hot: dict[str, dict[str, frozenset[str]]] = {}
        self.server = AdsServer(
            self.snapshot,
            self.fleet,
            self.path,
            ready=self.ready,
            stream=partial(Stream, pieces={C: 2}),
            hot_for=lambda node: self.hot.get(node, {}),
        )

    def render(self, name: str) -> bytes:
        raise ValueError(f"cannot render {name}")

    def commit(self, **bodies: bytes) -> None:
        for name, body in bodies.items():
            self.snapshot.put(C, name, body)
        self.snapshot.commit()
        self.server.wake()

    @asynccontextmanager
    async def client(self, node: str = "n1") -> AsyncIterator["Client"]:
        options = (("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1))
        async with grpc.aio.insecure_channel(f"unix:{self.path}", options=options) as channel:
            client = Client(channel, node)
            try:
                yield client
            finally:
                client.call.cancel()


class Client:
    def __init__(self, channel: Any, node: str) -> None:
        self.channel, self.node = channel, node
        self.call = ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel).DeltaAggregatedResources()

    async def say(self, type_: str, *names: str, **fields: Any) -> None:
        request = discovery_pb2.DeltaDiscoveryRequest(type_url=type_, resource_names_subscribe=names, **fields)
        if self.node:
            request.node.id, self.node = self.node, ""
        await self.call.write(request)

    async def hear(self, answer: str | None = "") -> dict[str, bytes]:
        """The next response as name -> bytes; removed names have none. A text answers it with an error."""
        message = await asyncio.wait_for(self.call.read(), 5)
        assert message is not grpc.aio.EOF
        reply = discovery_pb2.DeltaDiscoveryRequest(type_url=message.type_url, response_nonce=message.nonce)
        if answer:
            reply.error_detail.message = answer
        if answer is not None:
            await self.call.write(reply)
        assert {resource.resource.type_url for resource in message.resources} <= {message.type_url}
        heard = {resource.name: resource.resource.value for resource in message.resources}
        return heard | dict.fromkeys(message.removed_resources, b"")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.server.start()
    world.ready.set()
    yield world
    await world.server.close(grace=0)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the other side of a socket has no event for us
            await asyncio.sleep(0.005)


async def test_a_client_gets_what_there_is_and_then_what_changes(world: World) -> None:
    world.commit(a=b"1", b=b"1", c=b"1")
    async with world.client() as client:
        await client.say(C)
        assert [await client.hear(), await client.hear()] == [{"a": b"1", "b": b"1"}, {"c": b"1"}]
        await until(lambda: world.fleet.all_acked(1))
        world.commit(b=b"2")
        assert await client.hear() == {"b": b"2"}
        world.snapshot.drop(C, "a")
        world.commit()
        assert await client.hear() == {"a": b""}
        await until(lambda: world.fleet.all_acked(3))


async def test_only_the_owner_may_connect(world: World) -> None:
    assert stat.S_IMODE(world.path.stat().st_mode) == 0o600


async def test_streams_wait_until_the_server_is_ready(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.server.start()
    async with world.client() as client:
        await client.say(C)
        hearing = client.call.read()
        done, _ = await asyncio.wait([asyncio.Task(hearing)], timeout=0.1)
        assert not done
        assert [*world.fleet.nodes()] == []
        world.commit(a=b"1")
        world.ready.set()
        await until(lambda: [*world.fleet.nodes()])
    await world.server.close(grace=0)


async def test_many_clients_do_not_mix(world: World) -> None:
    world.commit(a=b"1")
    async with world.client("n1") as one, world.client("n2") as two:
        await one.say(C)
        await two.say(C, "b")
        assert (await one.hear(), await two.hear()) == ({"a": b"1"}, {"b": b""})
        world.commit(b=b"1")
        assert (await one.hear(), await two.hear()) == ({"b": b"1"}, {"b": b"1"})
        assert {node.node for node in world.fleet.nodes()} == {"n1", "n2"}


async def test_a_refused_resource_is_in_the_fleet_and_withheld_from_others(world: World) -> None:
    world.commit(a=b"bad")
    async with world.client("n1") as one, world.client("n2") as two:
        await one.say(C)
        assert await one.hear("does not parse") == {"a": b"bad"}
        await until(world.fleet.rejections)
        assert world.fleet.rejections()[0][1::2] == ("a", "does not parse")
        await two.say(C, "a")
        assert await two.hear() == {"a": b""}
        world.commit(a=b"good")
        assert (await one.hear(), await two.hear(), world.fleet.rejections()) == ({"a": b"good"}, {"a": b"good"}, ())


async def test_a_refused_change_gives_way_to_the_last_good_state(world: World) -> None:
    world.commit(a=b"1")
    async with world.client("n1") as one:
        await one.say(C)
        await one.hear()
        world.commit(a=b"bad")
        await one.hear("no")
        await until(world.fleet.rejections)
        async with world.client("n2") as two:
            await two.say(C)
            assert await two.hear() == {"a": b"1"}


async def test_rows_that_do_not_render_are_reported(world: World) -> None:
    world.snapshot.touch(E, "x")
    world.commit()
    async with world.client() as client:
        await client.say(E, "x")
        assert await client.hear() == {"x": b""}
    assert [rejection.message for rejection in world.fleet.rejections()] == ["ValueError: cannot render x"]


async def test_hot_names_are_those_of_the_node(world: World) -> None:
    world.hot = {"n2": {C: frozenset({"cold"})}}
    world.snapshot.put(C, "cold", b"1", lazy=True)
    world.commit()
    async with world.client("n1") as one, world.client("n2") as two:
        await one.say(C)
        await two.say(C)
        assert (await one.hear(), await two.hear()) == ({}, {"cold": b"1"})


async def test_reconnecting_with_what_it_holds_and_remembered_names(world: World) -> None:
    world.commit(a=b"1", b=b"1")
    async with world.client() as client:
        await client.say(C, "a", "b")
        await client.hear()
        row = world.snapshot.peek(C, "a")
    await until(lambda: not any(node.connected for node in world.fleet.nodes()))
    assert world.fleet.subscribed("n1", C) == ("a", "b")
    assert row is not None
    async with world.client() as client:
        await client.say(C, "a", "b", initial_resource_versions={"a": row.version, "b": "older"})
        assert await client.hear() == {"b": b"1"}


async def test_large_messages_pass(world: World) -> None:
    body = b"x" * 6_000_000
    world.commit(a=body)
    async with world.client() as client:
        await client.say(C, initial_resource_versions={f"{i:0500}": "1" for i in range(9000)})
        assert (await client.hear())["a"] == body


async def test_garbage_ends_its_own_stream_only(world: World) -> None:
    world.commit(a=b"1")
    async with world.client() as good, world.client() as victim:
        await good.say(C)
        assert await good.hear() == {"a": b"1"}
        raw = victim.channel.stream_stream(f"/{SERVICE}/DeltaAggregatedResources")()
        await raw.write(b"\xff\xff\xff garbage")
        assert await asyncio.wait_for(raw.code(), 5) == grpc.StatusCode.INVALID_ARGUMENT
        later = victim.channel.stream_stream(f"/{SERVICE}/DeltaAggregatedResources")()
        first = discovery_pb2.DeltaDiscoveryRequest(type_url=C)
        first.node.id = "n9"
        await later.write(first.SerializeToString())
        await asyncio.wait_for(later.read(), 5)
        await later.write(b"\xff\xff\xff garbage")
        assert await asyncio.wait_for(later.code(), 5) == grpc.StatusCode.INVALID_ARGUMENT
        world.commit(b=b"1")
        assert await good.hear() == {"b": b"1"}


async def test_a_client_without_a_node_id_is_refused(world: World) -> None:
    async with world.client("") as client:
        await client.say(C)
        assert await asyncio.wait_for(client.call.code(), 5) == grpc.StatusCode.INVALID_ARGUMENT


async def test_clients_that_leave_are_forgotten(world: World) -> None:
    world.commit(a=b"1")
    async with world.client("silent"):
        pass
    async with world.client("dies") as dies, world.client("leaves") as leaves:
        await dies.say(C)
        await leaves.say(C)
        await dies.hear(None)
        await leaves.hear()
        await leaves.call.done_writing()
        assert await asyncio.wait_for(leaves.call.code(), 5) == grpc.StatusCode.OK
        dies.call.cancel()
        await until(lambda: not any(node.connected for node in world.fleet.nodes()))
    world.commit(a=b"2")
    async with world.client() as client:
        await client.say(C)
        assert await client.hear() == {"a": b"2"}


async def test_tombstones_do_not_outlive_a_wake_even_when_a_client_is_stuck(world: World) -> None:
    async with world.client() as client:
        world.commit(a=b"1")
        await client.say(C)
        await client.hear(None)
        for i in range(20):
            world.commit(**{f"n{i}": b"1"})
            world.snapshot.drop(C, f"n{i}")
            world.commit()
        assert [*world.snapshot.since(C, 0)] == ["a"]
    world.snapshot.drop(C, "a")
    world.commit()
    assert [*world.snapshot.since(C, 0)] == []


async def test_state_of_the_world_is_unimplemented(world: World) -> None:
    async with world.client() as client:
        call = ads_pb2_grpc.AggregatedDiscoveryServiceStub(client.channel).StreamAggregatedResources()
        assert await asyncio.wait_for(call.code(), 5) == grpc.StatusCode.UNIMPLEMENTED


async def test_closing_ends_streams_in_peace(world: World) -> None:
    async with world.client() as client:
        await client.say(C)
        await client.hear()
        await world.server.close(grace=5)
        assert await asyncio.wait_for(client.call.code(), 5) == grpc.StatusCode.OK
    assert not any(node.connected for node in world.fleet.nodes())
