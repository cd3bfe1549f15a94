"""The map: every table, in the order in which they are made, and which Envoy resource each feeds.

```
sources       a table per kind of object                                      tables.sources
ground        what is said before any Secret is looked at: planes of          tables.ground
              Gateways, claims and references, our policies, the world
ingresses     attachments, claimants, names, policies                         tables.ingresses
certificates  Secrets and ConfigMaps in use, checked; certificates            tables.certificates
gateways      listeners judged, their data planes, routes, hosts              tables.gateways
statuses      what is written back, and what of it is wrong                   tables.statuses
hosts         of Ingresses, beside those of Gateways                          tables.hosts
backends      in use, on which planes; clusters and endpoints                 tables.backends
key pairs     what backends are shown, and clients of Gateways                tables.key_pairs
trust         bundles of authorities, where somebody believes them            tables.trust
push          how fast changes may go out                                     tables.push
listeners     of Ingresses, with the names that need TLS of their own         tables.listeners
problems      of Ingresses and of settings                                    tables.statuses
sinks         hosts → scope, routes · backends → cluster · endpoints → load assignment · listeners → listener
              certificates, bundles, key pairs → secrets                      sinks, renderers
```

`tables` and `translate` know nothing of Envoy, `envoy` nothing of tables: they meet here, in `sinks`, in `renderers`.
No I/O, no clock: `publish` is told the time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sealos_gateway import wiring
from sealos_gateway.backend_names import BackendNames
from sealos_gateway.envoy import gateway_listeners, names, reading, tracing
from sealos_gateway.envoy.actions import Context
from sealos_gateway.live import Graph, Read, Rows, Table
from sealos_gateway.model.keys import BackendKey, HostKey
from sealos_gateway.model.problem import Problem
from sealos_gateway.model.traffic import VirtualHost
from sealos_gateway.model.upstream import EndpointSet
from sealos_gateway.renderers import Renderers, serialized
from sealos_gateway.resources import kinds
from sealos_gateway.resources.meta import Ref, Resource
from sealos_gateway.settings import Settings
from sealos_gateway.sinks import BackendSink, HostSink, ListenerSink, PushSink, SecretSink
from sealos_gateway.tables.backends import LastGood, backend_tables
from sealos_gateway.tables.certificates import DefaultCertificate, certificate_tables
from sealos_gateway.tables.gateways import gateway_serving
from sealos_gateway.tables.ground import ground
from sealos_gateway.tables.hosts import host_tables
from sealos_gateway.tables.ingresses import ingress_tables
from sealos_gateway.tables.key_pairs import key_pair_tables
from sealos_gateway.tables.listeners import listener_tables
from sealos_gateway.tables.push import EndpointsTtl, push_tables
from sealos_gateway.tables.statuses import problem_tables, status_tables
from sealos_gateway.tables.trust import trust_tables
from sealos_gateway.translate import everywhere
from sealos_gateway.xds.snapshot import Snapshot


class Pipeline:
    """Objects in (`put`, `drop`), resources out (`snapshot`), after `steps` and `publish`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.rules = wiring.rules(settings)
        self.listener_options = wiring.listener_options(settings)
        self.domain = settings.ingress.cluster_domain
        self.context = Context(
            self.domain, settings.http.https_redirect_port or settings.https_port, self.listener_options.tracing
        )
        self.backend_names = BackendNames(self.domain)
        self.graph = Graph()
        self._objects()
        self._traffic()
        self._sinks()
        self._settings_rows()

    # ---------------------------------------------------------------- tables

    def _objects(self) -> None:
        """What objects say: claims, certificates, routes, and statuses."""
        graph, settings = self.graph, self.settings
        #: Why an Envoy refuses a listener, by its name there.
        self._refused_listeners: Table[str, str] = Table(graph, "refused_listeners")
        self._ground = ground(graph, self.rules, wiring.shared(settings), wiring.provision_options(settings))
        self._ingresses = ingress_tables(graph, self._ground.world)
        self._certificates = certificate_tables(graph, self._ground, self._ingresses)
        self._serving = gateway_serving(graph, self._ground, self._certificates)
        self._statuses = status_tables(
            graph, self._ground, self._serving, self._ingresses.attachments, self._why_refused
        )
        sources = self._ground.sources
        # What others may look at.
        self.ingresses, self.services, self.secrets = sources.ingresses, sources.services, sources.secrets
        self.config_maps, self.gateway_classes = sources.config_maps, sources.gateway_classes
        self.planes, self.gateway_api = self._ground.planes, self._ground.gateway_api
        self.backend_tls, self.own_policies = self._ground.backend_tls, self._ground.policies
        self.world = self._ground.world
        self.attachments, self.policies = self._ingresses.attachments, self._ingresses.policies
        self.certificates, self.pairs = self._certificates.certificates, self._certificates.pairs
        self.secrets_in_use = self._certificates.secrets_in_use
        self.config_maps_in_use = self._certificates.config_maps_in_use
        self.gateway_ports = self._serving.ports
        self.provision, self.routes = self._serving.provision, self._serving.routes
        self.gateway_statuses = self._statuses.by_kind
        self.by_kind = sources.by_kind | self.provision.by_kind

    def _traffic(self) -> None:
        """What Envoys need: hosts, listeners, backends, and how fast they learn of them."""
        graph, serving = self.graph, self._serving
        self._hosts = host_tables(graph, self._ground.world, self._ingresses, serving.routes)
        self._backends = backend_tables(graph, self._ground, self._hosts, serving.routes)
        self._backends.in_use.on_change.append(self.backend_names.changed)
        self._key_pairs = key_pair_tables(graph, self.pairs, self.policies, serving.routes, self._backends)
        believers = (self.policies, serving.routes.listeners)
        self._trust = trust_tables(graph, self._certificates.authorities, self._backends, *believers)
        self._push = push_tables(graph, self._ground)
        self.endpoints_ttl = EndpointsTtl(
            float(self.settings.push.eds_cache_seconds),
            self._push, self._ground, self._hosts, serving.routes, self._backends,
        )  # fmt: skip
        self._listeners = listener_tables(graph, self.certificates, self._hosts.ingress)
        self._problems = problem_tables(graph, self._ground, self._ingresses, self._hosts, self._certificates)
        # What others may look at.
        self.hosts, self.gateway_hosts = self._hosts.ingress, self._hosts.gateway
        self.backends, self.endpoints = self._backends.backends, self._backends.endpoints
        self.client_pairs, self.served_pairs = self._key_pairs.pairs, self._key_pairs.served
        self.last_good, self.bundles = self._backends.last_good, self._trust.bundles
        self.listeners, self.ingress_problems = self._listeners.listeners, self._problems.ingresses

    # ---------------------------------------------------------------- to the wire

    def _sinks(self) -> None:
        settings, of_gateways = self.settings, self.routes.listeners
        push = PushSink(self._push, self.endpoints, self.endpoints_ttl, settings.push.cds_batch_size)
        self._pushing, self.pieces, self.pace = push, push.pieces, push.pace
        renderers = Renderers(
            settings.address, self.listener_options, self.context, self.backend_names, self._hosts, self.listeners,
            of_gateways, self.backends, push.published, self.certificates, self._trust, self._key_pairs,
        )  # fmt: skip
        self.snapshot = Snapshot(names.ORDER, renderers.by_type())
        HostSink(self.snapshot, self._hosts)
        ListenerSink(self.snapshot, self.listeners, of_gateways, self.listener_options.tracing is not None)
        SecretSink(self.snapshot, self.certificates, self._trust, self._key_pairs)
        self._backend_sink = BackendSink(self.snapshot, self.domain, self._backends.planes, self.backends)

    def _settings_rows(self) -> None:
        for listener in wiring.listeners_wanted(self.settings):
            self._listeners.wanted.put(listener.name, listener)
        for pattern, secret in self.rules.default_certificates:
            self._certificates.defaults.put(pattern, DefaultCertificate(pattern, secret))
        if collector := self.listener_options.tracing:
            self.snapshot.put(names.CLUSTER, names.TRACING, serialized(tracing.cluster(collector)))
        if self.rules.on_every_host:
            self._hosts.platform_paths.put(everywhere.KEY, True)

    # ---------------------------------------------------------------- driving it

    def put(self, kind: kinds.Kind, ref: Ref, resource: Resource) -> None:
        """One object as it is now; `ref` is its own (handed in, so that one value serves as key everywhere)."""
        self.by_kind[kind].put(ref, resource)

    def drop(self, kind: kinds.Kind, ref: Ref) -> None:
        """One object that is gone."""
        self.by_kind[kind].drop(ref)

    def steps(self) -> Iterator[None]:
        """Settle in steps of one row; nothing is visible to streams before `publish`."""
        return self.graph.steps()

    def publish(self, now: float | None) -> bool:
        """Commit what has settled and may go out; returns whether any resource changed.

        `now`: seconds of a clock that never goes back; None while no Envoy is served, then nothing is held back.
        """
        for key, row in self._pushing.released(now).items():
            self._backend_sink.release(key, row)
        return self.snapshot.commit()

    def settle(self, now: float | None = None) -> bool:
        """Bring everything up to date and publish it; returns whether any resource changed."""
        self.graph.settle()
        return self.publish(now)

    # ---------------------------------------------------------------- what Envoys refuse

    def keep_last_good(self, refused: Collection[str]) -> None:
        """Hold on to the backends that refused routes named before: they are what goes on being served.

        `refused` are the names of all route configurations that an Envoy refuses at present.
        """
        for name in set(self.last_good.rows).difference(refused):
            self.last_good.drop(name)
        for name in refused:
            row = self.snapshot.peek(names.ROUTES, name)
            if name not in self.last_good.rows and row is not None and row.fallback is not None:
                clusters = reading.clusters(row.fallback.body)
                kept = tuple(self.backend_names.key(cluster) for cluster in clusters)
                self.last_good.put(name, LastGood(kept, names.parse_host(name).gateway))

    def refuse_listeners(self, refused: Mapping[str, str]) -> None:
        """Which listeners some Envoy refuses at present, by name, and in which words."""
        for name in set(self._refused_listeners.rows).difference(refused):
            self._refused_listeners.drop(name)
        for name, words in refused.items():
            self._refused_listeners.put(name, words)

    def _why_refused(self, place: str, read: Read) -> str:
        name = wiring.HTTP if place == wiring.GATEWAY else gateway_listeners.name(place)
        return read(self._refused_listeners, name) or ""

    # ---------------------------------------------------------------- what there is

    def host(self, key: HostKey) -> VirtualHost | None:
        """What answers for a host: Ingresses, Gateways, or both, the more specific match first; an Ingress on a tie."""
        return self._hosts.get(key)

    def host_keys(self) -> set[HostKey]:
        """Every host that somebody answers for."""
        return self._hosts.keys()

    def published_endpoints(self, key: BackendKey) -> EndpointSet | None:
        """The endpoints of a backend as Envoys get them: those that are held back are not in it."""
        return self._pushing.published(key)

    def problems(self) -> list[Problem]:
        """Every problem of every object, in a stable order."""
        tables: tuple[Rows[Any, tuple[Problem, ...]], ...] = (
            self.ingress_problems, self._problems.settings, *self._statuses.problems
        )  # fmt: skip
        found = [problem for table in tables for row in table.rows.values() for problem in row]
        found += [problem for row in self._push.said() for problem in row.problems]
        return sorted(found)
