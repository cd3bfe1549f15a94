"""Who may write: the holder of a Lease. Every replica computes and serves; only the leader writes.

Nobody's clock is compared with another's: a Lease counts as abandoned when its content has not changed for
`lease_seconds` of our own monotonic time. So clocks may jump or differ. `leading` ends by itself when renewing fails
for `renew_seconds`, which is less, so the old leader has stopped before a new one begins.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from sealos_gateway.clock import Clock
from sealos_gateway.kube import client, wire
from sealos_gateway.kube.client import Client
from sealos_gateway.kube.errors import ApiError, ConflictError, NotFoundError

log = logging.getLogger(__name__)
_API: Final = "coordination.k8s.io/v1"


@dataclass(frozen=True)
class Place:
    """Which Lease, and under which name we hold it (the name of the pod)."""

    namespace: str
    name: str
    identity: str
    lease_seconds: int = 15
    renew_seconds: float = 10.0
    retry_seconds: float = 2.0


class _Metadata(msgspec.Struct, rename="camel", omit_defaults=True):
    name: str
    namespace: str
    resource_version: str = ""
    # Whoever made the Lease for us may find it again by these: a PUT without them would take them away.
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[msgspec.Raw] = []
    finalizers: list[str] = []


class _Spec(msgspec.Struct, rename="camel", omit_defaults=True):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class _Lease(msgspec.Struct, rename="camel"):
    metadata: _Metadata
    api_version: str = _API
    kind: str = "Lease"
    spec: _Spec = msgspec.field(default_factory=_Spec)


_LEASES = msgspec.json.Decoder(_Lease)


class Leader:
    """Whether we lead. `run` keeps trying; `on_change` is called when that changed."""

    def __init__(
        self, api: Client, clock: Clock, place: Place, on_change: Callable[[bool], None] = lambda _: None
    ) -> None:
        self._api = api
        self._clock = clock
        self._place = place
        self._on_change = on_change
        self._until = float("-inf")  # we lead until then, unless renewed
        self._told = False
        self._seen: _Spec | None = None
        self._seen_at = 0.0

    @property
    def leading(self) -> bool:
        """Right also when the loop stood still for a while: it is asked before each write."""
        return self._clock.monotonic() < self._until

    async def run(self) -> None:
        """Try for ever; on cancellation the Lease is given back, so that the next one need not wait."""
        try:
            while True:
                try:
                    async with self._clock.timeout(self._place.renew_seconds):
                        await self._try()
                except (ApiError, TimeoutError) as error:
                    log.debug("lease %s/%s: %s", self._place.namespace, self._place.name, error)
                self._tell()
                await self._clock.sleep(self._place.retry_seconds * (1 + self._clock.random() / 5))
                self._tell()
        finally:
            await self._release()

    async def _try(self) -> None:
        """Renew or acquire. Raises ApiError; a conflict means that another was faster."""
        began = self._clock.monotonic()
        try:
            lease = await self._read()
        except NotFoundError:
            await self._write("POST", _Lease(self._metadata(), spec=self._held(None)))
        else:
            if not self._is_free(lease.spec):
                self._until = float("-inf")
                return
            lease.spec = self._held(lease.spec)
            await self._write("PUT", lease)
        # Counted from before the request: what others see as renewed is never older than what we think.
        self._until = began + self._place.renew_seconds

    def _is_free(self, spec: _Spec) -> bool:
        if spec.holder_identity in (None, "", self._place.identity):
            return True
        now = self._clock.monotonic()
        if spec != self._seen:
            self._seen, self._seen_at = spec, now
        return now >= self._seen_at + (spec.lease_duration_seconds or self._place.lease_seconds)

    def _held(self, before: _Spec | None) -> _Spec:
        now = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        ours = before is not None and before.holder_identity == self._place.identity
        changes = (before.lease_transitions or 0) + (not ours) if before else 0
        acquired = before.acquire_time if before and ours else now
        return _Spec(self._place.identity, self._place.lease_seconds, acquired, now, changes)

    async def _release(self) -> None:
        if not self.leading:
            return
        self._until = float("-inf")
        self._tell()
        try:
            async with asyncio.timeout(2):  # real time: the process is about to end
                lease = await self._read()
                if lease.spec.holder_identity == self._place.identity:
                    lease.spec.holder_identity = ""
                    lease.spec.lease_duration_seconds = 1
                    await self._write("PUT", lease)
        except (ApiError, TimeoutError) as error:
            log.debug("the lease could not be given back: %s", error)

    async def _read(self) -> _Lease:
        found: _Lease = wire.decode(_LEASES, await self._api.request("GET", self._path(self._place.name)))
        return found

    async def _write(self, method: str, lease: _Lease) -> None:
        place = self._path(self._place.name if method == "PUT" else "")
        try:
            await self._api.request(method, place, body=msgspec.json.encode(lease))
        except ConflictError:
            self._until = float("-inf")
            raise

    def _path(self, name: str) -> str:
        return client.path(_API, "leases", self._place.namespace, name)

    def _metadata(self) -> _Metadata:
        return _Metadata(self._place.name, self._place.namespace)

    def _tell(self) -> None:
        if self.leading != self._told:
            self._told = self.leading
            log.info(
                "%s the lease %s/%s", "holding" if self._told else "without", self._place.namespace, self._place.name
            )
            self._on_change(self._told)
