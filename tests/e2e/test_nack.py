"""What Envoy refuses: the object is named, its last good state goes on, everything else is applied, and it heals.

The gateway runs within the test, so that one object's resource can be spoiled between the tables and the stream: we
know of no object that gets through our own checks and is refused all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from sealos_gateway import main
from sealos_gateway.envoy import api, names
from sealos_gateway.settings import EnvoySettings, LazySettings, Settings, TlsSettings
from tests import pem
from tests.e2e import manifests, processes, tls
from tests.e2e.backends import Echo
from tests.e2e.harness import Gateway, eventually

Message = Any
Spoil = Callable[[Message], None]
ROOT = "t"


@dataclass
class Inside:
    """A gateway in this process and the folder it reads; `spoil` breaks resources before they are sent."""

    gateway: main.Gateway
    folder: Gateway
    _spoils: dict[tuple[str, str], Spoil] = field(default_factory=dict)

    def __post_init__(self) -> None:
        renderers = self.gateway.pipeline.snapshot._renderers
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

    def problems(self) -> list[str]:
        return [str(it) for it in self.gateway.report.problems() if it.reason == "Rejected"]

    async def rejected(self, number: int = 1) -> list[str]:
        """The refusals, once there are so many; the page and the metric say the same."""

        def told() -> None:
            assert len(self.problems()) == number

        await eventually(told)
        assert f"sgw_rejected_resources {float(number)}" in self.gateway.metrics.text().decode()
        return self.problems()

    async def get(self, host: str, path: str = "/") -> tuple[int, str]:
        """Status, and who answers."""
        reply = await self.folder.get(host, path)
        return reply.status_code, reply.json()["name"] if reply.status_code == 200 else reply.text

    async def becomes(self, host: str, status: int, who: str = "", path: str = "/") -> None:
        async def check() -> None:
            assert await self.get(host, path) == (status, who)

        await eventually(check)

    def updates(self) -> dict[str, int]:
        """How many responses Envoy has had, by type."""
        return self.folder.stats("(update_attempt|update_rejected)$")


_MESSAGES = {
    names.CLUSTER: api.cluster.Cluster,
    names.ENDPOINTS: api.endpoint.ClusterLoadAssignment,
    names.ROUTES: api.route.RouteConfiguration,
    names.SECRET: api.tls_secret.Secret,
}


@asynccontextmanager
async def running(folder: Gateway, **changes: Any) -> AsyncIterator[Inside]:
    settings = Settings(
        address="127.0.0.1", http_port=folder.http_port, https_port=folder.https_port, status_port=folder.status_port,
        envoy=EnvoySettings(concurrency=1, drain_seconds=0, log_level="off"), **changes,
    )  # fmt: skip
    folder.state.mkdir(parents=True, exist_ok=True)
    inside, stop = Inside(main.Gateway(settings, [folder.manifests], folder.state), folder), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(inside.gateway.run(stop))
        try:
            await eventually(inside.gateway.status.is_ready, 30)
            yield inside
        finally:
            stop.set()


def web(name: str, port: int) -> list[manifests.Object]:
    """A host `NAME.test` with a Service of its own."""
    return [
        manifests.service(name, ROOT),
        manifests.endpoint_slice(name, ROOT, ["127.0.0.1"], {"http": port}),
        manifests.ingress(name, ROOT, {f"{name}.test": f"{name}:80"}),
    ]


def cluster(name: str) -> str:
    return f"outbound|80||{name}.{ROOT}.svc.cluster.local"


def route(name: str) -> str:
    return f"ingress|{name}.test"


@pytest.fixture(params=["all pushed", "all on demand"])
async def inside(request: pytest.FixtureRequest, tmp_path: Path, echo_a: Echo) -> AsyncIterator[Inside]:
    """Hosts a.test to d.test lead to echo-a; each has been visited."""
    objects = [one for name in "abcd" for one in web(name, echo_a.port)]
    lazy = LazySettings(threshold=1000 if request.param == "all pushed" else 0)
    async with running(Gateway(tmp_path, objects), lazy=lazy) as found:
        for name in "abcd":
            await found.becomes(f"{name}.test", 200, "echo-a")
        yield found


def bad_regex(message: Message) -> None:
    added = message.virtual_hosts[0].routes.add()
    added.match.safe_regex.regex = "("
    added.direct_response.status = 200


def bad_cluster(message: Message) -> None:
    message.connect_timeout.seconds = -1


def bad_endpoints(message: Message) -> None:
    message.endpoints[0].priority = 5000


async def test_routes_that_are_refused(inside: Inside, echo_b: Echo) -> None:
    """In one batch with good changes: those are applied; the bad host keeps its last good state, and heals."""
    inside.spoil(names.ROUTES, route("b"), bad_regex)
    rules = [manifests.path("/", "a:80"), manifests.path("/new", "d:80")]
    change = [manifests.ingress(name, ROOT, {f"{name}.test": rules}) for name in "abcd"]
    inside.folder.apply(*change, *web("e", echo_b.port))
    problem = (await inside.rejected())[0]
    assert problem.startswith(f"Ingress {ROOT}/b routes {route('b')}: Rejected: ")
    for name in "acd":
        await inside.becomes(f"{name}.test", 200, "echo-a", "/new")
    await inside.becomes("e.test", 200, "echo-b")
    await inside.becomes("b.test", 200, "echo-a")
    inside.folder.apply(manifests.endpoint_slice("d", ROOT, ["127.0.0.1"], {"http": echo_b.port}))
    await inside.becomes("a.test", 200, "echo-b", "/new")
    assert await inside.get("b.test", "/new") == (200, "echo-a")  # what b had before
    inside.heal(names.ROUTES, route("b"))
    inside.folder.apply(manifests.ingress("b", ROOT, {"b.test": [*rules, manifests.path("/newer", "d:80")]}))
    await inside.becomes("b.test", 200, "echo-b", "/newer")
    await inside.rejected(0)


async def test_a_cluster_that_is_refused(inside: Inside, echo_b: Echo) -> None:
    inside.spoil(names.CLUSTER, cluster("b"), bad_cluster)
    for name in "abcd":
        port = manifests.port(app_protocol="kubernetes.io/h2c")
        inside.folder.apply(manifests.service(name, ROOT, port))
    assert (await inside.rejected())[0].startswith(f"Service {ROOT}/b clusters {cluster('b')}: Rejected: ")

    async def speaks(name: str, version: str) -> None:
        reply = await inside.folder.get(f"{name}.test")
        assert (reply.status_code, reply.json()["http_version"]) == (200, version)

    for name in "acd":
        await eventually(lambda name=name: speaks(name, "2"))  # type: ignore[misc]
    await speaks("b", "1.1")
    inside.folder.apply(*web("e", echo_b.port))
    await inside.becomes("e.test", 200, "echo-b")
    inside.heal(names.CLUSTER, cluster("b"))
    inside.folder.apply(manifests.service("b", ROOT, manifests.port(app_protocol="grpc")))
    await eventually(lambda: speaks("b", "2"))
    await inside.rejected(0)


async def test_endpoints_that_are_refused(inside: Inside, echo_b: Echo) -> None:
    inside.spoil(names.ENDPOINTS, cluster("b"), bad_endpoints)
    for name in "abcd":
        inside.folder.apply(manifests.endpoint_slice(name, ROOT, ["127.0.0.1"], {"http": echo_b.port}))
    assert (await inside.rejected())[0].startswith(f"Service {ROOT}/b endpoints {cluster('b')}: Rejected: ")
    for name in "acd":
        await inside.becomes(f"{name}.test", 200, "echo-b")
    assert await inside.get("b.test") == (200, "echo-a")
    inside.heal(names.ENDPOINTS, cluster("b"))
    inside.folder.apply(
        manifests.endpoint_slice("b", ROOT, ["127.0.0.1", "127.0.0.2"], {"http": echo_b.port}),
    )
    await inside.rejected(0)


async def test_what_was_refused_is_not_sent_again_and_again(inside: Inside) -> None:
    inside.spoil(names.ROUTES, route("b"), bad_regex)
    rules = [manifests.path("/", "a:80"), manifests.path("/new", "d:80")]
    inside.folder.apply(*(manifests.ingress(name, ROOT, {f"{name}.test": rules}) for name in "abcd"))
    await inside.rejected()
    before = inside.updates()
    for number in range(5):
        rules = [manifests.path("/", "a:80"), manifests.path(f"/later{number}", "d:80")]
        inside.folder.apply(manifests.ingress("a", ROOT, {"a.test": rules}))
        await inside.becomes("a.test", 200, "echo-a", f"/later{number}")
    after = inside.updates()
    more = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    assert not [name for name in more if name.endswith("rejected")], more
    print(more)


async def test_the_last_good_state_survives_an_envoy(inside: Inside) -> None:
    inside.spoil(names.ROUTES, route("b"), bad_regex)
    inside.folder.apply(manifests.ingress("b", ROOT, {"b.test": [manifests.path("/", "a:80")] * 2}))
    inside.folder.apply(manifests.ingress("b", ROOT, {"b.test": [manifests.path("/", "a:80"), manifests.path("/x", "c:80")]}))
    await inside.rejected()
    pid = inside.gateway.supervisor.pid
    assert pid is not None
    import os, signal
    os.kill(pid, signal.SIGKILL)

    async def back() -> None:
        try:
            assert await inside.get("b.test") == (200, "echo-a")
            assert await inside.get("a.test") == (200, "echo-a")
        except httpx.TransportError as error:
            raise AssertionError(str(error)) from error

    await eventually(back)
    assert inside.gateway.supervisor.pid != pid
    assert len(inside.problems()) == 1
