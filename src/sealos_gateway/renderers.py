"""Rows as bytes, when an Envoy asks for a resource by its name. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sealos_gateway.backend_names import BackendNames
from sealos_gateway.envoy import gateway_listeners, listeners, names, routes, secrets, upstreams
from sealos_gateway.envoy.actions import Context
from sealos_gateway.live import Rows
from sealos_gateway.model.gateway_listener import GatewayListener
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.upstream import Backend, Certificate, EndpointSet
from sealos_gateway.tables.hosts import HostTables
from sealos_gateway.tables.key_pairs import KeyPairTables
from sealos_gateway.tables.listeners import ListenerRow
from sealos_gateway.tables.trust import TrustTables
from sealos_gateway.translate.gateway_api import places

#: Where data planes listen that are not the gateway's own nodes.
_EVERYWHERE = "0.0.0.0"


@dataclass(frozen=True)
class Renderers:
    """One function per type of resource: its name to its bytes, None where there is none of that name."""

    #: Where the gateway's own nodes listen.
    address: str
    options: listeners.Options
    context: Context
    backend_names: BackendNames
    hosts: HostTables
    listeners: Rows[str, ListenerRow]
    gateway_listeners: Rows[str, GatewayListener]
    backends: Rows[BackendKey, Backend]
    #: Endpoints as Envoys get them.
    published: Callable[[BackendKey], EndpointSet | None]
    certificates: Rows[str, Certificate]
    trust: TrustTables
    key_pairs: KeyPairTables

    def by_type(self) -> dict[str, Callable[[str], bytes | None]]:
        """All of them, by the type of the resource."""
        return {
            names.CLUSTER: self.cluster,
            names.ENDPOINTS: self.endpoints,
            names.SECRET: self.secret,
            names.ROUTES: self.routes,
            names.LISTENER: self.listener,
        }

    def listener(self, name: str) -> bytes | None:
        """envoy.config.listener.v3.Listener."""
        if own := self.listeners.get(name):
            return serialized(listeners.listener(own[0], self.options, own[1]))
        row = self.gateway_listeners.get(gateway_listeners.place(name))
        if row is None:
            return None
        address = _EVERYWHERE if places.plane_of(row.place) else self.address
        return serialized(gateway_listeners.listener(row, address, self.options))

    def cluster(self, name: str) -> bytes | None:
        """envoy.config.cluster.v3.Cluster."""
        row = self.backends.get(self.backend_names.key(name))
        return serialized(upstreams.cluster(row, self.context.domain)) if row else None

    def endpoints(self, name: str) -> bytes | None:
        """envoy.config.endpoint.v3.ClusterLoadAssignment."""
        row = self.published(self.backend_names.key(name))
        return serialized(upstreams.load_assignment(row, self.context.domain)) if row else None

    def routes(self, name: str) -> bytes | None:
        """envoy.config.route.v3.RouteConfiguration."""
        row = self.hosts.get(names.parse_host(name))
        return serialized(routes.route_configuration(row, self.context)) if row else None

    def secret(self, name: str) -> bytes | None:
        """envoy.extensions.transport_sockets.tls.v3.Secret: a bundle, a shown key pair, or what clients are shown."""
        if origins := names.parse_trust(name):
            bundle = self.trust.bundles.get(origins)
            return serialized(secrets.trust(bundle)) if bundle else None
        if ref := names.parse_client_pair(name):
            found = self.key_pairs.pairs.get(ref)
            return serialized(secrets.secret(found)) if found else None
        if served := names.parse_served(name):
            found = self.key_pairs.served.get(served)
            return serialized(secrets.secret(found)) if found else None
        algorithm, _, pattern = name.rpartition("/")
        row = self.certificates.get(pattern)
        pairs = [pair for pair in (row.pairs if row else ()) if algorithm in ("", pair.algorithm)]
        return serialized(secrets.secret(pairs[0])) if pairs else None


def serialized(message: Any) -> bytes:
    """The same message is always the same bytes."""
    return bytes(message.SerializeToString(deterministic=True))
