"""The delta ADS server: gRPC bytes in and out of a `Stream`, one handler per connection.

Only this module of the room knows asyncio, gRPC and protobuf. It decides nothing: a request is decoded and given to the
stream, whatever the stream has to say is encoded and written. Only the delta method is registered, so gRPC itself
answers the state-of-the-world methods with UNIMPLEMENTED.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import grpc
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf.message import DecodeError

from sealos_gateway.xds.fleet import Connection, Fleet
from sealos_gateway.xds.messages import Acked, Event, Request, Response
from sealos_gateway.xds.snapshot import Snapshot
from sealos_gateway.xds.stream import Stream

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
# The first request of a reconnecting client lists everything it holds; nobody but our own Envoy can reach the socket.
OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


#: Told after each message of a client, with what it accepted and refused by it.
Heard = Callable[[Sequence[Event]], None]


class StreamFactory(Protocol):
    """Makes the stream of one connection: `Stream` itself, or a `functools.partial` with its settings."""

    def __call__(self, snapshot: Snapshot, *, hot: Mapping[str, frozenset[str]]) -> Stream: ...


class BadRequestError(Exception):
    """The client sent something that is not the protocol; its own stream ends, nothing else."""


class Session:
    """A connection, and the flag that tells its writer to look again."""

    def __init__(self, connection: Connection, stream: Stream) -> None:
        self.connection, self.stream = connection, stream
        self.look = asyncio.Event()
        self.ended = False
        self.refusal = ""

    def end(self, refusal: str = "") -> None:
        self.ended, self.refusal = True, refusal
        self.look.set()


class AdsServer:
    """Serves a snapshot on a Unix socket. Streams wait until `ready` is set; call `wake` after every commit."""

    def __init__(
        self,
        snapshot: Snapshot,
        fleet: Fleet,
        path: Path,
        *,
        ready: asyncio.Event,
        stream: StreamFactory = Stream,
        hot_for: Callable[[str], Mapping[str, frozenset[str]]] = lambda _node: {},
        heard: Heard | None = None,
    ) -> None:
        self._snapshot, self._fleet, self._path = snapshot, fleet, path
        self._ready, self._stream, self._hot_for = ready, stream, hot_for
        self._heard = heard
        self._sessions: set[Session] = set()
        self._closing = False
        self._server: Any = None
        snapshot.on_error = fleet.unrendered

    async def start(self) -> None:
        """Listen. Only the owner of this process may connect."""
        self._server = grpc.aio.server(options=OPTIONS)
        handlers = {"DeltaAggregatedResources": grpc.stream_stream_rpc_method_handler(self._serve)}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        mask = os.umask(0o177)
        try:
            self._server.add_insecure_port(f"unix:{self._path}")
        finally:
            os.umask(mask)
        await self._server.start()

    async def close(self, grace: float = 1.0) -> None:
        """End all streams; those that do not end within the grace are cut."""
        self._closing = True
        for session in self._sessions:
            session.end()
        if self._server is not None:
            await self._server.stop(grace)

    def wake(self) -> None:
        """The snapshot was committed: every stream notes the changes, so no tombstone is needed any longer."""
        for session in self._sessions:
            session.stream.catch_up()
            session.look.set()
        self._snapshot.sweep(self._snapshot.revision)
        self._fleet.recheck(self._snapshot)

    async def _serve(self, _requests: object, context: Any) -> None:
        await self._ready.wait()
        try:
            first = await _read(context)
            if first is None or self._closing:
                return
            if not first.node.id:
                raise BadRequestError("the first request carries no node id")
        except BadRequestError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            return
        async with self._session(first.node.id) as session:
            await self._converse(session, first, context)
        if session.refusal:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, session.refusal)

    @asynccontextmanager
    async def _session(self, node: str) -> AsyncIterator[Session]:
        stream = self._stream(self._snapshot, hot=self._hot_for(node))
        connection = self._fleet.connect(node, stream, self._snapshot.revision)
        session = Session(connection, stream)
        self._sessions.add(session)
        try:
            yield session
        finally:
            self._sessions.discard(session)
            self._fleet.disconnect(connection)

    async def _converse(self, session: Session, first: Any, context: Any) -> None:
        self._receive(session, first)
        async with asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(self._listen(session, context), name="xds reader")
            while not session.ended:
                session.look.clear()
                while not session.ended and (response := session.stream.next_response()) is not None:
                    try:
                        await context.write(encoded(response))
                    except grpc.aio.BaseError:
                        session.end()  # the client is gone
                # Only now what was changed is rendered, so only now it shows whether a refused row is another one.
                self._fleet.recheck(self._snapshot)
                if not session.ended:
                    await session.look.wait()
            reader.cancel()

    async def _listen(self, session: Session, context: Any) -> None:
        try:
            while (message := await _read(context)) is not None:
                self._receive(session, message)
                session.look.set()
        except BadRequestError as error:
            session.end(str(error))
        else:
            session.end()

    def _receive(self, session: Session, message: Any) -> None:
        session.stream.receive(decoded(message))
        events = session.stream.take_events()
        self._fleet.record(session.connection, events)
        for event in events:
            if isinstance(event, Acked):
                for name, version in event.rows:
                    self._snapshot.accept(event.type, name, version)
            else:
                self._snapshot.reject(event.type, event.name, event.version)
        if self._heard is not None:
            self._heard(events)


async def _read(context: Any) -> Any:
    """The next request, or None when the client has nothing more to say."""
    try:
        data = await context.read()
    except grpc.aio.BaseError:
        return None
    if data is grpc.aio.EOF:
        return None
    try:
        return discovery_pb2.DeltaDiscoveryRequest.FromString(data)
    except DecodeError as error:
        raise BadRequestError("this is not a DeltaDiscoveryRequest") from error


def decoded(message: Any) -> Request:
    """A DeltaDiscoveryRequest as a value."""
    return Request(
        type=message.type_url,
        subscribe=tuple(message.resource_names_subscribe),
        unsubscribe=tuple(message.resource_names_unsubscribe),
        nonce=message.response_nonce,
        error=message.error_detail.message if message.HasField("error_detail") else None,
        initial_versions=dict(message.initial_resource_versions),
    )


def encoded(response: Response) -> bytes:
    """A DeltaDiscoveryResponse on the wire."""
    message = discovery_pb2.DeltaDiscoveryResponse(
        type_url=response.type, nonce=response.nonce, removed_resources=response.removed
    )
    for name, version, body in response.resources:
        resource = message.resources.add(name=name, version=version)
        resource.resource.type_url = response.type
        resource.resource.value = body
    data: bytes = message.SerializeToString()
    return data
