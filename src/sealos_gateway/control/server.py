"""Two ports for nodes: one where a newcomer gets its certificate, and one where members follow the configuration.

The first shows only the server's certificate and asks for a token; the second takes nobody without a certificate of our
authority. gRPC for both. Decides nothing: `admission` says who may, `xds.feed` what each is owed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Final

import grpc
import msgspec
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf.message import DecodeError

from sealos_gateway.clock import Clock
from sealos_gateway.control.admission import Admissions
from sealos_gateway.control.certificate import ServerCertificate
from sealos_gateway.trust import enrolment
from sealos_gateway.trust.authority import Authority
from sealos_gateway.trust.holder import Holder, holder
from sealos_gateway.trust.identity import TrustError
from sealos_gateway.trust.review import RefusedError, UndecidedError
from sealos_gateway.xds import server as ads
from sealos_gateway.xds.feed import Feed
from sealos_gateway.xds.fleet import Connection, Fleet
from sealos_gateway.xds.messages import Acked, Event
from sealos_gateway.xds.planes import View
from sealos_gateway.xds.reports import REPORT, REPORTS, REVISION, Report
from sealos_gateway.xds.snapshot import Snapshot

log = logging.getLogger(__name__)

_GATHER: Final = 500  # rows between two looks at other tasks
_APPLICATION_BYTES: Final = 65_536
_TELL_AGAIN: Final = 60.0
#: A node that vanished without a word is noticed in half a minute.
_ALIVE: Final = (
    ("grpc.keepalive_time_ms", 20_000), ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000), ("grpc.so_reuseport", 0),
)  # fmt: skip


class PortError(Exception):
    """A port for nodes cannot be listened on."""


class Member:
    """One node's stream."""

    def __init__(self, who: Holder, view: View, feed: Feed, connection: Connection, until: float) -> None:
        self.who, self.view, self.feed, self.connection = who, view, feed, connection
        self.until = until  # on the monotonic clock
        self.look = asyncio.Event()
        self.over = False
        self.why = ""

    def end(self, why: str = "") -> None:
        """Stop; with a reason the node is told it."""
        if not self.over:
            self.over, self.why = True, why
        self.look.set()


