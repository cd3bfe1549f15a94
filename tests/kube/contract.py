"""What this room expects of an API server. Every case runs against FakeKube, and against a real one where there is one.

`SGW_TEST_KUBECONFIG` names the kubeconfig of the real one; each case works in a namespace of its own. A case that holds
for one of the two only is a mistake of the fake. (Collected through `test_contract.py`.)
"""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

import pytest

from sealos_gateway.clock import SystemClock
from sealos_gateway.kube import client, errors
from sealos_gateway.kube.client import APPLY, Client
from sealos_gateway.kube.config import Access, KubeConfig
from sealos_gateway.kube.inbox import Inbox
from sealos_gateway.kube.leader import Leader, Place
from sealos_gateway.kube.secrets import Limits, Secrets
from sealos_gateway.kube.status import IngressStatus
from sealos_gateway.kube.sync import Scope, Source
from sealos_gateway.kube.watch import Item, Mark, Options, Target, Watch
from sealos_gateway.kube.wire import Gone, Put
from sealos_gateway.kube.writes import Writer
from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref
from tests.fake_clock import eventually
from tests.fakes import FakeKube, Object
from tests.kube import cluster
from tests.kube.cluster import Fixed

REAL = os.environ.get("SGW_TEST_KUBECONFIG", "")
CLOCK = SystemClock()
STREAMED = [pytest.param(True, id="streamed"), pytest.param(False, id="pages")]


class Server:
    """A namespace on one of the two."""

    def __init__(self, api: Client, namespace: str, kube: FakeKube | None) -> None:
        self.api = api
        self.kube = kube
        self.namespace = namespace

    def path(self, kind: Kind, name: str = "", subresource: str = "") -> str:
        return client.path(kind.api_version, kind.plural, self.namespace, name, subresource)

    async def call(
        self, method: str, place: str, body: Object | None = None, query: dict[str, str] | None = None, **params: str
    ) -> Any:
        data = None if body is None else json.dumps(body).encode()
        kind = APPLY if method == "PATCH" else client.JSON
        return json.loads(await self.api.request(method, place, params | (query or {}), data, kind))

    async def create(self, kind: Kind, item: Object) -> Object:
        found: Object = await self.call("POST", self.path(kind), item)
        return found

    async def services(self, *names: str) -> None:
        for name in names:
            await self.create(kinds.SERVICE, self.service(name))

    def service(self, name: str) -> Object:
        item = cluster.service(name, self.namespace)
        item["spec"]["ports"][0]["targetPort"] = 80
        return item

    def ingress(self, name: str = "web") -> Object:
        item = cluster.ingress(name, self.namespace)
        port = {"service": {"name": "web", "port": {"number": 80}}}
        paths = [{"path": "/", "pathType": "Prefix", "backend": port}]
        return item | {"spec": {"rules": [{"host": "a.example.com", "http": {"paths": paths}}]}}


@asynccontextmanager
async def fake() -> AsyncIterator[tuple[Access, FakeKube | None]]:
    async with FakeKube().running() as kube:
        yield Fixed(kube.url), kube


@asynccontextmanager
async def real() -> AsyncIterator[tuple[Access, FakeKube | None]]:
    if not REAL:
        pytest.skip("SGW_TEST_KUBECONFIG names no API server")
    yield KubeConfig(REAL), None


@pytest.fixture(params=[fake, real])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    async with AsyncExitStack() as stack:
        access, kube = await stack.enter_async_context(request.param())
        api = await stack.enter_async_context(Client(access, CLOCK))
        namespace = f"contract-{uuid.uuid4().hex[:8]}"
        it = Server(api, namespace, kube)
        await it.call("POST", "/api/v1/namespaces", cluster.namespace(namespace))
        yield it
        await it.call("DELETE", f"/api/v1/namespaces/{namespace}")


class Followed:
    def __init__(self) -> None:
        self.words: list[str] = []

    def take(self, item: Item) -> None:
        if isinstance(item, Mark):
            self.words.append(item.name)
        for change in item if isinstance(item, list) else ():
            self.words.append({Put: "+", Gone: "-"}.get(type(change), "!") + change.ref.name)


@asynccontextmanager
async def following(
    server: Server, options: Options, kind: Kind = kinds.SERVICE, field: str = ""
) -> AsyncIterator[Followed]:
    followed = Followed()

    async def follow() -> None:
        watch = Watch(server.api, Target(kind, server.namespace, field_selector=field), CLOCK, options)
        async with aclosing(watch.follow()) as items:
            async for item in items:
                followed.take(item)

    async with cluster.task(follow()):
        yield followed


