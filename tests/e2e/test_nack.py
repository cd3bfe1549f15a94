"""What Envoy refuses: the object is named, its last good state goes on, everything else is applied, and it heals."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from sealos_gateway.envoy import names
from sealos_gateway.settings import LazySettings, TlsSettings
from sealos_gateway.xds import server
from sealos_gateway.xds.messages import Response
from tests import pem
from tests.e2e import manifests, processes, tls
from tests.e2e.backends import Echo
from tests.e2e.harness import Gateway, eventually
from tests.e2e.inside import Inside, Message, running

ROOT = "t"


def web(name: str, port: int) -> list[manifests.Object]:
    """A host `NAME.test` with a Service of its own."""
    return [
        manifests.service(name, ROOT),
        manifests.endpoint_slice(name, ROOT, ["127.0.0.1"], {"http": port}),
        manifests.ingress(name, ROOT, {f"{name}.test": f"{name}:80"}),
    ]


def paths(name: str, more: str) -> manifests.Object:
    """The Ingress of such a host with one path more, which leads to Service d."""
    listed = [manifests.path("/", f"{name}:80"), manifests.path(more, "d:80")]
    return manifests.ingress(name, ROOT, {f"{name}.test": listed})


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
    inside.folder.apply(*(paths(name, "/new") for name in "abcd"), *web("e", echo_b.port))
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
    inside.folder.apply(paths("b", "/newer"))
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
    inside.folder.apply(manifests.service("b", ROOT))  # what Envoy has already: nothing is sent
    await inside.rejected(0)
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


async def test_what_was_refused_is_not_sent_again_and_again(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    inside.spoil(names.ROUTES, route("b"), bad_regex)
    inside.folder.apply(*(paths(name, "/new") for name in "abcd"))
    await inside.rejected()
    for name in "acd":  # the good halves of what was refused together may still be on their way
        await inside.becomes(f"{name}.test", 200, "echo-a", "/new")
    sent: list[str] = []
    plain = server.encoded

    def encoded(response: Response) -> bytes:
        sent.extend(resource.name for resource in response.resources)
        return plain(response)

    monkeypatch.setattr("sealos_gateway.xds.server.encoded", encoded)
    for number in range(5):
        inside.folder.apply(paths("a", f"/later{number}"))
        await inside.becomes("a.test", 200, "echo-a", f"/later{number}")
    assert sent  # several changes may travel together
    assert set(sent) == {route("a")}


async def test_the_last_good_state_keeps_the_cluster_it_names(inside: Inside) -> None:
    """The refused routes no longer name Service b, the ones that go on being served do."""
    inside.spoil(names.ROUTES, route("b"), bad_regex)
    inside.folder.apply(manifests.ingress("b", ROOT, {"b.test": "d:80"}))
    await inside.rejected()
    inside.folder.apply(paths("a", "/later"))
    await inside.becomes("a.test", 200, "echo-a", "/later")
    assert (await inside.folder.get("b.test", seconds=1)).status_code == 200


async def test_the_last_good_state_survives_an_envoy(inside: Inside) -> None:
    inside.spoil(names.ROUTES, route("b"), bad_regex)
    inside.folder.apply(paths("b", "/new"))
    await inside.rejected()
    pid = inside.gateway.plane.supervisor.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    async def back() -> None:
        try:
            assert await inside.get("b.test") == (200, "echo-a")
            assert await inside.get("a.test") == (200, "echo-a")
        except httpx.TransportError as error:
            raise AssertionError(str(error)) from error

    await eventually(back)
    assert inside.gateway.plane.supervisor.pid != pid
    assert len(inside.problems()) == 1


def bad_staple(message: Message) -> None:
    message.tls_certificate.ocsp_staple.SetInParent()  # Envoy says why, and repeats the whole message


async def test_a_certificate_that_is_refused(tmp_path: Path, echo_a: Echo) -> None:
    """The old one goes on being shown, and what Envoy says of the new one is passed on without the key in it."""
    hosts = {name: f"{name}.test" for name in "ab"}
    folder = Gateway(tmp_path, [one for name in hosts for one in web(name, echo_a.port)])

    def put(number: int) -> bytes:
        for name, host in hosts.items():
            pair = pem.pair(host, number=number)
            entry = [tls.entry(name, host)]
            folder.apply(manifests.tls_secret(name, ROOT, *pair))
            folder.apply(manifests.ingress(name, ROOT, {host: f"{name}:80"}, tls=entry))
        return pem.pair("b.test", number=number).key

    put(1)
    async with running(folder) as inside:
        for host in hosts.values():
            await tls.serves(folder, host, serial=2)
        inside.spoil(names.SECRET, "b.test", bad_staple)
        key = put(2)
        problem = (await inside.rejected())[0]
        assert problem.startswith(f"Secret {ROOT}/b secrets b.test: Rejected: ")
        assert "OcspStaple" in problem
        page = await asyncio.to_thread(folder.status, "/problems")
        assert "OcspStaple" in page.text
        assert key.decode().splitlines()[1] not in page.text
        await eventually(lambda: tls.serves(folder, "a.test", serial=3))
        await tls.serves(folder, "b.test", serial=2)
        inside.heal(names.SECRET, "b.test")
        put(3)
        await eventually(lambda: tls.serves(folder, "b.test", serial=4))
        await inside.rejected(0)


async def test_a_listener_that_is_refused_is_told_by_its_setting(tmp_path: Path, echo_a: Echo) -> None:
    """HTTPS cannot be served with these ciphers; plain HTTP is."""
    async with running(
        Gateway(tmp_path, web("a", echo_a.port)), tls=TlsSettings(ciphers=("NO-SUCH-CIPHER",))
    ) as inside:
        problem = (await inside.rejected())[0]
        assert problem.startswith("Setting https listeners https: Rejected: ")
        assert "NO-SUCH-CIPHER" in problem
        await inside.becomes("a.test", 200, "echo-a")
        assert not processes.is_listening(inside.folder.https_port)
