"""The data plane of one Gateway within the test's own process: a control plane's tables, a relay that sees what that
plane sees, and a real Envoy.

In a cluster the two are apart and the API server says which plane a node belongs to; here the feed is handed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from sealos_gateway.dataplane import DataPlane
from sealos_gateway.envoy import names
from sealos_gateway.node.admin import Admin
from sealos_gateway.node.relay import Relay
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.meta import Resource
from sealos_gateway.settings import EnvoySettings, GatewayApiSettings, NodeSettings, Settings
from sealos_gateway.xds.feed import Feed
from sealos_gateway.xds.fleet import Fleet
from sealos_gateway.xds.messages import Request
from sealos_gateway.xds.planes import View
from sealos_gateway.xds.reports import REVISION, Revision
from sealos_gateway.xds.snapshot import Snapshot
from tests import objects
from tests.e2e.processes import eventually

CONTROL = Settings(gateway_api=GatewayApiSettings(control="control.test"))
_PIECE = 1000


class Plane:
    """One data plane, and all tables."""

    def __init__(self, folder: Path, plane: str, pipeline: Pipeline) -> None:
        self.pipeline, self.snapshot = pipeline, Snapshot(names.ORDER)
        self.fleet = Fleet()
        self.relay = Relay(self.snapshot, self.fleet)
        self._feed = Feed(View(pipeline.snapshot, plane), plane, names.ORDER)
        for type_ in (*names.ORDER, REVISION):
            self._feed.receive(Request(type_))
        state = folder / plane
        state.mkdir()
        node = Settings(
            node=NodeSettings(gateway=plane), envoy=EnvoySettings(drain_seconds=1, concurrency=1, log_level="error")
        )
        self.runs = DataPlane(node, state, plane, self.snapshot, self.fleet, self.relay.complete, self.relay.heard)
        self.relay.wake = self.runs.server.wake
        self.admin = Admin(state / "admin.sock")
        #: Resources that the last change sent, by type.
        self.sent: dict[str, list[str]] = {}

    def put(self, *resources: Resource) -> None:
        for resource in resources:
            objects.put(self.pipeline, resource)
        self.pass_on()

    def drop(self, *resources: Resource) -> None:
        for resource in resources:
            objects.drop(self.pipeline, resource)
        self.pass_on()

    def pass_on(self) -> None:
        """What the feed has for the relay."""
        self.sent = {}
        while not self._feed.gather(_PIECE):
            pass
        for response in self._feed.responses():
            if response.type == REVISION:
                self.relay.finish(msgspec.json.decode(response.resources[0].body, type=Revision))
                continue
            told = self.sent.setdefault(names.SHORT[response.type], [])
            told += [*(it.name for it in response.resources), *response.removed]
            self.relay.take(response.type, response.resources, response.removed)

    async def settled(self) -> None:
        """Until Envoy has all of it."""

        async def ready() -> bool:
            return not await self.runs.unready() and self.fleet.all_acked(self.snapshot.revision)

        await eventually(ready)


@asynccontextmanager
async def running(folder: Path, plane: str, *resources: Resource) -> AsyncIterator[Plane]:
    """It serves these objects."""
    made = Plane(folder, plane, objects.pipeline(*resources, settings=CONTROL))
    stop = asyncio.Event()
    await made.runs.start()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(made.runs.run(stop))
            try:
                made.pass_on()
                await made.settled()
                yield made
            finally:
                stop.set()
    finally:
        await made.runs.close()
