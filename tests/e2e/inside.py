"""A gateway within the test's own process, whose resources can be spoiled between the tables and the stream.

We know of no object that gets through our own checks and is refused by Envoy all the same; so one is made here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sealos_gateway import main
from sealos_gateway.envoy import api, names
from sealos_gateway.objects import Folder
from sealos_gateway.settings import EnvoySettings, Settings
from tests.e2e.harness import Gateway, eventually

Message = Any
Spoil = Callable[[Message], None]


@dataclass
class Inside:
    """A gateway in this process and the folder it reads; `spoil` breaks resources before they are sent."""

    gateway: main.Gateway
    folder: Gateway
    _spoils: dict[tuple[str, str], Spoil] = field(default_factory=dict)

    def __post_init__(self) -> None:
        renderers = self.gateway.controller.pipeline.snapshot._renderers
        for type_, plain in list(renderers.items()):
            renderers[type_] = lambda name, type_=type_, plain=plain: self._rendered(type_, name, plain)  # type: ignore[misc]

    def _rendered(self, type_: str, name: str, plain: Callable[[str], bytes | None]) -> bytes | None:
        body, spoil = plain(name), self._spoils.get((type_, name))
        if body is None or spoil is None:
            return body
        message = _MESSAGES[type_].FromString(body)
        spoil(message)
        return bytes(message.SerializeToString(deterministic=True))

    def spoil(self, type_: str, name: str, how: Spoil) -> None:
        self._spoils[type_, name] = how

    def heal(self, type_: str, name: str) -> None:
        del self._spoils[type_, name]

    async def ready(self) -> bool:
        return not await self.gateway.plane.unready()

    def problems(self) -> list[str]:
        return [str(it) for it in self.gateway.controller.report.problems() if it.reason == "Rejected"]

    async def rejected(self, number: int = 1) -> list[str]:
        """The refusals, once there are so many; the page and the metric say the same."""

        def told() -> None:
            assert len(self.problems()) == number

        await eventually(told)
        assert f"sgw_rejected_resources {float(number)}" in self.gateway.controller.metrics.text().decode()
        return self.problems()

    async def get(self, host: str, path: str = "/") -> tuple[int, str]:
        """Status, and who answers."""
        reply = await self.folder.get(host, path)
        return reply.status_code, reply.json()["name"] if reply.status_code == 200 else reply.text

    async def becomes(self, host: str, status: int, who: str = "", path: str = "/") -> None:
        async def check() -> None:
            assert await self.get(host, path) == (status, who)

        await eventually(check)


_MESSAGES = {
    names.CLUSTER: api.cluster.Cluster,
    names.ENDPOINTS: api.endpoint.ClusterLoadAssignment,
    names.ROUTES: api.route.RouteConfiguration,
    names.SECRET: api.tls_secret.Secret,
}


@asynccontextmanager
async def running(folder: Gateway, log_level: str = "off", **changes: Any) -> AsyncIterator[Inside]:
    settings = Settings(
        address="127.0.0.1", http_port=folder.http_port, https_port=folder.https_port, status_port=folder.status_port,
        envoy=EnvoySettings(concurrency=1, drain_seconds=0, log_level=log_level), **changes,
    )  # fmt: skip
    folder.state.mkdir(parents=True, exist_ok=True)
    inside, stop = Inside(main.Gateway(settings, Folder([folder.manifests]), folder.state), folder), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(inside.gateway.run(stop))
        try:
            await eventually(inside.ready, 30)
            yield inside
        finally:
            stop.set()
