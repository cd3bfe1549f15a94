"""A relay publishes whole revisions, keeps what its Envoy may still need, and tells what its Envoy refuses."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from sealos_gateway.envoy import api, names
from sealos_gateway.node.disk import Change
from sealos_gateway.node.relay import Relay
from sealos_gateway.presentation import EnvoyPresentation
from sealos_gateway.xds.fleet import Fleet
from sealos_gateway.xds.messages import Acked, Request, Resource, Response
from sealos_gateway.xds.reports import Report, Revision
from sealos_gateway.xds.snapshot import Snapshot
from sealos_gateway.xds.stream import Stream

HOST = "ingress|a.com"


def routes(cluster: str, more: str = "") -> bytes:
    message = api.route.RouteConfiguration(name=HOST)
    host = message.virtual_hosts.add(name=more or "h", domains=["*"])
    host.routes.add().route.cluster = cluster
    return bytes(message.SerializeToString(deterministic=True))


class Beside:
    """A relay with an Envoy that has asked for host and clusters, and a disk that is a dict."""

    def __init__(self) -> None:
        self.snapshot, self.fleet = Snapshot(names.ORDER), Fleet()
        self.relay = Relay(self.snapshot, self.fleet)
        self.disk: dict[tuple[str, str], bytes] = {}
        self.written = 0
        self.relay.keep = self._keep
        self.number = 0
        self.bad: set[bytes] = set()
        self.has: dict[tuple[str, str], bytes] = {}
        self.stream: Stream | None = None

    def _keep(self, changes: Iterable[Change]) -> None:
        for type_, name, body in changes:
            self.written += 1
            if body is None:
                self.disk.pop((type_, name), None)
            else:
                self.disk[type_, name] = body

    def connect(self) -> None:
        """An Envoy that asks for everything this is about."""
        make = functools.partial(
            Stream, hooks=EnvoyPresentation(), follows={names.CLUSTER: names.ENDPOINTS}, break_last=names.BREAK_LAST
        )
        self.stream = make(self.snapshot)
        self.connection = self.fleet.connect("me", self.stream, 0)
        for type_, wanted in ((names.CLUSTER, ("*", "c1", "c2")), (names.ROUTES, (HOST,))):
            self.stream.receive(Request(type_, wanted))
        self.talk()

    def talk(self) -> None:
        """Envoy answers everything, and refuses what it finds bad."""
        if self.stream is None:
            return
        while (response := self.stream.next_response()) is not None:
            self._answer(self.stream, response)

    def _answer(self, stream: Stream, response: Response) -> None:
        error = "no" if any(it.body in self.bad for it in response.resources) else None
        if error is None:
            self.has.update({(response.type, it.name): it.body for it in response.resources})
            for name in response.removed:
                self.has.pop((response.type, name), None)
        stream.receive(Request(response.type, nonce=response.nonce, error=error))
        events = stream.take_events()
        self.fleet.record(self.connection, events)
        for event in events:
            if isinstance(event, Acked):
                for name, version in event.rows:
                    self.snapshot.accept(event.type, name, version)
            else:
                self.snapshot.reject(event.type, event.name, event.version)
        self.relay.heard(events)

    def arrives(self, type_: str, removed: tuple[str, ...] = (), **rows: bytes) -> None:
        named = {HOST if name == "host" else name: body for name, body in rows.items()}
        self.relay.take(type_, [Resource(name, "", body) for name, body in named.items()], removed)

    def finish(self, talk: bool = True) -> None:
        self.number += 1
        self.relay.finish(Revision(self.number * 10, "ingress"))
        if talk:
            self.talk()

    def holds(self, type_: str) -> list[str]:
        return sorted(self.snapshot.names(type_))


def start() -> Beside:
    beside = Beside()
    beside.arrives(names.CLUSTER, c1=b"\n\x02c1")
    beside.arrives(names.ROUTES, host=routes("c1"))
    beside.finish()
    beside.connect()
    return beside


def test_nothing_of_a_revision_is_published_before_its_end() -> None:
    beside = Beside()
    beside.arrives(names.CLUSTER, c1=b"1")
    assert beside.holds(names.CLUSTER) == []
    assert not beside.relay.complete.is_set()
    beside.finish()
    assert beside.holds(names.CLUSTER) == ["c1"]
    assert beside.relay.complete.is_set()


def test_half_a_revision_of_a_stream_that_broke_is_void() -> None:
    beside = start()
    beside.arrives(names.CLUSTER, c2=b"2")
    beside.relay.begin()
    beside.finish()
    assert beside.holds(names.CLUSTER) == ["c1"]


def test_what_is_held_is_said_with_its_versions_and_equal_rows_change_nothing() -> None:
    beside = start()
    before, written = beside.snapshot.revision, beside.written
    assert set(beside.relay.versions(names.CLUSTER)) == {"c1"}
    beside.arrives(names.CLUSTER, c1=b"\n\x02c1")
    beside.finish()
    assert (beside.snapshot.revision, beside.written) == (before, written)


def test_types_of_a_later_version_are_passed_over() -> None:
    beside = start()
    beside.arrives("type.googleapis.com/other", x=b"1")
    beside.finish()
    beside.relay.load({("type.googleapis.com/other", "x"): b"1"})


def test_a_cluster_goes_when_the_envoy_has_the_routes_without_it() -> None:
    beside = start()
    beside.arrives(names.CLUSTER, removed=("c1",), c2=b"\n\x02c2")
    beside.arrives(names.ROUTES, host=routes("c2"))
    beside.finish(talk=False)
    assert beside.holds(names.CLUSTER) == ["c1", "c2"]
    assert (names.CLUSTER, "c1") in beside.disk
    beside.talk()
    assert beside.holds(names.CLUSTER) == ["c2"]
    assert (names.CLUSTER, "c1") not in beside.disk
    assert (names.CLUSTER, "c1") not in beside.has


def test_a_cluster_that_comes_back_before_it_went_stays() -> None:
    beside = start()
    beside.arrives(names.CLUSTER, removed=("c1",))
    beside.finish(talk=False)
    beside.arrives(names.CLUSTER, c1=b"\n\x02c1")
    beside.finish()
    assert beside.holds(names.CLUSTER) == ["c1"]


def test_refused_routes_keep_their_clusters_even_if_nobody_else_does() -> None:
    beside = start()
    bad = routes("c2", "bad")
    beside.bad.add(bad)
    beside.arrives(names.CLUSTER, removed=("c1",), c2=b"\n\x02c2")
    beside.arrives(names.ROUTES, host=bad)
    beside.finish()
    assert beside.has[names.ROUTES, HOST] == routes("c1")
    assert beside.holds(names.CLUSTER) == ["c1", "c2"]
    assert (names.CLUSTER, "c1") in beside.has
    assert beside.disk[names.ROUTES, HOST] == routes("c1"), "on disk is what is served"
    beside.arrives(names.ROUTES, host=routes("c2"))
    beside.finish()
    assert beside.holds(names.CLUSTER) == ["c2"]
    assert beside.disk[names.ROUTES, HOST] == routes("c2")


def test_what_is_refused_is_told_and_told_again_to_the_next_stream() -> None:
    beside = start()
    bad = routes("c1", "bad")
    beside.bad.add(bad)
    beside.arrives(names.ROUTES, host=bad)
    beside.finish()
    first = beside.relay.report()
    ((name, version, message),) = first.rejected[names.ROUTES]
    assert (name, message) == (HOST, "no")
    assert version == beside.snapshot.peek(names.ROUTES, HOST).version  # type: ignore[union-attr]
    assert beside.relay.report().rejected == {}
    beside.relay.begin()
    assert beside.relay.report().rejected == first.rejected


def test_the_control_plane_says_how_large_pieces_for_envoy_are() -> None:
    beside = start()
    beside.relay.finish(Revision(20, "ingress", {names.CLUSTER: 100}))
    assert beside.relay.pieces == {names.CLUSTER: 100}
    beside.relay.finish(Revision(30, "ingress"))
    assert beside.relay.pieces == {}


def test_what_was_accepted_and_how_far_the_envoy_is_are_told_once() -> None:
    beside = start()
    beside.relay.report()
    beside.arrives(names.CLUSTER, c2=b"\n\x02c2")
    beside.finish()
    assert beside.relay.news.is_set()
    told = beside.relay.report()
    assert [name for name, _ in told.accepted[names.CLUSTER]] == ["c2"]
    assert told.settled == 20
    assert not beside.relay.news.is_set()
    beside.relay.heard([])
    assert not beside.relay.news.is_set()
    assert beside.relay.report() == Report(20)


def test_a_kept_revision_is_served_as_it_was() -> None:
    beside = start()
    other = Beside()
    other.relay.load(beside.disk)
    assert other.relay.complete.is_set()
    assert {(type_, name): body for type_, name, body in other.relay.rows()} == beside.disk
    assert other.relay.versions(names.ROUTES) == beside.relay.versions(names.ROUTES)


def test_rows_are_what_is_served_not_what_is_refused() -> None:
    beside = start()
    bad = routes("c1", "bad")
    beside.bad.add(bad)
    beside.arrives(names.ROUTES, host=bad)
    beside.finish()
    assert (names.ROUTES, HOST, routes("c1")) in beside.relay.rows()


def test_the_collector_of_spans_reaches_an_envoy_that_never_asks_for_it() -> None:
    snapshot = Snapshot(names.ORDER)
    relay = Relay(snapshot, Fleet())
    for name in (names.TRACING, "c1"):
        relay.take(names.CLUSTER, [Resource(name, "1", b"x")], ())
    relay.finish(Revision(1, "ingress"))
    lazy = {name: row.lazy for name in (names.TRACING, "c1") if (row := snapshot.peek(names.CLUSTER, name))}
    assert lazy == {names.TRACING: False, "c1": True}
