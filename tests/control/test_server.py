"""Nodes and a control plane on real sockets: members come in, stay over their certificates' ends, and are shown out."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from sealos_gateway.clock import SystemClock
from sealos_gateway.control.admission import Admissions, JoinToken
from sealos_gateway.control.metrics import ControlMetrics
from sealos_gateway.control.server import NodeServer, PortError
from sealos_gateway.node import link
from sealos_gateway.node.link import LinkError, Place
from sealos_gateway.node.membership import Membership
from sealos_gateway.node.relay import Relay
from sealos_gateway.node.upstream import Upstream
from sealos_gateway.trust.authority import Authority, new_authority
from sealos_gateway.trust.credentials import Credentials
from sealos_gateway.trust.identity import Identity
from sealos_gateway.trust.keys import NodeKey
from sealos_gateway.xds.fleet import Fleet
from sealos_gateway.xds.messages import Acked, Rejected
from sealos_gateway.xds.snapshot import Snapshot
from tests.e2e.processes import eventually, free_ports

T = "t"
TOKEN = "t" * 40


class SetClock(SystemClock):
    """The real one, as far as it was not set."""

    offset = timedelta()

    def now(self) -> datetime:
        return super().now() + self.offset


class Headquarters:
    """A control plane of one type of rows."""

    def __init__(self, folder: Path, life: float, authority: Authority) -> None:
        self.clock = SetClock()
        self.snapshot, self.fleet, self.ready = Snapshot((T,)), Fleet(), asyncio.Event()
        self.life, self.authority = timedelta(seconds=life), authority
        self.server = NodeServer(
            self.clock,
            self.snapshot,
            self.fleet,
            self.ready,
            plane_of=lambda gateway: "" if gateway == "g" else gateway,
            types=(T,),
            life=self.life,
        )
        self.ports = tuple(free_ports(2))
        (folder / "token").write_text(TOKEN)
        (folder / "ca.crt").write_bytes(authority.bundle)
        self.folder = folder
        self.ready.set()

    async def start(self) -> None:
        reviewer = JoinToken(self.folder / "token", "g")
        admissions = Admissions(self.clock, self.authority, reviewer, self.life)
        await self.server.start(self.authority, admissions, "127.0.0.1", (self.ports[0], self.ports[1]))

    @property
    def place(self) -> Place:
        return Place("127.0.0.1", self.ports[0], self.ports[1], self.folder / "ca.crt", self.folder / "token")

    def put(self, **rows: bytes) -> None:
        for name, body in rows.items():
            self.snapshot.put(T, name, body)
        self.snapshot.commit()
        self.server.wake()


class Guest:
    """A node without an Envoy."""

    def __init__(self, place: Place, name: str = "n1", gateway: str = "g") -> None:
        self.clock = SetClock()
        self.snapshot, self.fleet = Snapshot((T,)), Fleet()
        self.relay = Relay(self.snapshot, self.fleet)
        self.membership = Membership(self.clock, place, name, gateway)
        self.upstream = Upstream(self.clock, place, self.membership, self.relay, name, (T,))

    def rows(self) -> dict[str, Any]:
        return {name: self.snapshot.peek(T, name).body for name in self.snapshot.names(T)}  # type: ignore[union-attr]

    def has(self, **rows: bytes) -> bool:
        return self.rows() == rows

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.upstream.run())
            yield
            task.cancel()


def authority() -> Authority:
    made = new_authority(datetime.now(UTC))
    return Authority(made.certificate, made.key)


Open = Callable[..., Any]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    made: list[Headquarters] = []

    async def open_(life: float = 60, **more: Any) -> Headquarters:
        made.append(Headquarters(tmp_path, life, more.get("authority") or authority()))
        await made[-1].start()
        return made[-1]

    yield open_
    for one in made:
        await one.server.close(0)


def credentials(one: Authority, when: datetime | None = None, life: float = 60, gateway: str = "g") -> Credentials:
    key, now = NodeKey(), when or datetime.now(UTC)
    return key.credentials(one.node(key.request(), Identity(gateway, "n1"), now, timedelta(seconds=life)))


async def test_a_node_gets_everything_and_every_change(opened: Open) -> None:
    hq = await opened()
    hq.put(a=b"1", b=b"2")
    guest = Guest(hq.place)
    async with guest.following():
        await eventually(lambda: guest.rows() == {"a": b"1", "b": b"2"})
        hq.put(b=b"3")
        await eventually(lambda: guest.rows() == {"a": b"1", "b": b"3"})
        hq.snapshot.drop(T, "a")
        hq.put()
        await eventually(lambda: guest.rows() == {"b": b"3"})
        assert hq.server.connected == 1


async def test_certificates_end_and_the_stream_does_not(opened: Open) -> None:
    hq = await opened(life=3)
    guest = Guest(hq.place)
    async with guest.following():
        await eventually(lambda: guest.upstream.connected)
        first = guest.membership.credentials
        began = time.monotonic()
        await eventually(lambda: time.monotonic() - began > 6.5, 9)
        assert guest.membership.enrolments >= 3
        assert guest.membership.credentials != first
        hq.put(a=b"1")
        await eventually(lambda: guest.rows() == {"a": b"1"})
        assert guest.upstream.connections == 1, "one stream, over more than two lives of a certificate"


async def test_a_replica_takes_newcomers_after_its_own_first_certificate_has_ended(opened: Open) -> None:
    hq = await opened(life=2)
    await asyncio.sleep(2.2)
    guest = Guest(hq.place)
    async with guest.following():
        await eventually(lambda: guest.upstream.connected)


async def test_a_node_whose_token_was_taken_back_is_shown_out_at_the_end_of_its_certificate(opened: Open) -> None:
    hq = await opened(life=2)
    guest = Guest(hq.place)
    async with guest.following():
        await eventually(lambda: guest.upstream.connected)
        (hq.folder / "token").write_text("another token, with at least 32 letters")
        guest.membership._place = hq.place._replace(token_file=_file(hq.folder / "old", TOKEN))
        await eventually(lambda: hq.server.connected == 0, 8)
        await eventually(lambda: "not the join token" in guest.upstream.problem)


def _file(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


async def test_refusals_are_given_back_and_other_nodes_get_the_state_before(opened: Open) -> None:
    hq = await opened()
    hq.put(a=b"good")
    one, other = Guest(hq.place, "n1"), Guest(hq.place, "n2")
    async with one.following(), other.following():
        await eventually(lambda: one.rows() == other.rows() == {"a": b"good"})
        good, bad = _version(hq), b"bad"
        _accepts(one, good)
        await eventually(lambda: hq.snapshot.peek(T, "a").accepted)
        hq.put(a=bad)
        await eventually(lambda: one.rows() == other.rows() == {"a": bad})
        _refuses(one, _version(hq))
        await eventually(lambda: one.rows() == other.rows() == {"a": b"good"})
        (rejection,) = hq.fleet.rejections()
        assert (rejection.name, rejection.node, rejection.message) == ("a", "n1", "no")
        _refuses(other, _version(hq))
        await eventually(lambda: len(hq.fleet._rejections[T, "a"]) == 2)
        hq.put(a=b"better")
        await eventually(lambda: one.rows() == {"a": b"better"})
        await eventually(lambda: not hq.fleet.rejections())


async def test_a_version_that_one_node_took_is_not_withdrawn_because_another_refuses_it(opened: Open) -> None:
    hq = await opened()
    hq.put(a=b"1")
    one, other = Guest(hq.place, "n1"), Guest(hq.place, "n2")
    async with one.following(), other.following():
        await eventually(lambda: one.rows() == other.rows() == {"a": b"1"})
        hq.put(a=b"2")
        await eventually(lambda: one.rows() == other.rows() == {"a": b"2"})
        _accepts(one, _version(hq))
        await eventually(lambda: hq.snapshot.peek(T, "a").accepted)
        _refuses(other, _version(hq))
        await eventually(lambda: len(hq.fleet.rejections()) == 1)
        await asyncio.sleep(0.3)
        assert one.rows() == {"a": b"2"}


def _version(hq: Headquarters, name: str = "a") -> str:
    row = hq.snapshot.peek(T, name)
    assert row is not None
    return row.version


def _accepts(guest: Guest, version: str) -> None:
    guest.relay.heard([Acked(T, (("a", version),))])


def _refuses(guest: Guest, version: str) -> None:
    guest.snapshot.reject(T, "a", version)
    guest.relay.heard([Rejected(T, "a", version, "no")])


# ---------------------------------------------------------------- who does not come in


async def test_a_clock_that_is_wrong_is_named_on_both_sides(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    hq = await opened()
    guest = Guest(hq.place)
    guest.clock.offset = timedelta(hours=-2)
    async with guest.following():
        await eventually(lambda: "the clocks differ" in guest.upstream.problem)
        assert "node n1 at" in caplog.text
        guest.clock.offset = timedelta()
        await eventually(lambda: guest.upstream.connected)


async def test_a_clock_that_jumps_does_not_end_a_stream(opened: Open) -> None:
    hq = await opened(life=60)
    guest = Guest(hq.place)
    async with guest.following():
        await eventually(lambda: guest.upstream.connected)
        for hours in (+3, -3):
            guest.clock.offset = hq.clock.offset = timedelta(hours=hours)
            body = str(hours).encode()
            hq.put(a=body)
            await eventually(functools.partial(guest.has, a=body))
        assert guest.upstream.connections == 1


@pytest.mark.parametrize("which", ["expired", "of another authority", "not yet good"])
async def test_a_bad_certificate_does_not_get_through_the_handshake(opened: Open, which: str) -> None:
    hq = await opened()
    now = datetime.now(UTC)
    bad = {
        "expired": lambda: credentials(hq.authority, now - timedelta(hours=2)),
        "of another authority": lambda: credentials(authority()),
        "not yet good": lambda: credentials(hq.authority, now + timedelta(hours=2)),
    }[which]()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _call(hq.place, bad)
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_a_node_that_is_refused_so_enrols_again(opened: Open) -> None:
    hq = await opened()
    guest = Guest(hq.place)
    guest.membership.credentials, guest.membership._due = credentials(authority()), time.monotonic() + 1000
    async with guest.following():
        await eventually(lambda: guest.upstream.connected)
        assert guest.membership.enrolments == 1


async def test_a_valid_certificate_suffices_while_nobody_can_check_tokens(opened: Open) -> None:
    """The API server is away, and a node has to connect again: to a replica that cannot enrol it anew."""
    hq = await opened()
    guest = Guest(hq.place)
    async with guest.following():
        await eventually(lambda: guest.upstream.connected)
        (hq.folder / "token").write_text("")  # no token can be checked now
        guest.membership._place = hq.place._replace(token_file=_file(hq.folder / "own", TOKEN))
        guest.membership.doubt()
        for member in hq.server._members:
            member.end()
        await eventually(lambda: guest.upstream.connections == 2)
        assert guest.membership.enrolments == 1
        guest.membership._due = 0.0
        for member in hq.server._members:
            member.end()
        await eventually(lambda: guest.upstream.connections == 3)
        await eventually(lambda: guest.membership.enrolments == 2)  # renewed, by the certificate


async def test_a_replica_that_stops_makes_nobody_doubt_its_certificate(opened: Open) -> None:
    hq = await opened()
    guest = Guest(hq.place)
    async with guest.following():
        await eventually(lambda: guest.upstream.connected)
        await hq.server.close()
        await eventually(lambda: not guest.upstream.connected)
        assert "refuses" not in guest.upstream.problem
        hq.server._servers.clear()
        await hq.start()
        await eventually(lambda: guest.upstream.connections == 2)


async def test_nodes_of_a_gateway_read_only_what_is_placed_on_its_plane(opened: Open) -> None:
    hq = await opened()
    hq.snapshot.place(T, "theirs", frozenset({"shop.edge"}))
    hq.snapshot.place(T, "both", frozenset({"", "shop.edge"}))
    hq.put(ours=b"1", theirs=b"2", both=b"3")
    own, guest = Guest(hq.place), Guest(hq.place, gateway="shop.edge")
    guest.membership.credentials = credentials(hq.authority, gateway="shop.edge")
    guest.membership._due = time.monotonic() + 1000
    async with own.following(), guest.following():
        await eventually(lambda: own.rows() == {"ours": b"1", "both": b"3"})
        await eventually(lambda: guest.rows() == {"theirs": b"2", "both": b"3"})
        hq.snapshot.place(T, "both", frozenset({""}))
        hq.put(theirs=b"4")
        await eventually(lambda: guest.rows() == {"theirs": b"4"})
        assert own.rows() == {"ours": b"1", "both": b"3"}


async def test_a_node_has_no_say_about_rows_that_it_does_not_see(opened: Open) -> None:
    hq = await opened()
    hq.snapshot.place(T, "theirs", frozenset({"shop.edge"}))
    hq.put(ours=b"1", theirs=b"2")
    guest = Guest(hq.place, gateway="shop.edge")
    guest.membership.credentials = credentials(hq.authority, gateway="shop.edge")
    guest.membership._due = time.monotonic() + 1000
    async with guest.following():
        await eventually(lambda: guest.rows() == {"theirs": b"2"})
        guest.snapshot.reject(T, "theirs", _version(hq, "theirs"))
        guest.relay.heard([Rejected(T, name, _version(hq, name), "no") for name in ("ours", "theirs")])
        await eventually(lambda: hq.fleet.rejections())
        assert [it.name for it in hq.fleet.rejections()] == ["theirs"]
        ours = hq.snapshot.peek(T, "ours")
        assert ours is not None
        assert not ours.rejected
        hq.put(theirs=b"3")
        await eventually(lambda: guest.rows() == {"theirs": b"3"})


async def test_the_token_decides_whose_node_it_is(opened: Open) -> None:
    hq = await opened()
    guest = Guest(hq.place, gateway="shop.edge")
    with pytest.raises(LinkError, match=r"nodes of the gateway g, and the node wants to be one of shop\.edge"):
        await guest.membership.current()


async def test_the_port_for_newcomers_gives_no_configuration(opened: Open) -> None:
    hq = await opened()
    channel = link.enrolment_channel(hq.place)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await channel.stream_stream(_DELTA)().read()
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
    await channel.close()


async def test_nonsense_ends_only_the_stream_that_says_it(opened: Open) -> None:
    hq = await opened()
    hq.put(a=b"1")
    guest = Guest(hq.place)
    async with guest.following():
        await eventually(lambda: guest.upstream.connected)
        with pytest.raises(grpc.aio.AioRpcError, match="not how a node speaks"):
            await _call(hq.place, credentials(hq.authority), b"\xff\xff")
        with pytest.raises(grpc.aio.AioRpcError, match="not an application"):
            await _enrol(hq.place, b"{}")
        assert guest.upstream.connected


async def test_a_port_that_is_taken_is_told(opened: Open, tmp_path: Path) -> None:
    hq = await opened()
    second = Headquarters(tmp_path, 60, hq.authority)
    second.ports = hq.ports
    with pytest.raises(PortError, match=r"cannot listen on 127\.0\.0\.1"):
        await second.start()
    await second.server.close(0)


async def test_a_control_plane_that_is_not_there_is_told_as_that(opened: Open) -> None:
    hq = await opened()
    place = hq.place._replace(enrol_port=free_ports(1)[0])
    with pytest.raises(LinkError, match=r"cannot be reached: .*refused"):
        await Membership(SystemClock(), place, "n1", "g").current()


async def test_metrics_tell_of_nodes_and_certificates(opened: Open) -> None:
    hq = await opened(life=60)
    guest = Guest(hq.place)
    async with guest.following():
        await eventually(lambda: guest.upstream.connected)
        found = {
            (sample.name, *sample.labels.values()): sample.value
            for metric in ControlMetrics(hq.clock, hq.server).collect()
            for sample in metric.samples
        }
        assert found["sgw_nodes",] == 1
        assert found["sgw_nodes_admitted_total",] == 1
        assert 30 < found["sgw_certificate_expiry_seconds", "server"] <= 60
        assert found["sgw_certificate_expiry_seconds", "authority"] > 1e8


_DELTA = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"


async def _call(place: Place, held: Credentials, first: bytes = b"") -> None:
    channel = link.member_channel(place, held)
    try:
        call = channel.stream_stream(_DELTA)()
        await call.write(first)
        await call.read()
    finally:
        await channel.close()


async def _enrol(place: Place, data: bytes) -> None:
    channel = link.enrolment_channel(place)
    try:
        await channel.unary_unary("/sealos.gateway.v1.Enrolment/Enrol")(data)
    finally:
        await channel.close()
