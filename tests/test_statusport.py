"""The status port over a real socket, beside an Envoy that is not there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import httpx
import pytest

from sealos_gateway.controller import Controller
from sealos_gateway.dataplane import DataPlane
from sealos_gateway.model.problem import Problem
from sealos_gateway.node.supervisor import PortTakenError
from sealos_gateway.pages import controller_pages
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.provision.tables import ObjectKey
from sealos_gateway.resources.update import Update
from sealos_gateway.settings import Settings
from sealos_gateway.statusport import StatusPort, envoy_pages
from tests import objects


class Nothing:
    """A source without objects."""

    loaded = True
    problems: Sequence[Problem] = ()
    refused: Mapping[ObjectKey, str] = MappingProxyType({})

    def attach(self, pipeline: Pipeline, refusals: Callable[[], None]) -> None: ...

    async def run(self) -> None: ...

    async def updates(self, stop: asyncio.Event) -> AsyncGenerator[Update, None]:
        yield Update()

    def tell(self, problems: Sequence[Problem]) -> None: ...


def status_port(port: int, folder: Path) -> StatusPort:
    settings = Settings(status_port=port)
    controller = Controller(settings, Nothing())
    objects.put(controller.pipeline, objects.web("a.com"))
    plane = DataPlane(settings, folder, "n", controller.pipeline.snapshot, controller.fleet, controller.ready)
    pages = {**controller_pages(controller), **envoy_pages(plane.admin)}
    return StatusPort("127.0.0.1", port, plane.unready, controller.metrics.text, pages)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    served = status_port(port, tmp_path)
    await served.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as made:
        yield made
    await served.stop()


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/healthz", 200, "ok"),
        ("/readyz", 503, "not ready"),
        ("/metrics", 200, "sgw_hosts 1.0"),
        ("/metrics/envoy", 503, "envoy does not answer"),
        ("/problems", 200, "ServiceNotFound"),
        ("/explain?url=http://a.com/", 200, "no healthy upstream"),
        ("/explain?url=http://[::1", 400, "is not a URL"),
        ("/explain", 400, "is not a URL"),
        ("/other", 404, ""),
    ],
)
async def test_pages(client: httpx.AsyncClient, path: str, status: int, words: str) -> None:
    found = await client.get(path)
    assert (found.status_code, words in found.text) == (status, True), found.text


async def test_nothing_can_be_changed(client: httpx.AsyncClient) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert (await client.request(method, "/problems")).status_code == 405


async def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        with pytest.raises(PortTakenError, match=f"127.0.0.1:{port}.*--status-port"):
            await status_port(port, tmp_path).start()