@pytest.mark.parametrize("stream", STREAMED)
async def test_list_then_changes(server: Server, stream: bool) -> None:
    await server.services("a", "b", "c")
    async with following(server, Options(stream=stream, page=2)) as followed:
        await eventually(lambda: followed.words == ["LISTING", "+a", "+b", "+c", "LISTED"])
        await server.services("d")
        await server.call("DELETE", server.path(kinds.SERVICE, "a"))
        await eventually(lambda: followed.words[5:] == ["+d", "-a"])


async def test_the_server_ends_a_watch_and_the_next_goes_on(server: Server) -> None:
    async with following(server, Options(stream=False, watch_seconds=1)) as followed:
        await eventually(lambda: "LISTED" in followed.words)
        for number in range(6):
            await server.services(f"s{number}")
            await asyncio.sleep(0.4)  # so that some come while no watch is open
        await eventually(lambda: followed.words[2:] == [f"+s{number}" for number in range(6)])
    assert followed.words.count("LISTING") == 1


async def test_a_version_that_is_no_longer_kept_is_gone(server: Server) -> None:
    if server.kube is None:
        pytest.skip("a real one forgets only when it is restarted, or after minutes")
    server.kube.compact()
    params = {"watch": "true", "resourceVersion": "1", "timeoutSeconds": "5"}
    async with server.api.stream("GET", server.path(kinds.SERVICE), params) as pieces:
        event = json.loads(await anext(pieces))
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


async def test_an_invalid_continue_token_is_refused(server: Server) -> None:
    with pytest.raises((errors.InvalidError, errors.GoneError)):
        await server.call("GET", server.path(kinds.SERVICE), query={"continue": "nonsense"})


