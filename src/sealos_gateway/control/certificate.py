"""A replica's own certificate: made again before it ends, and at once when the clock was set past it."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Final

from sealos_gateway.clock import Clock
from sealos_gateway.trust.authority import Authority
from sealos_gateway.trust.credentials import Credentials

_SHARE: Final = 2 / 3  # of its life, after which it is made again


class ServerCertificate:
    """Asked at every handshake, by gRPC's threads."""

    def __init__(self, clock: Clock, authority: Authority, life: timedelta) -> None:
        self.authority = authority
        self._clock, self._life = clock, life
        self._lock = threading.Lock()
        self._made, self._made_at = self._make()

    def current(self) -> Credentials:
        with self._lock:
            old = self._clock.monotonic() - self._made_at > self._life.total_seconds() * _SHARE
            if old or not self._made.valid(self._clock.now()):
                self._made, self._made_at = self._make()
            return self._made

    def _make(self) -> tuple[Credentials, float]:
        return self.authority.server(self._clock.now(), self._life), self._clock.monotonic()
