"""`sgw control`: the control plane without an Envoy, and the door by which nodes come in.

Any replica serves any node: versions are hashes of content, and all replicas share one authority.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec

from sealos_gateway import pages, statusport, wiring
from sealos_gateway.clock import Backoff, SystemClock
from sealos_gateway.control.admission import Admissions, JoinToken
from sealos_gateway.control.keeping import Folder, Keeper
from sealos_gateway.control.metrics import ControlMetrics
from sealos_gateway.control.server import NodeServer, PortError
from sealos_gateway.controller import Controller
from sealos_gateway.envoy import names
from sealos_gateway.kube.accounts import Accounts
from sealos_gateway.kube.keeping import SecretKeeper
from sealos_gateway.objects import Cluster, Objects, own_namespace
from sealos_gateway.settings import Settings, SettingsError
from sealos_gateway.trust.authority import Authority, new_authority
from sealos_gateway.trust.identity import TrustError
from sealos_gateway.trust.review import Reviewer
from sealos_gateway.xds import planes

log = logging.getLogger(__name__)

_LOOK_SECONDS = 60.0


class Control:
    """Everything `sgw control` consists of; `run` returns after a clean stop."""

    def __init__(self, settings: Settings, objects: Objects, state: Path) -> None:
        """Raises SettingsError."""
        if isinstance(objects, Cluster):  # pure rooms cannot look where the pod is
            own = msgspec.structs.replace(settings.kubernetes, lease_namespace=own_namespace(settings.kubernetes))
            settings = msgspec.structs.replace(settings, kubernetes=own)
        self._settings, self._clock = settings, SystemClock()
        self._life = timedelta(seconds=settings.control.certificate_seconds)
        self._keeper = _keeper(settings, objects, state)
        self.controller = Controller(settings, objects)
        made = self.controller
        self._reviewer = _reviewer(settings, objects, made.pipeline.provision.plane_of)
        self.nodes = NodeServer(
            self._clock, made.pipeline.snapshot, made.fleet, made.ready,
            plane_of=planes.plane_of, types=names.ORDER, life=self._life, pieces=made.pipeline.pieces,
        )  # fmt: skip
        made.wake = self.nodes.wake
        made.metrics.also(ControlMetrics(self._clock, self.nodes))
        self.status = statusport.StatusPort(
            settings.status_address, settings.status_port, self._unready, made.metrics.text,
            pages.controller_pages(made),
        )  # fmt: skip

    async def run(self, stop: asyncio.Event, started: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`. Raises PortError when a port is taken."""
        await self.status.start()
        try:
            async with asyncio.TaskGroup() as group:
                background = [
                    *self.controller.start(group, stop, started),
                    group.create_task(self._serve(), name="nodes"),
                ]
                await stop.wait()
                for task in background:
                    task.cancel()
        finally:
            await self.nodes.close()
            await self.status.stop()

    async def _serve(self) -> None:
        """Open the door once there is an authority; afterwards see that it stays the one that is kept."""
        authority = await self._authority()
        admissions = Admissions(self._clock, authority, self._reviewer, self._life)
        control = self._settings.control
        await self.nodes.start(authority, admissions, control.address, (control.xds_port, control.enrol_port))
        log.info("nodes are served on ports %d and %d", control.xds_port, control.enrol_port)
        while True:
            await self._clock.sleep(_LOOK_SECONDS)
            try:
                kept = await self._keeper.authority(lambda: new_authority(self._clock.now()))
            except TrustError as error:
                log.warning("%s; the one that is in use goes on", error)
                continue
            if kept.bundle != authority.bundle:
                raise PortError("the authority was exchanged: this replica ends, and the next one takes the new one")

    async def _authority(self) -> Authority:
        backoff = Backoff(self._clock)
        while True:
            try:
                return await self._keeper.authority(lambda: new_authority(self._clock.now()))
            except TrustError as error:
                log.warning("%s; trying again", error)
                await self._clock.sleep(backoff.delay())

    async def _unready(self) -> str:
        if self.nodes.certificate is None:
            return "there is no authority for nodes yet"
        return "" if self.controller.ready.is_set() else "not everything was read yet"


def _keeper(settings: Settings, objects: Objects, state: Path) -> Keeper:
    if isinstance(objects, Cluster):
        return SecretKeeper(objects.api, own_namespace(settings.kubernetes), settings.control.ca_secret)
    if not settings.state_dir:
        raise SettingsError("state_dir: without a cluster the authority of nodes is kept there, so it has to be set")
    return Folder(state / "ca")


def _reviewer(settings: Settings, objects: Objects, plane_of: Callable[[str], str | None]) -> Reviewer:
    control = settings.control
    if control.join_token_file:
        return JoinToken(Path(control.join_token_file), wiring.GATEWAY)
    if isinstance(objects, Cluster):
        own = control.node_accounts or (f"{settings.kubernetes.lease_namespace}/sealos-gateway-node",)
        return Accounts(objects.api, control.token_audience, lambda it: wiring.GATEWAY if it in own else plane_of(it))
    raise SettingsError("control.join_token_file: without a cluster nodes need a token that they share")
