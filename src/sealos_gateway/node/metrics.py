"""What a node tells of itself (Prometheus): read when somebody asks.

A dozen numbers without labels are written here in the text format itself; its library would be a tenth of the process.
"""

from __future__ import annotations

from collections.abc import Iterator

from sealos_gateway.clock import Clock
from sealos_gateway.envoy import types
from sealos_gateway.node.membership import Membership
from sealos_gateway.node.relay import Relay
from sealos_gateway.node.store import Store
from sealos_gateway.node.supervisor import Supervisor
from sealos_gateway.node.upstream import Upstream
from sealos_gateway.xds.fleet import Fleet
from sealos_gateway.xds.snapshot import Snapshot


class NodeMetrics:
    """See the text of this module."""

    def __init__(
        self,
        clock: Clock,
        snapshot: Snapshot,
        fleet: Fleet,
        relay: Relay,
        upstream: Upstream,
        membership: Membership,
        store: Store,
        supervisor: Supervisor,
    ) -> None:
        self._clock, self._snapshot, self._fleet, self._relay = clock, snapshot, fleet, relay
        self._upstream, self._membership, self._store = upstream, membership, store
        self._supervisor = supervisor

    def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return "".join(self._lines()).encode()

    def _lines(self) -> Iterator[str]:
        up, held = self._upstream, self._membership.credentials
        age = 0.0 if up.connected else self._clock.monotonic() - up.current_at
        left = (held.not_after - self._clock.now()).total_seconds() if held else 0.0
        rejected = len(self._fleet.rejections())
        for name, words, value in (
            ("connected", "Whether the control plane is followed", float(up.connected)),
            ("revision", "Revision of the control plane that is served", self._relay.revision),
            ("snapshot_complete", "Whether there is one complete revision", float(self._relay.complete.is_set())),
            ("snapshot_stale_seconds", "For how long the control plane has not been followed", age),
            ("snapshot_disk_bytes", "Bytes of the snapshot on disk", self._store.bytes),
            ("snapshot_disk_failing", "Whether the snapshot cannot be kept on disk", float(bool(self._store.problem))),
            ("snapshot_damaged_files", "Files that were found damaged at the start", len(self._store.damage)),
            ("certificate_expiry_seconds", "Until the certificate of this node ends; 0 without one", left),
            ("rejected_resources", "Resources that this Envoy refuses at present", rejected),
            ("hosts", "Hosts served", self._snapshot.count(types.SCOPE)),
        ):
            yield _metric(name, words, "gauge", value)
        for name, words, value in (
            ("control_connections", "Streams from the control plane", up.connections),
            ("enrolments", "Certificates received", self._membership.enrolments),
            ("snapshot_bases", "Times the whole snapshot was written", self._store.bases),
            ("envoy_restarts", "Times Envoy ended by itself", self._supervisor.restarts),
        ):
            yield _metric(f"{name}_total", words, "counter", value)


def _metric(name: str, words: str, type_: str, value: float) -> str:
    name = f"sgw_node_{name}"
    return f"# HELP {name} {words}\n# TYPE {name} {type_}\n{name} {float(value)!r}\n"
