"""Who becomes a node: an application with a token in, a short-lived certificate out.

A node that already has a certificate renews it with its token too, so that a token taken back ends its membership. Only
while nobody can check tokens (the API server is away) the certificate alone is enough.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sealos_gateway.clock import Clock
from sealos_gateway.trust.authority import SKEW, Authority
from sealos_gateway.trust.enrolment import Admission, Application
from sealos_gateway.trust.identity import Identity, TrustError, node_name
from sealos_gateway.trust.review import Proven, RefusedError, Reviewer, UndecidedError

log = logging.getLogger(__name__)

_LEAST_TOKEN: Final = 32
_AT_ONCE: Final = 16


class JoinToken:
    """One token in a file that all nodes share: for places without a Kubernetes API server."""

    def __init__(self, path: Path, gateway: str) -> None:
        self._path, self._gateway = path, gateway

    async def review(self, token: str, node: str) -> Proven:
        try:
            wanted = self._path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UndecidedError(f"the control plane cannot read its join token {self._path}: {error}") from error
        if len(wanted) < _LEAST_TOKEN:
            raise UndecidedError(f"the join token in {self._path} has fewer than {_LEAST_TOKEN} characters")
        if not hmac.compare_digest(wanted.encode(), token.encode()):
            raise RefusedError("the token is not the join token of this control plane (control.join_token_file)")
        return Proven(node, self._gateway)


class Admissions:
    """Decides and signs. `life` is how long a certificate is good."""

    def __init__(self, clock: Clock, authority: Authority, reviewer: Reviewer, life: timedelta) -> None:
        self._clock, self._authority, self._reviewer, self._life = clock, authority, reviewer, life
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def enrol(self, application: Application) -> Admission:
        """For a newcomer. Raises RefusedError, UndecidedError."""
        self._check(application)
        return self._admit(application, await self._review(application))

    async def renew(self, application: Application, known: Identity) -> Admission:
        """For a node that showed its certificate. Raises RefusedError."""
        self._check(application)
        try:
            proven = await self._review(application)
        except UndecidedError as reason:
            log.info("node %s keeps its membership by its certificate: %s", known.node, reason)
            proven = Proven(known.node, known.gateway)
        if proven.node != known.node:
            raise RefusedError(f"the token is that of {proven.node}, the certificate that of {known.node}")
        return self._admit(application, proven)

    async def _review(self, application: Application) -> Proven:
        async with self._places:
            return await self._reviewer.review(application.token, application.node)

    def _check(self, application: Application) -> None:
        ours = self._clock.now()
        try:
            theirs = datetime.fromtimestamp(application.time, UTC)
        except (OverflowError, ValueError, OSError):
            raise RefusedError(f"{application.time!r} is not a time; it is in seconds since 1970") from None
        if abs(theirs - ours) > SKEW:
            raise RefusedError(
                f"the clocks differ by more than {SKEW.seconds // 60} minutes: the node says {theirs:%F %T} UTC, "
                f"the control plane {ours:%F %T}; set the one that is wrong (NTP)"
            )

    def _admit(self, application: Application, proven: Proven) -> Admission:
        if application.gateway != proven.gateway:
            raise RefusedError(
                f"the token is for nodes of the gateway {proven.gateway}, and the node wants to be one of "
                f"{application.gateway} (node.gateway)"
            )
        try:
            identity = Identity(proven.gateway, node_name(proven.node))
            certificate = self._authority.node(application.request.encode(), identity, self._clock.now(), self._life)
        except TrustError as error:
            raise RefusedError(str(error)) from error
        return Admission(certificate.decode())