class NodeServer:
    """Serves a snapshot to nodes. Streams wait until `ready` is set; call `wake` after every commit."""

    def __init__(
        self,
        clock: Clock,
        snapshot: Snapshot,
        fleet: Fleet,
        ready: asyncio.Event,
        *,
        plane_of: Callable[[str], str],
        types: Sequence[str],
        life: timedelta,
        pieces: Mapping[str, int] | None = None,
    ) -> None:
        self._clock, self._snapshot, self._fleet, self._ready = clock, snapshot, fleet, ready
        self._plane_of, self._types, self._life = plane_of, tuple(types), life
        self._pieces = pieces
        self._members: set[Member] = set()
        self._servers: list[Any] = []
        self._told: dict[str, float] = {}
        self._admissions: Admissions | None = None
        self.certificate: ServerCertificate | None = None
        self.refused = 0
        self.enrolled = 0
        self.sent = 0
        snapshot.on_error = fleet.unrendered

    async def start(self, authority: Authority, admissions: Admissions, address: str, ports: tuple[int, int]) -> None:
        """Listen on both: for members, for newcomers. Raises PortError."""
        self._admissions = admissions
        self.certificate = ServerCertificate(self._clock, authority, self._life)
        delta = {"DeltaAggregatedResources": grpc.stream_stream_rpc_method_handler(self._follow)}
        renew = {enrolment.RENEW: grpc.unary_unary_rpc_method_handler(self._renew)}
        enrol = {enrolment.ENROL: grpc.unary_unary_rpc_method_handler(self._enrol)}
        members = {ads.SERVICE: delta, enrolment.SERVICE: renew}
        await self._listen(address, ports[0], self._credentials(authority, mutual=True), members, ads.OPTIONS)
        small = (("grpc.max_receive_message_length", _APPLICATION_BYTES),)
        await self._listen(
            address, ports[1], self._credentials(authority, mutual=False), {enrolment.SERVICE: enrol}, small
        )

    async def _listen(
        self, address: str, port: int, credentials: Any, services: dict[str, Any], options: Sequence[tuple[str, Any]]
    ) -> None:
        server = grpc.aio.server(options=(*options, *_ALIVE))
        handlers = tuple(grpc.method_handlers_generic_handler(name, found) for name, found in services.items())
        server.add_generic_rpc_handlers(handlers)
        place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        try:
            if server.add_secure_port(place, credentials) == 0:
                raise RuntimeError("no port")
        except RuntimeError as error:
            raise PortError(
                f"cannot listen on {place} for nodes; choose another port (control.xds_port, ...)"
            ) from error
        await server.start()
        self._servers.append(server)

    def _credentials(self, authority: Authority, mutual: bool) -> Any:
        assert self.certificate is not None
        certificate = self.certificate

        def configuration() -> Any:
            made = certificate.current()
            pairs = [(bytes(made.key), made.certificate)]
            return grpc.ssl_server_certificate_configuration(pairs, authority.bundle if mutual else None)

        return grpc.dynamic_ssl_server_credentials(configuration(), configuration, mutual)

    async def close(self, grace: float = 1.0) -> None:
        for member in self._members:
            member.end()
        for server in self._servers:
            await server.stop(grace)

    def wake(self) -> None:
        """The snapshot was committed."""
        for member in self._members:
            member.feed.catch_up()
            member.look.set()
        self._snapshot.sweep(self._snapshot.revision)
        self._fleet.recheck(self._snapshot)

    @property
    def connected(self) -> int:
        return len(self._members)

    # ---------------------------------------------------------------- becoming a member

    async def _enrol(self, data: bytes, context: Any) -> bytes:
        return await self._admitted(data, context, None)

    async def _renew(self, data: bytes, context: Any) -> bytes:
        return await self._admitted(data, context, await self._peer(context))

    async def _admitted(self, data: bytes, context: Any, known: Holder | None) -> bytes:
        assert self._admissions is not None
        name = "?"
        try:
            application = enrolment.APPLICATIONS.decode(data)
            name = application.node
            if known is None:
                found = await self._admissions.enrol(application)
            else:
                found = await self._admissions.renew(application, known.identity)
                self._prolong(found.certificate.encode())
        except msgspec.DecodeError as error:
            await self._refuse(context, grpc.StatusCode.INVALID_ARGUMENT, name, f"not an application: {error}")
        except RefusedError as error:
            await self._refuse(context, grpc.StatusCode.PERMISSION_DENIED, name, str(error))
        except UndecidedError as error:
            await self._refuse(context, grpc.StatusCode.UNAVAILABLE, name, str(error))
        self.enrolled += 1
        return msgspec.json.encode(found)

    def _prolong(self, certificate: bytes) -> None:
        """Streams of this node for this gateway go on under its new certificate."""
        found = holder(certificate)
        until = self._until(found)
        for member in self._members:
            if member.who.identity == found.identity:
                member.until = max(member.until, until)
                member.look.set()

    def _until(self, who: Holder) -> float:
        return self._clock.monotonic() + (who.not_after - self._clock.now()).total_seconds()

    async def _peer(self, context: Any) -> Holder:
        """Who the client is, by the certificate that TLS has checked."""
        try:
            found = holder(next(iter(context.auth_context().get("x509_pem_cert", [b""]))))
        except TrustError as error:
            await self._refuse(context, grpc.StatusCode.UNAUTHENTICATED, "?", str(error))
            raise
        return found

    async def _refuse(self, context: Any, code: Any, node: str, words: str) -> None:
        """Say it to both sides; on ours at most once a minute for each."""
        self.refused += 1
        line, now = f"node {node[:80]} at {context.peer()} is refused: {words}", self._clock.monotonic()
        key = f"{node[:80]} {words}"
        if now - self._told.get(key, -_TELL_AGAIN) >= _TELL_AGAIN:
            if len(self._told) > 1000:
                self._told.clear()
            self._told[key] = now
            log.warning("%s", line)
        await context.abort(code, words)

    # ---------------------------------------------------------------- following

    async def _follow(self, _requests: object, context: Any) -> None:
        who = await self._peer(context)
        await self._ready.wait()
        async with self._member(who) as member, asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(self._read(member, context), name="node reader")
            with suppress(grpc.aio.BaseError):
                await self._write(member, context)
            reader.cancel()
        if member.why:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, member.why)

    @asynccontextmanager
    async def _member(self, who: Holder) -> AsyncIterator[Member]:
        seen = View(self._snapshot, self._plane_of(who.identity.gateway))
        feed = Feed(seen, who.identity.gateway, self._types, self._pieces)
        connection = self._fleet.connect(who.identity.node, feed, self._snapshot.revision)
        member = Member(who, seen, feed, connection, self._until(who))
        self._members.add(member)
        log.info("node %s follows", who.identity.node)
        try:
            yield member
        finally:
            self._members.discard(member)
            self._fleet.disconnect(connection)
            log.info("node %s has left%s", who.identity.node, f": {member.why}" if member.why else "")

    async def _write(self, member: Member, context: Any) -> None:
        while not member.over:
            member.look.clear()
            while member.feed.behind and not member.over and not self._expired(member):
                if member.feed.gather(_GATHER):
                    for response in member.feed.responses():
                        await context.write(ads.encoded(response))
                        self.sent += len(response.removed) + len(response.resources) * (response.type != REVISION)
                else:
                    await asyncio.sleep(0)
            # Rows are rendered only when gathered, and only then it shows whether a refused one is another now.
            self._fleet.recheck(self._snapshot)
            await self._wait(member)

    async def _wait(self, member: Member) -> None:
        if self._expired(member):
            return
        with suppress(TimeoutError):
            async with self._clock.timeout(member.until - self._clock.monotonic()):
                await member.look.wait()

    def _expired(self, member: Member) -> bool:
        """Whether the member's certificate has ended; then its stream does, too."""
        over = member.until <= self._clock.monotonic()
        if over:
            member.end(f"the certificate of node {member.who.identity.node} has ended and was not renewed")
        return over

    async def _read(self, member: Member, context: Any) -> None:
        try:
            while (data := await context.read()) is not grpc.aio.EOF:
                message = discovery_pb2.DeltaDiscoveryRequest.FromString(data)
                if message.type_url == REPORT:
                    self._report(member, REPORTS.decode(message.error_detail.details[0].value))
                else:
                    member.feed.receive(ads.decoded(message))
                    member.look.set()
        except (DecodeError, msgspec.DecodeError, IndexError) as error:
            member.end(f"this is not how a node speaks: {error}")
        except grpc.aio.BaseError:
            pass
        member.end()

    def _report(self, member: Member, report: Report) -> None:
        """What the Envoy behind this node made of rows; others get another state when one is withdrawn."""
        member.feed.told(report.settled)
        events = [seen for event in report.events() if (seen := _of_its_own(event, member.view)) is not None]
        self._fleet.record(member.connection, events)
        changed: list[tuple[str, str]] = []
        for event in events:
            if isinstance(event, Acked):
                for name, version in event.rows:
                    if self._withdrawn(event.type, name):
                        changed.append((event.type, name))
                    self._snapshot.accept(event.type, name, version)
            else:
                self._snapshot.reject(event.type, event.name, event.version)
                changed.append((event.type, event.name))
        for type_, name in changed:
            for one in self._members:
                one.feed.look_again(type_, name)
                one.look.set()

    def _withdrawn(self, type_: str, name: str) -> bool:
        row = self._snapshot.peek(type_, name)
        return row is not None and bool(row.rejected)


def _of_its_own(event: Event, view: View) -> Event | None:
    """What of an event is about rows that the node sees: it has no say about those of other data planes."""
    if isinstance(event, Acked):
        rows = tuple(row for row in event.rows if view.peek(event.type, row[0]) is not None)
        return Acked(event.type, rows) if rows else None
    return event if not event.name or view.peek(event.type, event.name) is not None else None
