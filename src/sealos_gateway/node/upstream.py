"""Follows the control plane: one stream at a time, again and again with growing pauses, differences only.

Only this file and `link` of the room know gRPC. What comes is given to the relay; what the Envoy makes of it is told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

import grpc
import msgspec
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf.message import DecodeError

from sealos_gateway.clock import Backoff, Clock
from sealos_gateway.node import link
from sealos_gateway.node.link import LinkError, Place
from sealos_gateway.node.membership import Membership
from sealos_gateway.node.relay import Relay
from sealos_gateway.xds.messages import Resource
from sealos_gateway.xds.reports import REPORT, REVISION, REVISIONS

log = logging.getLogger(__name__)

_METHOD: Final = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
_GATHER_NEWS: Final = 0.2
_RENEW_AGAIN: Final = 15.0
_LOOK_AT_CLOCK: Final = 30.0
_TELL_AGAIN: Final = 60.0
_LONGER: Final = 3  # after a refusal, which costs the API server a look at a token


class Upstream:
    """`connected`, `problem` and `attempts` are for people and metrics."""

    def __init__(
        self, clock: Clock, place: Place, membership: Membership, relay: Relay, name: str, types: Sequence[str]
    ) -> None:
        self._clock, self._place, self._membership = clock, place, membership
        self._relay, self._name, self._types = relay, name, tuple(types)
        self.connected = False
        self.problem = ""
        self.connections = 0
        self.current_at = clock.monotonic()  # when the control plane last said that we have everything
        #: Set after the first attempt, whatever became of it.
        self.tried = asyncio.Event()
        self._told_at = -_TELL_AGAIN

    async def run(self) -> None:
        backoff = Backoff(self._clock, 0.1, 5.0)
        while True:
            before, refused = self.connections, False
            try:
                await self._follow()
                self._fails("the control plane ended the stream")
            except LinkError as error:
                refused = error.refused
                self._fails(str(error))
            finally:
                self.connected = False
            self.tried.set()
            if self.connections != before:
                backoff.reset()
            await self._clock.sleep(backoff.delay() * (_LONGER if refused else 1))

    def _fails(self, problem: str) -> None:
        """Said when it is new, and once a minute."""
        now = self._clock.monotonic()
        if problem != self.problem or now - self._told_at >= _TELL_AGAIN:
            log.warning("%s; %s", problem, "serving goes on" if self._relay.complete.is_set() else "trying again")
            self._told_at = now
        self.problem = problem

    async def _follow(self) -> None:
        credentials = await self._membership.current()
        channel = link.member_channel(self._place, credentials)
        try:
            await _Conversation(self, channel).hold()
        except grpc.aio.AioRpcError as error:
            explained = link.explained(error, self._place, self._place.xds_port, self._clock)
            if explained.doubtful:
                self._membership.doubt()
            raise explained from error
        except (DecodeError, msgspec.DecodeError, IndexError) as error:
            raise LinkError(f"the control plane says something that is not understood: {error}") from error
        finally:
            await channel.close()

    def current(self) -> None:
        """The control plane said that a revision is complete."""
        self.current_at = self._clock.monotonic()
        if not self.connected:
            log.info("following the control plane at %s", self._place.target(self._place.xds_port))
            self.connected, self.problem = True, ""
            self.connections += 1
            self.tried.set()


class _Conversation:
    """One stream, from its first request to its end."""

    def __init__(self, upstream: Upstream, channel: Any) -> None:
        self._up, self._channel = upstream, channel
        self._relay, self._clock, self._membership = upstream._relay, upstream._clock, upstream._membership
        self._call = channel.stream_stream(_METHOD)()
        self._writing = asyncio.Lock()

    async def hold(self) -> None:
        """Until the stream ends. Raises AioRpcError, LinkError, DecodeError."""
        self._relay.begin()
        ended: Exception | None = None
        async with asyncio.TaskGroup() as tasks:
            others = [
                tasks.create_task(self._tell(), name="node reports"),
                tasks.create_task(self._keep_certificate(), name="node certificate"),
            ]
            try:
                await self._ask()
                await self._listen()
            except (grpc.aio.AioRpcError, LinkError, DecodeError, msgspec.DecodeError, IndexError) as error:
                ended = error
            finally:
                for task in others:
                    task.cancel()
        if ended is not None:
            raise ended

    async def _ask(self) -> None:
        for number, type_ in enumerate((*self._up._types, REVISION)):
            message = discovery_pb2.DeltaDiscoveryRequest(type_url=type_, resource_names_subscribe=["*"])
            if number == 0:
                message.node.id = self._up._name
            if type_ != REVISION:
                message.initial_resource_versions.update(self._relay.versions(type_))
            await self._write(message)
            await asyncio.sleep(0)

    async def _listen(self) -> None:
        while (data := await self._call.read()) is not grpc.aio.EOF:
            message = discovery_pb2.DeltaDiscoveryResponse.FromString(data)
            if message.type_url == REVISION:
                self._relay.finish(REVISIONS.decode(message.resources[0].resource.value))
                self._up.current()
            else:
                resources = [Resource(it.name, it.version, it.resource.value) for it in message.resources]
                self._relay.take(message.type_url, resources, message.removed_resources)
            await self._write(
                discovery_pb2.DeltaDiscoveryRequest(type_url=message.type_url, response_nonce=message.nonce)
            )

    async def _tell(self) -> None:
        """Refusals and what was accepted, gathered a little."""
        while True:
            await self._relay.news.wait()
            await self._clock.sleep(_GATHER_NEWS)
            report = self._relay.report()
            message = discovery_pb2.DeltaDiscoveryRequest(type_url=REPORT)
            message.error_detail.details.add(type_url=REPORT, value=msgspec.json.encode(report))
            await self._write(message)

    async def _keep_certificate(self) -> None:
        """Renew in time, over this very connection, so that it need not be opened again."""
        while True:
            await self._clock.sleep(min(self._membership.seconds_to_renewal, _LOOK_AT_CLOCK))
            if self._membership.seconds_to_renewal > 0:
                continue
            try:
                await self._membership.renew(self._channel)
            except LinkError as error:
                log.warning("the certificate is not renewed: %s; trying again", error)
                await self._clock.sleep(_RENEW_AGAIN * (0.5 + self._clock.random()))

    async def _write(self, message: Any) -> None:
        async with self._writing:
            try:
                await self._call.write(message.SerializeToString())
            except (asyncio.InvalidStateError, grpc.aio.AioRpcError):
                await asyncio.sleep(0)  # the stream has ended; the reader says why
