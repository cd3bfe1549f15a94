"""Which hosts had traffic lately: they are sent to the next Envoy that starts, without being asked for.

Kept in a small file, so that a restart of everything still knows. Losing it costs a few milliseconds on the first
request of each host, nothing else; so a full or read-only disk is a warning.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from sealos_gateway.envoy import reading, types
from sealos_gateway.xds.snapshot import Snapshot

log = logging.getLogger(__name__)


class _File(msgspec.Struct):
    hosts: list[str] = []


class HotHosts:
    """Names of hosts, at most `most`. What they need is read from the resources themselves."""

    def __init__(self, path: Path, most: int, snapshot: Snapshot) -> None:
        self._path = path
        self._most = most
        self._snapshot = snapshot
        self._read: dict[str, tuple[str, tuple[str, ...]]] = {}  # routes -> version, clusters: parsed once
        self._held = _File()
        self._saved = _File()
        self._warned = False

    def load(self) -> None:
        """Read the file; one that is missing or damaged means that nothing is hot."""
        try:
            self._held = msgspec.json.decode(self._path.read_bytes(), type=_File)
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s is ignored: %s", self._path, error)

    def save(self) -> None:
        """Write the file if it would differ."""
        if self._held == self._saved:
            return
        try:
            fresh = self._path.with_suffix(".new")
            fresh.write_bytes(msgspec.json.encode(self._held))
            fresh.replace(self._path)
        except OSError as error:
            if not self._warned:
                log.warning("%s cannot be written (%s): after a restart every host starts cold", self._path, error)
            self._warned = True
            return
        self._saved, self._warned = self._held, False

    def update(self, loaded: Iterable[str], used_clusters: frozenset[str]) -> None:
        """Remember those of the loaded hosts whose clusters had traffic since that Envoy started."""
        busy = [name for name in loaded if used_clusters.intersection(self._clusters(name))]
        if busy:
            self._held = _File(busy[max(0, len(busy) - self._most) :])

    def by_type(self) -> Mapping[str, frozenset[str]]:
        """What to send without being asked: scopes of hot hosts that still exist, and their clusters."""
        existing = [name for name in self._held.hosts if self._exists(name)]
        clusters = frozenset(cluster for name in existing for cluster in self._clusters(name))
        scopes = frozenset(types.scope(name) for name in existing)
        return {types.SCOPE: scopes, types.CLUSTER: clusters}

    def everything(self) -> Mapping[str, frozenset[str]]:
        """All hosts and all clusters, for a gateway small enough."""
        return {type_: frozenset(self._snapshot.names(type_)) for type_ in (types.SCOPE, types.CLUSTER)}

    def _exists(self, name: str) -> bool:
        row = self._snapshot.peek(types.ROUTES, name)
        return row is not None and row.alive

    def _clusters(self, name: str) -> tuple[str, ...]:
        row = self._snapshot.row(types.ROUTES, name) if self._exists(name) else None
        if row is None or not isinstance(row.body, bytes):
            self._read.pop(name, None)
            return ()
        version, found = self._read.get(name, ("", ()))
        if version != row.version:
            found = tuple(reading.clusters(row.body))
            self._read[name] = (row.version, found)
        return found
