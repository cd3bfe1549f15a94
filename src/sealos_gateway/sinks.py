"""From changed rows to changed resources: which resource each row feeds, and on which data planes that belongs.

```
hosts → scope, routes     listeners → listener     backends → cluster     endpoints → load assignment, by way of `pace`
certificates, bundles, key pairs → secrets
```

Sinks are not tables: they mark a resource as changed, and its bytes are made when an Envoy asks for it
(`renderers`), so a host that nobody visits costs no protobuf. No I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sealos_gateway.backend_planes import OWN_PLANE, BackendPlanes
from sealos_gateway.envoy import gateway_listeners, names, routes, types
from sealos_gateway.live import Rows
from sealos_gateway.model.gateway_listener import GatewayListener
from sealos_gateway.model.keys import BackendKey, HostKey
from sealos_gateway.model.traffic import VirtualHost
from sealos_gateway.model.upstream import Backend, Certificate, EndpointSet, cannot_wait
from sealos_gateway.renderers import serialized
from sealos_gateway.resources.meta import Ref
from sealos_gateway.tables.hosts import HostTables
from sealos_gateway.tables.key_pairs import KeyPairTables
from sealos_gateway.tables.listeners import ListenerRow
from sealos_gateway.tables.push import PushTables
from sealos_gateway.tables.trust import TrustTables
from sealos_gateway.translate.gateway_api import places
from sealos_gateway.translate.push import batch_size
from sealos_gateway.xds.pace import Pace, Ttl
from sealos_gateway.xds.snapshot import Snapshot


class HostSink:
    """Hosts: a scope, which says that the host exists, and its routes."""

    def __init__(self, snapshot: Snapshot, hosts: HostTables) -> None:
        self._snapshot, self._hosts = snapshot, hosts
        hosts.ingress.on_change.append(self._changed)
        hosts.gateway.on_change.append(self._changed)

    def _changed(self, key: HostKey, _row: VirtualHost | None) -> None:
        snapshot, name = self._snapshot, names.host(key)
        plane = frozenset({places.plane_of(key.gateway)})
        if plane != OWN_PLANE:
            snapshot.place(names.SCOPE, names.scope(key), plane)
            snapshot.place(names.ROUTES, name, plane)
        if self._hosts.get(key) is None:
            snapshot.drop(names.SCOPE, names.scope(key))
            snapshot.drop(names.ROUTES, name)
        else:
            snapshot.put(names.SCOPE, names.scope(key), serialized(routes.host_scope(key)))
            snapshot.touch(names.ROUTES, name)


class BackendSink:
    """Backends: a cluster and its endpoints, for the data planes of whoever routes there."""

    def __init__(
        self, snapshot: Snapshot, domain: str, planes: BackendPlanes, backends: Rows[BackendKey, Backend]
    ) -> None:
        self._snapshot, self._domain, self._planes = snapshot, domain, planes
        planes.on_change.append(self._moved)
        backends.on_change.append(partial(self._changed, names.CLUSTER))

    def release(self, key: BackendKey, row: EndpointSet | None) -> None:
        """Endpoints that may go out now."""
        self._changed(names.ENDPOINTS, key, row)

    def _changed(self, type_url: str, key: BackendKey, row: Backend | EndpointSet | None) -> None:
        snapshot, name = self._snapshot, names.backend(key, self._domain)
        if row is None:
            snapshot.drop(type_url, name)
        else:
            snapshot.touch(type_url, name)
            planes = self._planes.of(key)
            if snapshot.placement.planes(type_url, name) != planes:  # it may come back for somebody else
                snapshot.place(type_url, name, planes)

    def _moved(self, key: BackendKey, planes: frozenset[str]) -> None:
        name = names.backend(key, self._domain)
        self._snapshot.place(names.CLUSTER, name, planes)
        self._snapshot.place(names.ENDPOINTS, name, planes)


class ListenerSink:
    """Listeners, each at once; and the collector of spans, wherever there is one."""

    def __init__(
        self,
        snapshot: Snapshot,
        own: Rows[str, ListenerRow],
        of_gateways: Rows[str, GatewayListener],
        traced: bool,
    ) -> None:
        self._snapshot, self._traced = snapshot, traced
        #: The data planes that know the collector.
        self._tracing = OWN_PLANE
        own.on_change.append(self._changed)
        of_gateways.on_change.append(self._gateway_changed)

    def _changed(self, name: str, row: ListenerRow | None) -> None:
        if row is None:
            self._snapshot.drop(names.LISTENER, name)
        else:
            self._snapshot.touch(names.LISTENER, name, lazy=False)

    def _gateway_changed(self, place: str, row: GatewayListener | None) -> None:
        snapshot, name = self._snapshot, gateway_listeners.name(place)
        if row is None:
            snapshot.drop(names.LISTENER, name)
            return
        plane = places.plane_of(place)
        snapshot.place(names.LISTENER, name, frozenset({plane}))
        snapshot.touch(names.LISTENER, name, lazy=False)
        if self._traced:
            self._tracing |= {plane}
            snapshot.place(names.CLUSTER, names.TRACING, self._tracing)


class SecretSink:
    """Certificates that clients are shown, bundles of authorities, and key pairs by Secret or by server name."""

    def __init__(
        self, snapshot: Snapshot, certificates: Rows[str, Certificate], trust: TrustTables, pairs: KeyPairTables
    ) -> None:
        self._snapshot = snapshot
        certificates.on_change.append(self._certificate_changed)
        trust.planes.on_change.append(lambda key, planes: self._place(names.trust(*key), planes))
        trust.bundles.on_change.append(lambda key, row: self._changed(names.trust(*key), row, trust.planes.get(key)))
        pairs.planes.on_change.append(lambda ref, planes: self._place(names.client_pair(ref), planes))
        pairs.pairs.on_change.append(lambda ref, row: self._changed(names.client_pair(ref), row, pairs.planes.get(ref)))
        pairs.served.on_change.append(lambda name, row: self._changed(types.served(*name), row, frozenset({name[0]})))

    def _certificate_changed(self, pattern: str, row: Certificate | None) -> None:
        pairs = row.pairs if row else ()
        present = {names.pair(pattern, pair.algorithm) for pair in pairs} if len(pairs) > 1 else set()
        if pairs:
            present.add(pattern)
        for name in (pattern, *(names.pair(pattern, algorithm) for algorithm in ("ecdsa", "rsa"))):
            if name in present:
                self._snapshot.touch(names.SECRET, name)
            else:
                self._snapshot.drop(names.SECRET, name)

    def _changed(self, name: str, row: object, planes: frozenset[str] | None) -> None:
        if row is None:
            self._snapshot.drop(names.SECRET, name)
        else:
            self._snapshot.touch(names.SECRET, name)
            self._place(name, planes)

    def _place(self, name: str, planes: frozenset[str] | None) -> None:
        if planes is not None:
            self._snapshot.place(names.SECRET, name, planes)


class PushSink:
    """Endpoints, by way of `pace`, which may hold additions back (decision 015); and the size of responses."""

    def __init__(
        self, push: PushTables, endpoints: Rows[BackendKey, EndpointSet], ttl: Callable[[], Ttl[BackendKey]], batch: int
    ) -> None:
        self._push, self._endpoints, self._ttl, self._batch = push, endpoints, ttl, batch
        #: Most resources of one response, by their type.
        self.pieces = {names.CLUSTER: batch}
        self.pace: Pace[BackendKey, EndpointSet] = Pace(cannot_wait)
        self._said_changed = False
        endpoints.on_change.append(self.pace.offer)
        push.classes.on_change.append(self._changed)
        push.gateways.on_change.append(self._changed)

    def _changed(self, _ref: Ref, _row: object) -> None:
        self.pieces[names.CLUSTER] = batch_size(self._push.said(), self._batch)
        self._said_changed = True

    def released(self, now: float | None) -> dict[BackendKey, EndpointSet | None]:
        """What may go out now; None while no Envoy is served, then nothing is held back."""
        ttl = self._ttl()
        if self._said_changed:
            self._said_changed = False
            self.pace.rethink(ttl)
        return self.pace.release(now, ttl)

    def published(self, key: BackendKey) -> EndpointSet | None:
        """The endpoints of a backend as Envoys get them: those that are held back are not in it."""
        return self.pace.published(key) or self._endpoints.get(key)
