"""Control plane and nodes apart: what a node serves when the other side, its Envoy, its disk or its clock fails it.

Load runs where it says so, and then every single answer is looked at: none may be lost.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests import pem
from tests.e2e import manifests, tls
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.fleet import ANOTHER_SGW, Control, Fleet, Node
from tests.e2e.load import load
from tests.e2e.processes import eventually

SPACE, HOST, COLD, SAFE = "t", "web.test", "cold.test", "safe.test"
ON_DEMAND = {"lazy": {"threshold": 0}}
SEAL = "a key of chance, at least as long as this"


def application(name: str, host: str, port: int) -> list[manifests.Object]:
    return [
        manifests.service(name, SPACE),
        manifests.endpoint_slice(name, SPACE, ["127.0.0.1"], {"http": port}),
        manifests.ingress(name, SPACE, {host: f"{name}:80"}),
    ]


def secured(port: int) -> list[manifests.Object]:
    pair = pem.pair(SAFE)
    made = [one for one in application("safe", SAFE, port) if one["kind"] != "Ingress"]
    made.append(manifests.ingress("safe", SPACE, {SAFE: "safe:80"}, tls=[tls.entry("pair", SAFE)]))
    return [*made, manifests.tls_secret("pair", SPACE, pair.chain, pair.key)]


@pytest.fixture
def fleet(tmp_path_factory: pytest.TempPathFactory, echo_a: Echo) -> Iterator[Fleet]:
    """Two replicas (the second one not started) and no node yet; two hosts of plain HTTP, one of HTTPS."""
    folder = tmp_path_factory.mktemp("f")
    objects = [*application("web", HOST, echo_a.port), *application("cold", COLD, echo_a.port), *secured(echo_a.port)]
    made = Fleet(folder, objects, controls=2)
    made.node_settings = dict(ON_DEMAND)
    (folder / "seal").write_text(SEAL)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def control(fleet: Fleet) -> Control:
    return fleet.controls[0].start()


@pytest.fixture
def node(fleet: Fleet, control: Control) -> Node:
    made = fleet.node(seal_key_file=str(fleet.folder / "seal"))
    made.start()
    return made


async def status(node: Node, host: str = HOST) -> int:
    return (await node.get(host, seconds=5)).status_code


async def becomes(node: Node, host: str, wanted: int, seconds: float = 20) -> None:
    async def check() -> None:
        assert await status(node, host) == wanted

    await eventually(check, seconds)


async def safely(node: Node) -> int:
    return (await node.get(SAFE, https=True)).status_code


def site(node: Node) -> Site:
    """For the load generator."""
    return Site(node)


async def up_to_date(node: Node, control: Control) -> None:
    """Return when the node follows this replica and has everything."""

    def check() -> None:
        assert node.metric("sgw_node_connected") == 1
        assert node.metric("sgw_node_revision") == control.metric("sgw_revision")

    await eventually(check, 25)


async def said(node: Node, *words: str) -> None:
    def check() -> None:
        assert all(word in node.stderr() for word in words), node.stderr()[-2000:]

    await eventually(check, 20)


async def kept(node: Node) -> None:
    """Return when what was changed is on disk: nothing is written for a while."""

    def size() -> float:
        return node.metric("sgw_node_snapshot_disk_bytes")

    before, since = size(), time.monotonic()
    while time.monotonic() - since < 0.5:
        await asyncio.sleep(0.05)
        if size() != before:
            before, since = size(), time.monotonic()


# ---------------------------------------------------------------- serving


async def test_changes_and_removals_reach_the_envoy_of_a_node(fleet: Fleet, node: Node, echo_a: Echo) -> None:
    assert (await status(node), await safely(node)) == (200, 200)
    more = application("more", "more.test", echo_a.port)
    fleet.apply(*more)
    await becomes(node, "more.test", 200)
    fleet.delete(*more)
    await becomes(node, "more.test", 404)


async def test_a_control_plane_killed_under_load_loses_no_request(
    fleet: Fleet, node: Node, control: Control, echo_a: Echo
) -> None:
    async with load(site(node), HOST, COLD) as found:
        control.kill()
        await found.more(200)
        await asyncio.to_thread(control.start)
        fleet.apply(*application("later", "later.test", echo_a.port))
        await becomes(node, "later.test", 200)
        await found.more(50)
    assert set(found.found) == {"echo-a"}, found.found


async def test_a_node_restarted_while_the_control_plane_is_away_answers_every_host(
    node: Node, control: Control
) -> None:
    await status(node)
    await kept(node)
    control.kill()
    node.kill()
    await asyncio.to_thread(node.start)
    assert [await status(node, host) for host in (HOST, COLD)] == [200, 200]
    assert await safely(node) == 200
    assert node.metric("sgw_node_connected") == 0
    await eventually(lambda: node.metric("sgw_node_snapshot_stale_seconds") > 0)


async def test_without_a_key_to_seal_them_no_private_key_is_on_disk(fleet: Fleet, control: Control) -> None:
    node = fleet.node()
    await asyncio.to_thread(node.start)
    assert await safely(node) == 200
    await kept(node)
    written = b"".join(path.read_bytes() for path in (node.state / "snapshot").iterdir())
    assert b"safe.test" in written
    assert b"PRIVATE KEY" not in written
    control.kill()
    node.kill()
    await asyncio.to_thread(node.start)
    assert [await status(node, host) for host in (HOST, COLD)] == [200, 200]
    with pytest.raises(httpx.TransportError):
        await safely(node)
    await asyncio.to_thread(control.start)

    async def back() -> None:
        with suppress(httpx.TransportError):
            assert await safely(node) == 200
            return
        raise AssertionError("no handshake")

    await eventually(back, 25)


async def test_sealed_keys_cannot_be_read_from_disk(node: Node) -> None:
    await kept(node)
    written = b"".join(path.read_bytes() for path in (node.state / "snapshot").iterdir())
    assert b"safe.test" in written
    assert b"PRIVATE KEY" not in written
    assert (node.state / "snapshot" / "base").stat().st_mode & 0o077 == 0


# ---------------------------------------------------------------- only differences


async def test_another_replica_sends_a_node_nothing_that_it_has(fleet: Fleet, node: Node, control: Control) -> None:
    second = fleet.controls[1]
    assert control.metric("sgw_node_resources_sent_total") > 10
    await asyncio.to_thread(second.start)
    assert (control.folder.parent / "control" / "ca" / "ca.crt").exists()
    async with load(site(node), HOST, COLD) as found:
        await asyncio.to_thread(control.stop)
        second.stop()
        second.xds_port, second.enrol_port = control.xds_port, control.enrol_port
        await asyncio.to_thread(second.start)
        await up_to_date(node, second)
    assert set(found.found) == {"echo-a"}, found.found
    assert second.metric("sgw_node_resources_sent_total") == 0


async def test_what_is_removed_while_nobody_follows_is_gone_after(
    fleet: Fleet, node: Node, control: Control, echo_a: Echo
) -> None:
    assert await status(node, COLD) == 200
    await kept(node)
    control.kill()
    fleet.delete(*application("cold", COLD, echo_a.port))
    fleet.apply(*application("new", "new.test", echo_a.port))
    node.kill()
    await asyncio.to_thread(node.start)
    assert await status(node, COLD) == 200, "nobody has told it yet"
    await asyncio.to_thread(control.start)
    await becomes(node, COLD, 404)
    await becomes(node, "new.test", 200)
    sent = control.metric("sgw_node_resources_sent_total")
    assert sent <= 8, "two hosts: scope, routes, cluster and endpoints of each"
    assert await status(node) == 200


@pytest.mark.parametrize("what", ["order", "rendering"])
async def test_a_control_plane_of_another_version_replaces_only_what_it_says_otherwise(
    fleet: Fleet, node: Node, control: Control, what: str
) -> None:
    await status(node)
    async with load(site(node), HOST, COLD) as found:
        await asyncio.to_thread(control.stop)
        fleet.program = [str(ANOTHER_SGW), what]
        await asyncio.to_thread(control.start)
        await up_to_date(node, control)
        await found.more(100)
    assert set(found.found) == {"echo-a"}, found.found
    sent = control.metric("sgw_node_resources_sent_total")
    assert sent == (0 if what == "order" else 3), "the routes of three hosts"
    if what == "rendering":
        reply = await node.get(HOST)
        assert reply.headers["x-version"] == "next"


# ---------------------------------------------------------------- ends in any order

_ORDERS = list(itertools.permutations(("control", "node", "envoy")))


@pytest.mark.parametrize("order", _ORDERS, ids="-".join)
async def test_whatever_ends_in_whatever_order_every_host_answers_again(
    fleet: Fleet, node: Node, control: Control, order: tuple[str, ...], echo_a: Echo
) -> None:
    await status(node)
    await kept(node)
    ends: dict[str, Callable[[], object]] = {
        "control": control.kill,
        "node": node.kill,
        "envoy": lambda: os.kill(node.envoy_pid, signal.SIGKILL) if _runs(node) else None,
    }
    for one in order:
        ends[one]()
    for one in order:
        if one == "node":
            await asyncio.to_thread(node.start)
        elif one == "control":
            await asyncio.to_thread(control.launch)
    for host in (HOST, COLD):
        await _answers(node, host)
    fleet.apply(*application("after", "after.test", echo_a.port))
    await becomes(node, "after.test", 200, 25)


def _runs(node: Node) -> bool:
    return node.process is not None and node.process.poll() is None


async def _answers(node: Node, host: str) -> None:
    async def check() -> None:
        try:
            assert await status(node, host) == 200
        except httpx.TransportError as error:
            raise AssertionError(repr(error)) from error

    await eventually(check, 20)


# ---------------------------------------------------------------- disks


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another format"])
async def test_a_damaged_snapshot_is_set_aside_and_told(node: Node, control: Control, damage: str) -> None:
    await kept(node)
    control.kill()
    node.kill()
    base = node.state / "snapshot" / "base"
    whole = bytearray(base.read_bytes())
    if damage == "flipped":
        whole[len(whole) // 2] ^= 1
    base.write_bytes({"cut": bytes(whole[:-7]), "flipped": bytes(whole), "empty": b"", "another format": b"{}"}[damage])
    node.launch()
    await said(node, "base is damaged", "set aside as base.damaged", "nothing of it is used")
    assert base.with_suffix(".damaged").exists()
    await eventually(lambda: "no complete configuration yet" in node.status("/readyz").text)
    assert node.metric("sgw_node_snapshot_damaged_files") == 1
    await asyncio.to_thread(control.start)
    await _answers(node, HOST)


async def test_a_journal_that_was_cut_counts_up_to_its_last_whole_frame(
    fleet: Fleet, node: Node, control: Control, echo_a: Echo
) -> None:
    for number in range(3):
        fleet.apply(*application(f"n{number}", f"n{number}.test", echo_a.port))
        await becomes(node, f"n{number}.test", 200)
        await kept(node)
    control.kill()
    node.kill()
    journal = node.state / "snapshot" / "journal"
    journal.write_bytes(journal.read_bytes()[:-3])
    await asyncio.to_thread(node.start)
    await said(node, "journal is damaged", "what was whole before that is used")
    for _ in range(2):  # and the second start does not know less than the first
        assert [await status(node, f"n{number}.test") for number in range(3)] == [200, 200, 404]
        assert await status(node) == 200
        await kept(node)
        node.kill()
        await asyncio.to_thread(node.start)
    assert node.metric("sgw_node_snapshot_damaged_files") == 0


async def test_a_disk_that_cannot_be_written_is_told_and_serving_goes_on(
    fleet: Fleet, control: Control, echo_a: Echo
) -> None:
    node = fleet.node()
    (node.state).mkdir()
    (node.state / "snapshot").write_text("here should be a folder")
    await asyncio.to_thread(node.start)
    await said(node, "cannot be kept on disk", "serving goes on")
    fleet.apply(*application("more", "more.test", echo_a.port))
    await becomes(node, "more.test", 200)
    assert node.metric("sgw_node_snapshot_disk_failing") == 1


# ---------------------------------------------------------------- who may come in


async def test_a_wrong_token_is_refused_in_words_on_both_sides(fleet: Fleet, control: Control) -> None:
    node = fleet.node()
    wrong = fleet.folder / "wrong"
    wrong.write_text("this token was never given to anybody")
    node.fresh_token = wrong
    node.launch()
    await said(node, "the control plane refuses this node", "not the join token", "trying again")
    assert "node node-0 at" in control.said()
    assert "is refused: the token is not the join token" in control.said()
    assert "never given" not in node.stderr() + control.said()
    wrong.write_text((fleet.folder / "token").read_text())
    await _answers(node, HOST)


async def test_another_authority_is_not_trusted_and_a_right_bundle_needs_no_restart(
    fleet: Fleet, control: Control
) -> None:
    node = fleet.node(ca_file=str(fleet.folder / "bundle"))
    other = Fleet(_made(fleet.folder / "other"), [])
    try:
        await asyncio.to_thread(other.controls[0].start)
        (fleet.folder / "bundle").write_bytes(other.ca_file.read_bytes())
        node.launch()
        await said(node, "shows a certificate that is not trusted", "bundle of this control plane?")
        (fleet.folder / "bundle").write_bytes(fleet.ca_file.read_bytes())
        await _answers(node, HOST)
    finally:
        other.stop()
    assert control.metric("sgw_nodes") == 1


async def test_a_missing_bundle_is_waited_for(fleet: Fleet, control: Control) -> None:
    node = fleet.node(ca_file=str(fleet.folder / "bundle"))
    node.launch()
    await said(node, "node.ca_file", "waiting for it")
    (fleet.folder / "bundle").write_bytes(fleet.ca_file.read_bytes())
    await _answers(node, HOST)
    assert control.metric("sgw_nodes") == 1


async def test_clocks_that_are_set_lose_nothing_and_are_named(fleet: Fleet, echo_a: Echo) -> None:
    """Both jump; then only the node's: while it is wrong it is told so, serves on, and comes back by itself."""
    control, node = fleet.controls[0], fleet.node()
    offset, nodes_offset = fleet.folder / "offset", fleet.folder / "nodes-offset"
    offset.write_text("0")
    nodes_offset.write_text("0")
    fleet.program = [str(ANOTHER_SGW), str(offset)]
    await asyncio.to_thread(control.start)
    fleet.program = [str(ANOTHER_SGW), str(nodes_offset)]
    await asyncio.to_thread(node.start)
    async with load(site(node), HOST, COLD) as found:
        for number, seconds in enumerate((7200, -7200)):
            offset.write_text(str(seconds))
            nodes_offset.write_text(str(seconds))
            fleet.apply(*application(f"n{number}", f"n{number}.test", echo_a.port))
            await becomes(node, f"n{number}.test", 200)
        offset.write_text("0")  # TLS itself looks at the real clock
        nodes_offset.write_text("7200")
        control.kill()
        fleet.program = [str(ANOTHER_SGW), str(offset)]
        await asyncio.to_thread(control.start)
        await said(node, "the clocks differ by more than 5 minutes")
        assert "the clocks differ" in control.said()
        nodes_offset.write_text("0")
        await up_to_date(node, control)
    assert set(found.found) == {"echo-a"}, found.found


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
