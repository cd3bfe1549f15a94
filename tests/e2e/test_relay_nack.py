"""An Envoy behind a relay refuses something: the control plane names the object, and the last good state goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sealos_gateway.controlplane import Control
from sealos_gateway.envoy import api, names
from sealos_gateway.objects import Folder
from sealos_gateway.settings import ControlSettings, Settings
from sealos_gateway.xds.snapshot import Snapshot
from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.fleet import Fleet, Node
from tests.e2e.processes import eventually

SPACE = "t"


def web(name: str, port: int) -> list[manifests.Object]:
    return [
        manifests.service(name, SPACE),
        manifests.endpoint_slice(name, SPACE, ["127.0.0.1"], {"http": port}),
        manifests.ingress(name, SPACE, {f"{name}.test": f"{name}:80"}),
    ]


class Spoiled:
    """A control plane in this process that spoils the routes of hosts when told to."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.hosts: set[str] = set()
        self.control: Control

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        place, state = self.fleet.controls[0], self.fleet.folder / "control"
        state.mkdir(exist_ok=True)
        settings = Settings(
            address="127.0.0.1", http_port=self.fleet.ports[0], https_port=self.fleet.ports[1],
            status_port=place.status_port, state_dir=str(state),
            control=ControlSettings(
                address="127.0.0.1", xds_port=place.xds_port, enrol_port=place.enrol_port,
                join_token_file=str(self.fleet.folder / "token"),
            ),
        )  # fmt: skip
        self.control = Control(settings, Folder([self.fleet.manifests.manifests]), state)
        renderers = self.control.controller.pipeline.snapshot._renderers
        renderers[names.ROUTES] = self._spoiling(renderers[names.ROUTES])
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.control.run(stop))
            try:
                yield
            finally:
                stop.set()

    def _spoiling(self, plain: Callable[[str], bytes | None]) -> Callable[[str], bytes | None]:
        def rendered(name: str) -> bytes | None:
            body = plain(name)
            if body is None or name.partition("|")[2] not in self.hosts:
                return body
            message: Any = api.route.RouteConfiguration.FromString(body)
            added = message.virtual_hosts[0].routes.add()
            added.match.safe_regex.regex = "("
            added.direct_response.status = 200
            return bytes(message.SerializeToString(deterministic=True))

        return rendered

    def problems(self) -> list[str]:
        return [str(it) for it in self.control.controller.report.problems() if it.reason == "Rejected"]


@pytest.fixture
async def spoiled(tmp_path: Path, echo_a: Echo) -> AsyncIterator[Spoiled]:
    fleet = Fleet(tmp_path, [*web("a", echo_a.port), *web("b", echo_a.port)])
    try:
        yield Spoiled(fleet)
    finally:
        await asyncio.to_thread(fleet.stop)


async def status(node: Node, host: str) -> int:
    return (await node.get(host, seconds=5)).status_code


async def test_a_refusal_ends_at_its_object_and_the_last_good_state_goes_on(spoiled: Spoiled, echo_b: Echo) -> None:
    fleet = spoiled.fleet
    async with spoiled.running():
        node = fleet.node()
        await asyncio.to_thread(node.start)
        assert [await status(node, host) for host in ("a.test", "b.test")] == [200, 200]
        snapshot = spoiled.control.controller.pipeline.snapshot
        await eventually(lambda: _taken(snapshot, "ingress|a.test"))

        # The new routes lead to another Service, so that the old one is used by nobody: but by what goes on.
        spoiled.hosts.add("a.test")
        fleet.apply(*web("other", echo_b.port)[:2], manifests.ingress("a", SPACE, {"a.test": "other:80"}))
        await eventually(lambda: len(spoiled.problems()) == 1)
        (problem,) = spoiled.problems()
        assert problem.startswith("Ingress t/a")
        assert "regex" in problem or "missing" in problem
        for _ in range(20):
            reply = await node.get("a.test")
            assert (reply.status_code, reply.json()["name"]) == (200, "echo-a")
        assert await status(node, "b.test") == 200

        # A neighbour is not held back, and a restart of the node does not forget what was good.
        fleet.apply(*web("c", echo_b.port))
        await eventually(lambda: _is(node, "c.test", 200))
        await asyncio.to_thread(node.restart)
        assert (await node.get("a.test")).json()["name"] == "echo-a"

        spoiled.hosts.clear()
        fleet.apply(
            manifests.ingress("a", SPACE, {"a.test": [manifests.path("/", "other:80"), manifests.path("/x", "b:80")]})
        )
        await eventually(lambda: _answers(node, "a.test", "echo-b"))
        await eventually(lambda: not spoiled.problems())


async def test_a_control_plane_that_comes_back_learns_what_is_refused(spoiled: Spoiled, echo_b: Echo) -> None:
    fleet = spoiled.fleet
    node = fleet.node()
    async with spoiled.running():
        await asyncio.to_thread(node.start)
        assert await status(node, "a.test") == 200
        spoiled.hosts.add("a.test")
        fleet.apply(*web("other", echo_b.port)[:2], manifests.ingress("a", SPACE, {"a.test": "other:80"}))
        await eventually(lambda: len(spoiled.problems()) == 1)
    for _ in range(5):
        assert (await node.get("a.test")).json()["name"] == "echo-a"
    async with spoiled.running():
        await eventually(lambda: len(spoiled.problems()) == 1, 20)
        for _ in range(20):
            reply = await node.get("a.test")
            assert (reply.status_code, reply.json()["name"]) == (200, "echo-a"), "it has no memory, the relay has"


def _taken(snapshot: Snapshot, name: str) -> bool:
    """Whether some Envoy has said that these routes are good."""
    row = snapshot.peek(names.ROUTES, name)
    return row is not None and row.accepted


async def _is(node: Node, host: str, wanted: int) -> bool:
    return await status(node, host) == wanted


async def _answers(node: Node, host: str, who: str) -> bool:
    reply = await node.get(host)
    return reply.status_code == 200 and reply.json()["name"] == who
