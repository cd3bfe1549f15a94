"""Fixtures of the end-to-end tests: one gateway and two echo backends for all, a namespace for each test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.harness import Gateway
from tests.e2e.manifests import Object

HERE = Path(__file__).parent
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("e2e")
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(60))


@pytest.fixture(scope="session")
def echoes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Echo, Echo]]:
    """Two `sgw echo` processes, `echo-a` and `echo-b`."""
    folder = tmp_path_factory.mktemp("echo")
    found = (Echo("echo-a", folder), Echo("echo-b", folder))
    try:
        for one in found:
            one.wait()
        yield found
    finally:
        for one in found:
            one.stop()


@pytest.fixture
def echo_a(echoes: tuple[Echo, Echo]) -> Echo:
    return echoes[0]


@pytest.fixture
def echo_b(echoes: tuple[Echo, Echo]) -> Echo:
    return echoes[1]


@pytest.fixture(scope="session")
def shared_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The gateway of most tests, with default settings and two workers. Change only what is in your own namespace.

    The one setting is for ExternalName, whose test has no other name to resolve than that of this machine.
    """
    settings = {"ingress": {"local_external_names": True}}
    gateway = Gateway(tmp_path_factory.mktemp("gw"), settings=settings, concurrency=2)
    try:
        yield gateway.start()
    finally:
        gateway.stop()


NewGateway = Callable[..., Gateway]


@pytest.fixture
def new_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewGateway]:
    """`new_gateway(objects, settings=..., args=..., state=...)`: a gateway of the test's own, not started yet."""
    made: list[Gateway] = []

    def make(*objects: Object, **options: Any) -> Gateway:
        made.append(Gateway(tmp_path_factory.mktemp("gw"), objects, **options))
        return made[-1]

    try:
        yield make
    finally:
        for gateway in made:
            gateway.stop()


@dataclass
class Site:
    """A namespace and a host of one test on a gateway; what it applied is deleted afterwards."""

    gateway: Gateway
    number: int = field(default_factory=lambda: next(_numbers))
    _applied: dict[str, Object] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return f"t{self.number}"

    @property
    def host(self) -> str:
        return f"t{self.number}.example.com"

    def apply(self, *objects: Object) -> None:
        """Write objects, a file for each."""
        for one in objects:
            self._applied[str((one["kind"], one["metadata"]))] = one
        self.gateway.apply(*objects)

    def delete(self, *objects: Object) -> None:
        self.gateway.delete(*objects)

    def backend(self, name: str, *ports: int, app_protocol: str = "", slice_name: str = "") -> None:
        """A Service `name` (port 80) with endpoints on 127.0.0.1 at `ports`, a slice for each port."""
        self.apply(manifests.service(name, self.namespace, manifests.port(app_protocol=app_protocol)))
        for index, number in enumerate(ports, start=1):
            self.slice(name, number, slice_name or f"{name}-{index}")

    def slice(self, name: str, number: int, slice_name: str = "", *addresses: str) -> None:
        self.apply(
            manifests.endpoint_slice(
                name, self.namespace, addresses or ["127.0.0.1"], {"http": number}, name=slice_name
            )
        )

    def ingress(self, to: manifests.Backend | list[Object] = "web:80", *, name: str = "web", **options: Any) -> Object:
        """An Ingress for the test's host (`host=` for another one)."""
        host = options.pop("host", self.host)
        made = manifests.ingress(name, self.namespace, {host: to}, **options)
        self.apply(made)
        return made

    async def get(self, path: str = "/", **options: Any) -> httpx.Response:
        return await self.gateway.get(options.pop("host", self.host), path, **options)

    async def answer(self, path: str = "/", **options: Any) -> dict[str, Any]:
        """What the echo backend says; fails on any status but 200."""
        reply = await self.get(path, **options)
        assert reply.status_code == 200, f"{reply.status_code} {reply.text[:200]}"
        found: dict[str, Any] = reply.json()
        return found

    def clean(self) -> None:
        self.gateway.delete(*self._applied.values())


@pytest.fixture
def site(shared_gateway: Gateway) -> Iterator[Site]:
    """The test's own corner of the shared gateway."""
    found = Site(shared_gateway)
    try:
        yield found
    finally:
        found.clean()


@pytest.fixture
async def web(site: Site, echo_a: Echo) -> Site:
    """The test's host leads to echo-a."""
    site.backend("web", echo_a.port)
    site.ingress()
    await site.gateway.settled()
    return site


@pytest.fixture
async def two(site: Site, echo_a: Echo, echo_b: Echo) -> Site:
    """Services `a` and `b`; the host leads to `a`."""
    site.backend("a", echo_a.port)
    site.backend("b", echo_b.port)
    site.ingress("a:80")
    await site.gateway.settled()
    assert (await site.answer())["name"] == "echo-a"
    return site