async def test_pages_are_a_whole_even_when_objects_change_between_them(server: Server) -> None:
    await server.services("a", "b", "c")
    first = await server.call("GET", server.path(kinds.SERVICE), limit="1")
    await server.call("DELETE", server.path(kinds.SERVICE, "c"))
    token = first["metadata"]["continue"]
    rest = await server.call("GET", server.path(kinds.SERVICE), query={"continue": token})
    assert [item["metadata"]["name"] for item in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert rest["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_one_secret_by_name(server: Server) -> None:
    field = "metadata.name=mine"
    async with following(server, Options(stream=False), kinds.SECRET, field) as followed:
        await eventually(lambda: followed.words == ["LISTING", "LISTED"])
        for name in ("other", "mine"):
            await server.create(kinds.SECRET, cluster.secret(name, server.namespace))
        await eventually(lambda: followed.words[2:] == ["+mine"])


@pytest.mark.parametrize("watches", [0, 5])
async def test_needed_secrets(server: Server, watches: int) -> None:
    inbox = Inbox()
    await server.create(kinds.SECRET, cluster.secret("cert", server.namespace))
    secrets = Secrets(server.api, inbox, CLOCK, Limits(watches), Options())
    async with cluster.task(secrets.run()):
        for name in ("cert", "missing"):
            secrets.need(Ref(server.namespace, name))
        await inbox.complete()
        assert [ref.name for _, ref, _ in inbox.take().puts] == ["cert"]


async def test_everything_together(server: Server) -> None:
    await server.services("web")
    await server.create(kinds.INGRESS, server.ingress())
    source = Source(server.api, scope=Scope((server.namespace,)))
    async with cluster.task(source.run()), aclosing(source.updates()) as updates:
        first = await anext(updates)
        found = {(kind.name, ref.name) for kind, ref, _ in first.puts}
        assert {("Service", "web"), ("Ingress", "web")} <= found


async def test_status_is_applied_and_given_back(server: Server) -> None:
    uid = (await server.create(kinds.INGRESS, server.ingress()))["metadata"]["uid"]
    ref = Ref(server.namespace, "web")
    writer = Writer(server.api, CLOCK, lambda: True)
    status = IngressStatus(server.api, CLOCK, writer, lambda: True, (server.namespace,))

    async def there() -> Any:
        found = await server.call("GET", server.path(kinds.INGRESS, "web"))
        return found.get("status", {}).get("loadBalancer", {}).get("ingress")

    async def until(wanted: Any) -> None:
        async with asyncio.timeout(8):
            while await there() != wanted:  # noqa: ASYNC110  (asked over the network)
                await asyncio.sleep(0.01)

    async with cluster.task(writer.run()), cluster.task(status.run()):
        status.want(ref, uid, ("192.0.2.1", "lb.example.com"))
        await until([{"ip": "192.0.2.1"}, {"hostname": "lb.example.com"}])
        found = await server.call("GET", server.path(kinds.INGRESS, "web"))
        assert found["spec"]["rules"][0]["host"] == "a.example.com"
        status.give_up(ref)
        await until(None)


async def test_a_field_of_another_is_refused_without_force(server: Server) -> None:
    await server.create(kinds.INGRESS, server.ingress())

    async def apply(manager: str, address: str, force: str = "false") -> None:
        body = {
            "apiVersion": kinds.INGRESS.api_version,
            "kind": "Ingress",
            "metadata": {"name": "web", "namespace": server.namespace},
            "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
        }
        place = server.path(kinds.INGRESS, "web", "status")
        await server.call("PATCH", place, body, fieldManager=manager, force=force)

    await apply("them", "192.0.2.1")
    await apply("us", "192.0.2.1")  # the same value is no conflict
    with pytest.raises(errors.ConflictError, match="them"):
        await apply("us", "192.0.2.2")
    await apply("us", "192.0.2.2", "true")
    with pytest.raises(errors.ConflictError):
        await apply("them", "192.0.2.1")


async def test_status_of_what_does_not_exist_makes_nothing(server: Server) -> None:
    body = {
        "apiVersion": kinds.INGRESS.api_version,
        "kind": "Ingress",
        "metadata": {"name": "none", "namespace": server.namespace},
        "status": {},
    }
    with pytest.raises(errors.NotFoundError):
        await server.call("PATCH", server.path(kinds.INGRESS, "none", "status"), body, fieldManager="us")


async def test_events_are_made_and_repeated_by_the_same_request(server: Server) -> None:
    place = client.path("v1", "events", server.namespace, "web.1")
    body: Object = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "web.1", "namespace": server.namespace},
        "involvedObject": {"kind": "Ingress", "name": "web", "namespace": server.namespace, "uid": "u"},
        "reason": "R",
        "type": "Warning",
        "message": "m",
        "reportingComponent": "sealos-gateway",
        "reportingInstance": "gateway-0",
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    for count in (1, 2):
        await server.call("PATCH", place, body | {"count": count}, fieldManager="us", force="true")
        assert (await server.call("GET", place))["count"] == count


async def test_metadata_alone(server: Server) -> None:
    created = await server.create(kinds.SERVICE, server.service("web"))
    accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    found = json.loads(await server.api.request("GET", server.path(kinds.SERVICE, "web"), accept=accept))
    assert found["kind"] == "PartialObjectMetadata"
    assert found["metadata"]["uid"] == created["metadata"]["uid"]
    assert "spec" not in found


async def test_a_lease_is_taken_and_given_back(server: Server) -> None:
    def leader(name: str) -> Leader:
        return Leader(server.api, CLOCK, Place(server.namespace, "gateway", name, retry_seconds=0.1))

    one, two = leader("one"), leader("two")
    async with cluster.task(one.run()):
        await eventually(lambda: one.leading)
        async with cluster.task(two.run()):
            await asyncio.sleep(0.3)
            assert not two.leading
    async with cluster.task(two.run()):
        await eventually(lambda: two.leading)


async def test_a_stale_write_is_a_conflict(server: Server) -> None:
    created = await server.create(kinds.CONFIG_MAP, {"metadata": {"name": "m", "namespace": server.namespace}})
    place = server.path(kinds.CONFIG_MAP, "m")
    await server.call("PUT", place, created | {"data": {"a": "1"}})
    with pytest.raises(errors.ConflictError):
        await server.call("PUT", place, created | {"data": {"a": "2"}})
    with pytest.raises(errors.ConflictError):
        await server.create(kinds.CONFIG_MAP, {"metadata": {"name": "m", "namespace": server.namespace}})
    with pytest.raises(errors.NotFoundError):
        await server.call("GET", server.path(kinds.CONFIG_MAP, "none"))


async def test_an_apply_upon_an_older_version_is_a_conflict_even_by_force(server: Server) -> None:
    made = await server.create(kinds.CONFIG_MAP, cluster.config_map("shared", server.namespace))
    metadata = {"name": "shared", "namespace": server.namespace}
    path = server.path(kinds.CONFIG_MAP, "shared")
    query = {"fieldManager": "other", "force": "true"}
    newer = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": "newer"}}
    await server.call("PATCH", path, newer, query)
    older = newer | {"metadata": metadata | {"resourceVersion": made["metadata"]["resourceVersion"]}}
    with pytest.raises(errors.ConflictError):
        await server.call("PATCH", path, older, {"fieldManager": "sealos-gateway", "force": "true"})


async def test_discovery_tells_what_there_is(server: Server) -> None:
    found = await server.call("GET", f"/apis/{kinds.INGRESS.api_version}")
    assert kinds.INGRESS.plural in {it["name"] for it in found["resources"]}
    with pytest.raises(errors.NotFoundError):
        await server.call("GET", "/apis/absent.example.com/v1")
