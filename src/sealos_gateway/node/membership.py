"""A node's own certificate: asked for with its token, renewed long before it ends, kept in memory only."""

from __future__ import annotations

from typing import Any, Final

import grpc
import msgspec

from sealos_gateway.clock import Clock
from sealos_gateway.node import link
from sealos_gateway.node.applicant import applicant
from sealos_gateway.node.link import LinkError, Place
from sealos_gateway.trust import enrolment
from sealos_gateway.trust.credentials import Credentials
from sealos_gateway.trust.identity import TrustError

_SHARE: Final = 2 / 3
_ANSWER_SECONDS: Final = 20.0


class Membership:
    """`credentials` are those of now, if there are any."""

    def __init__(self, clock: Clock, place: Place, name: str, gateway: str) -> None:
        self._clock, self._place, self._name, self._gateway = clock, place, name, gateway
        self.credentials: Credentials | None = None
        self.enrolments = 0
        self._due = 0.0
        self._doubted = False

    async def current(self) -> Credentials:
        """Good credentials, asked for where there are none. Raises LinkError.

        Those that are old or in doubt are used on when nobody can give others: it may be that only the API server,
        which checks tokens, is away.
        """
        held = self.credentials
        if held is not None and not held.valid(self._clock.now()):
            held = None
        if held is not None and not self._doubted and self._clock.monotonic() < self._due:
            return held
        try:
            channel = link.enrolment_channel(self._place)
            try:
                return await self._ask(channel, enrolment.ENROL, self._place.enrol_port)
            finally:
                await channel.close()
        except LinkError as error:
            if held is None or error.refused:
                raise
            return held
        finally:
            self._doubted = False

    async def renew(self, channel: Any) -> None:
        """New credentials over the connection that the old ones opened, which goes on. Raises LinkError."""
        await self._ask(channel, enrolment.RENEW, self._place.xds_port)

    def doubt(self) -> None:
        """The control plane may not take what we have: it may have another authority now."""
        self._doubted = True

    @property
    def seconds_to_renewal(self) -> float:
        """Zero also when the clock was set so that the certificate is not good any more."""
        if self.credentials is None or not self.credentials.valid(self._clock.now()):
            return 0.0
        return max(0.0, self._due - self._clock.monotonic())

    async def _ask(self, channel: Any, method: str, port: int) -> Credentials:
        try:
            async with applicant() as one:
                application = enrolment.Application(
                    self._name, self._gateway, self._place.token(), await one.request(), self._clock.now().timestamp()
                )
                call = channel.unary_unary(f"/{enrolment.SERVICE}/{method}")
                answer = await call(msgspec.json.encode(application), timeout=_ANSWER_SECONDS)
                made = await one.credentials(enrolment.ADMISSIONS.decode(answer).certificate)
        except grpc.aio.AioRpcError as error:
            raise link.explained(error, self._place, port, self._clock) from error
        except msgspec.DecodeError as error:
            raise LinkError(f"the answer to our application cannot be used: {error}") from error
        except TrustError as error:
            raise LinkError(f"there is no certificate for this node: {error}") from error
        left = (made.not_after - self._clock.now()).total_seconds()
        self.credentials, self._due = made, self._clock.monotonic() + left * _SHARE
        self.enrolments += 1
        return made
