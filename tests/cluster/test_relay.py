"""What a node serves when the API server, the control plane, it itself or a clock fails: against a real API server.

Load runs on two connections; every answer is counted, and none may be lost.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress

import httpx
import pytest

from tests import pem
from tests.cluster import realm as realms
from tests.cluster.harness import Api, Cluster
from tests.cluster.realm import AUDIENCE, AUTHORITY, OWN, SHOP, Realm
from tests.e2e import manifests, tls
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.fleet import ANOTHER_SGW, Control, Fleet, Node
from tests.e2e.load import load
from tests.e2e.processes import eventually

HOST, COLD, SAFE = "web.test", "cold.test", "safe.test"


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Echo]:
    found = Echo("echo-a", tmp_path_factory.mktemp("echo"), realms.outside_address())
    try:
        found.wait()
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory, backend: Echo) -> Iterator[Realm]:
    """An API server that these tests may kill; three hosts in it, one of HTTPS."""
    cluster = Cluster(tmp_path_factory.mktemp("realm"), "--api-only")
    try:
        api = Api.from_kubeconfig(cluster.kubeconfig, tmp_path_factory.mktemp("admin"))
        with api.http:
            found = Realm(cluster, api, tmp_path_factory.mktemp("r"))
            found.apply(*application("web", HOST, backend), *application("cold", COLD, backend), *secured(backend))
            yield found
    finally:
        assert cluster.stop() == 0


@pytest.fixture
def fleet(realm: Realm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    made = realm.fleet(tmp_path_factory.mktemp("f"), controls=2)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def control(realm: Realm, fleet: Fleet) -> Control:
    realm.start(fleet.controls[0])
    return fleet.controls[0]


@pytest.fixture
def node(fleet: Fleet, control: Control) -> Node:
    made = realms.node(fleet)
    made.start()
    return made


def application(name: str, host: str, backend: Echo) -> list[manifests.Object]:
    return [
        manifests.service(name, SHOP),
        manifests.endpoint_slice(name, SHOP, [backend.host], {"http": backend.port}),
        manifests.ingress(name, SHOP, {host: f"{name}:80"}),
    ]


def secured(backend: Echo) -> list[manifests.Object]:
    pair = pem.pair(SAFE)
    made = application("safe", SAFE, backend)[:2]
    made.append(manifests.ingress("safe", SHOP, {SAFE: "safe:80"}, tls=[tls.entry("pair", SAFE)]))
    return [*made, manifests.tls_secret("pair", SHOP, pair.chain, pair.key)]


async def status(node: Node, host: str = HOST) -> int:
    try:
        return (await node.get(host, seconds=5)).status_code
    except httpx.TransportError:
        return 0


async def becomes(node: Node, host: str, wanted: int, seconds: float = 25) -> None:
    async def check() -> None:
        assert await status(node, host) == wanted

    await eventually(check, seconds)


async def answers_everything(node: Node) -> None:
    for host in (HOST, COLD):
        await becomes(node, host, 200)

    async def safe() -> None:
        with suppress(httpx.TransportError):
            assert (await node.get(SAFE, https=True)).status_code == 200
            return
        raise AssertionError("no handshake")

    await eventually(safe)


async def kept(node: Node) -> None:
    """Return when the whole configuration, certificate included, is on disk."""
    await eventually(lambda: node.metric("sgw_node_snapshot_disk_bytes") > 1000)
    await asyncio.sleep(0.3)


# ---------------------------------------------------------------- serving, with no more than the documented permissions


async def test_the_documented_permissions_are_enough(realm: Realm, node: Node, control: Control, backend: Echo) -> None:
    await answers_everything(node)
    more = application("more", "more.test", backend)
    realm.apply(*more)
    await becomes(node, "more.test", 200)
    realm.delete(*more)
    await becomes(node, "more.test", 404)
    assert "forbidden" not in control.said().lower()
    secret = realm.api.get(f"/api/v1/namespaces/{OWN}/secrets/{AUTHORITY}")
    assert set(secret["data"]) == {"tls.crt", "tls.key"}


async def test_replicas_that_start_together_have_one_authority_and_any_serves_any_node(
    realm: Realm, fleet: Fleet
) -> None:
    realm.api.call("DELETE", f"/api/v1/namespaces/{OWN}/secrets/{AUTHORITY}")
    one, other = fleet.controls
    for replica in (one, other):
        replica.launch()
    for replica in (one, other):
        await asyncio.to_thread(replica.wait)
    fleet.ca_file.write_text(realm.bundle())
    node = realms.node(fleet)
    await asyncio.to_thread(node.start)
    async with load(Site(node), HOST, COLD) as found:
        await asyncio.to_thread(one.stop)
        await asyncio.to_thread(other.stop)
        other.xds_port, other.enrol_port = one.xds_port, one.enrol_port
        await asyncio.to_thread(other.start)
        await eventually(lambda: other.metric("sgw_nodes") == 1, 20)
    assert set(found.found) == {"echo-a"}, found.found
    assert other.metric("sgw_node_resources_sent_total") == 0
    assert "not trusted" not in node.stderr()


@pytest.mark.parametrize(
    ("account", "audience", "words"),
    [
        ("other", AUDIENCE, "gateway/other may not be a node"),
        ("sealos-gateway-node", "", "does not take the token as one for the audience sealos-gateway"),
    ],
)
async def test_other_tokens_are_refused_in_words_on_both_sides(
    realm: Realm, fleet: Fleet, control: Control, account: str, audience: str, words: str
) -> None:
    wrong = fleet.folder / "wrong"
    token = realm.token(account, audience)
    wrong.write_text(token)
    node = fleet.node()
    node.fresh_token = wrong
    node.launch()
    await eventually(lambda: words in node.stderr(), 20)
    await eventually(lambda: words in control.said())
    assert token not in node.stderr() + control.said()
    assert control.metric("sgw_nodes") == 0
    wrong.write_text((fleet.folder / "token").read_text())
    await answers_everything(node)


# ---------------------------------------------------------------- chaos


async def test_an_api_server_that_is_away_costs_no_request(
    realm: Realm, node: Node, control: Control, backend: Echo
) -> None:
    async with load(Site(node), HOST, COLD) as found:
        await asyncio.to_thread(realm.take_api_away)
        try:
            await found.more(300)
            assert node.metric("sgw_node_connected") == 1
        finally:
            await asyncio.to_thread(realm.give_api_back)
        later = application("later", "later.test", backend)
        realm.apply(*later)
        await becomes(node, "later.test", 200, 45)
        realm.delete(*later)
    assert set(found.found) == {"echo-a"}, found.found
    assert control.metric("sgw_nodes") == 1


async def test_a_control_plane_killed_under_load_costs_no_request(
    realm: Realm, node: Node, control: Control, backend: Echo
) -> None:
    async with load(Site(node), HOST, COLD) as found:
        control.kill()
        await found.more(300)
        await asyncio.to_thread(control.start)
        later = application("later", "later.test", backend)
        realm.apply(*later)
        await becomes(node, "later.test", 200)
        realm.delete(*later)
    assert set(found.found) == {"echo-a"}, found.found


async def test_a_node_that_restarts_while_the_control_plane_is_away_answers_every_host(
    node: Node, control: Control
) -> None:
    assert await status(node) == 200
    await kept(node)
    control.kill()
    node.kill()
    await asyncio.to_thread(node.start)
    await answers_everything(node)
    assert node.metric("sgw_node_connected") == 0


@pytest.mark.parametrize("order", list(itertools.permutations(("api", "control", "node"))), ids="-".join)
async def test_all_three_restarted_in_any_order(
    realm: Realm, node: Node, control: Control, backend: Echo, order: tuple[str, ...]
) -> None:
    await answers_everything(node)
    await kept(node)
    ends: dict[str, Callable[[], object]] = {"api": realm.take_api_away, "control": control.kill, "node": node.kill}
    begins: dict[str, Callable[[], object]] = {
        "api": realm.give_api_back,
        "control": control.launch,
        "node": node.start,
    }
    away = set()
    try:
        for one in order:
            await asyncio.to_thread(ends[one])
            away.add(one)
            if "node" not in away:
                assert [await status(node, host) for host in (HOST, COLD)] == [200, 200]
        for one in order:
            await asyncio.to_thread(begins[one])
            away.discard(one)
            if "node" not in away:
                assert [await status(node, host) for host in (HOST, COLD)] == [200, 200]
    finally:
        if "api" in away:
            await asyncio.to_thread(realm.give_api_back)
    await answers_everything(node)
    later = application("later", "later.test", backend)
    realm.apply(*later)
    await becomes(node, "later.test", 200, 45)
    realm.delete(*later)


async def test_what_went_while_history_was_lost_is_gone_after_the_relist(
    realm: Realm, node: Node, control: Control, backend: Echo
) -> None:
    """The control plane is stopped; meanwhile an Ingress goes, and the API server forgets that it did (410)."""
    gone, came = application("gone", "gone.test", backend), application("came", "came.test", backend)
    realm.apply(*gone)
    await becomes(node, "gone.test", 200)
    assert control.process is not None
    async with load(Site(node), HOST, COLD) as found:
        os.kill(control.process.pid, signal.SIGSTOP)
        try:
            realm.delete(*gone)
            realm.apply(*came)
            await asyncio.to_thread(realm.take_api_away)
            await asyncio.to_thread(realm.give_api_back)
            assert await status(node, "gone.test") == 200, "nobody has told it"
        finally:
            os.kill(control.process.pid, signal.SIGCONT)
        await becomes(node, "gone.test", 404, 45)
        await becomes(node, "came.test", 200, 45)
    realm.delete(*came)
    assert set(found.found) == {"echo-a"}, found.found


async def test_clocks_that_jump_cost_no_request(realm: Realm, fleet: Fleet, backend: Echo) -> None:
    control, node = fleet.controls[0], realms.node(fleet)
    offset = fleet.folder / "offset"
    offset.write_text("0")
    fleet.program = [str(ANOTHER_SGW), str(offset)]
    await asyncio.to_thread(realm.start, control)
    await asyncio.to_thread(node.start)
    async with load(Site(node), HOST, COLD) as found:
        for number, seconds in enumerate((86_400, -86_400, 0)):
            offset.write_text(str(seconds))
            later = application(f"n{number}", f"n{number}.test", backend)
            realm.apply(*later)
            await becomes(node, f"n{number}.test", 200)
            realm.delete(*later)
    assert set(found.found) == {"echo-a"}, found.found
    assert node.metric("sgw_node_control_connections_total") == 1


@pytest.mark.parametrize("what", ["order", "rendering"])
async def test_a_control_plane_of_another_version_costs_no_request(node: Node, control: Control, what: str) -> None:
    async with load(Site(node), HOST, COLD) as found:
        await asyncio.to_thread(control.stop)
        control.fleet.program = [str(ANOTHER_SGW), what]
        await asyncio.to_thread(control.start)
        await eventually(lambda: control.metric("sgw_nodes") == 1, 25)
        await found.more(200)
    assert set(found.found) == {"echo-a"}, found.found
    sent = control.metric("sgw_node_resources_sent_total")
    assert sent == (0 if what == "order" else 3), "the routes of three hosts"
    if what == "rendering":
        await eventually(lambda: _is_next(node))


async def _is_next(node: Node) -> bool:
    return str((await node.get(HOST)).headers.get("x-version")) == "next"
