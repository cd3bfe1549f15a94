"""The map: every table, every derivation, and which Envoy resource each feeds.

```
sources       ingresses, ingress_classes, services, slices, secrets, namespaces, config_maps      Table per kind
attachments   over ingresses: the hosts and server names an Ingress of our class claims           Derived
claimants     over attachments: HostKey → Ingresses           names: server name → Ingresses       Index
policies      over attachments: what the annotations of an Ingress say                             Derived
authorities   over Secrets and ConfigMaps that policies name: a checked list of CA certificates      Derived
pairs         over secrets in use: a Secret as a checked key pair                                  Derived
certificates  over server name patterns                                                            Derived
everywhere    one row: the routes of what the platform answers on every host                       Derived
hosts         over claimants: HostKey → VirtualHost                                                Derived
backends      over the backends that hosts name;  endpoints: the same keys                         Derived
listeners     over the listeners that settings ask for                                             Derived
problems      over ingresses: what is wrong with each                                              Derived
class_push    over ingress_classes: how fast changes may reach Envoy                               Derived
gateway_push  over gateways: the same                                                              Derived
sinks         hosts → scope, routes · backends → cluster · endpoints → load assignment · certificates → secrets
```

The only place where `translate` and `envoy` meet. Sinks are not tables: they mark a resource as changed, and its bytes
are made when an Envoy asks for it, so a host that nobody visits costs no protobuf. Endpoints pass `pace` on their way,
which may hold additions back (decision 015). No I/O, no clock: `publish` is told the time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sealos_gateway import wiring
from sealos_gateway.backend_names import BackendNames
from sealos_gateway.backend_planes import OWN_PLANE, BackendPlanes, Use
from sealos_gateway.envoy import gateway_listeners, names, routes, secrets, tracing, upstreams
from sealos_gateway.envoy import listeners as envoy_listeners
from sealos_gateway.envoy.actions import Context
from sealos_gateway.live import Count, Derived, Graph, Index, Read, Readable, Rows, Table
from sealos_gateway.model import traffic
from sealos_gateway.model.client_tls import OwnContext
from sealos_gateway.model.gateway_listener import GatewayListener
from sealos_gateway.model.keys import BackendKey, HostKey
from sealos_gateway.model.problem import Problem
from sealos_gateway.model.traffic import Listener, VirtualHost
from sealos_gateway.model.upstream import Backend, Certificate, EndpointSet, KeyPair, TrustBundle, cannot_wait
from sealos_gateway.provision import tables as provision
from sealos_gateway.provision.plan import Port
from sealos_gateway.resources import core, ingress, kinds
from sealos_gateway.resources.annotations.general import DEFAULT_CLASS
from sealos_gateway.resources.gateway_api import gateways
from sealos_gateway.resources.gateway_api import policies as gateway_policies
from sealos_gateway.resources.gateway_api import routes as gateway_routes
from sealos_gateway.resources.meta import Origin, Ref, Resource
from sealos_gateway.resources.policies.backend import BackendPolicy
from sealos_gateway.resources.policies.security import SecurityPolicy
from sealos_gateway.resources.policies.traffic import TrafficPolicy
from sealos_gateway.settings import Settings
from sealos_gateway.translate import certificates, everywhere, push, statuses, trust, virtual_hosts
from sealos_gateway.translate import ingress as ingresses
from sealos_gateway.translate import upstreams as translate_upstreams
from sealos_gateway.translate.annotations import policies
from sealos_gateway.translate.gateway_api import places
from sealos_gateway.translate.gateway_api import problems as gateway_problems
from sealos_gateway.translate.gateway_api.backend_tls_tables import BackendTlsTables
from sealos_gateway.translate.gateway_api.listeners import ListenerRow as GatewayListenerRow
from sealos_gateway.translate.gateway_api.references import References
from sealos_gateway.translate.gateway_api.route_tables import RouteTables
from sealos_gateway.translate.gateway_api.tables import GatewayTables
from sealos_gateway.translate.policies.said import Said
from sealos_gateway.translate.policies.tables import PolicyTables
from sealos_gateway.translate.world import World
from sealos_gateway.xds.pace import Pace
from sealos_gateway.xds.planes import OWN
from sealos_gateway.xds.snapshot import Snapshot

#: A listener with the server names that need a TLS context of their own, and the algorithms of each.
ListenerRow = tuple[Listener, tuple[OwnContext, ...]]


_EVERYWHERE = "0.0.0.0"
#: Authorities that are believed together, of which any will do; and a data plane where that is.
Bundle = tuple[Origin, ...]
Believed = tuple[Bundle, str]


@dataclass(frozen=True)
class DefaultCertificate:
    """A default certificate that settings ask for."""

    pattern: str
    secret: Ref

    @property
    def server_names(self) -> tuple[tuple[str, Ref], ...]:
        return ((self.pattern, self.secret),)


@dataclass(frozen=True)
class LastGood:
    """The backends of routes that an Envoy goes on serving because it refused newer ones."""

    backends: tuple[BackendKey, ...]
    #: The gateway, or place, of their host.
    gateway: str


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
        self.pieces = {names.CLUSTER: settings.push.cds_batch_size}
        self.pace: Pace[BackendKey, EndpointSet] = Pace(cannot_wait)
        self._pace_changed = False
        self.graph = Graph()
        self.backend_names = BackendNames(self.domain)
        self.backend_planes = BackendPlanes()
        self._traced = OWN_PLANE
        self._sources()
        self._derivations()
        self.snapshot = Snapshot(names.ORDER, self._renderers())
        self._sinks()
        self._settings_rows()

    # ---------------------------------------------------------------- tables

    def _sources(self) -> None:
        graph = self.graph
        self.ingresses: Table[Ref, ingress.Ingress] = Table(graph, "ingresses")
        self.ingress_classes: Table[Ref, ingress.IngressClass] = Table(graph, "ingress_classes")
        self.services: Table[Ref, core.Service] = Table(graph, "services")
        self.slices: Table[Ref, core.EndpointSlice] = Table(graph, "slices")
        self.secrets: Table[Ref, core.Secret] = Table(graph, "secrets")
        self.namespaces: Table[Ref, core.Namespace] = Table(graph, "namespaces")
        self.config_maps: Table[Ref, core.ConfigMap] = Table(graph, "config_maps")
        self.gateway_classes: Table[Ref, gateways.GatewayClass] = Table(graph, "gateway_classes")
        self.gateways: Table[Ref, gateways.Gateway] = Table(graph, "gateways")
        self.listener_sets: Table[Ref, gateways.ListenerSet] = Table(graph, "listener_sets")
        self.http_routes: Table[Ref, gateway_routes.HTTPRoute] = Table(graph, "http_routes")
        self.grpc_routes: Table[Ref, gateway_routes.GRPCRoute] = Table(graph, "grpc_routes")
        self.tls_routes: Table[Ref, gateway_routes.TLSRoute] = Table(graph, "tls_routes")
        self.tcp_routes: Table[Ref, gateway_routes.TCPRoute] = Table(graph, "tcp_routes")
        self.udp_routes: Table[Ref, gateway_routes.UDPRoute] = Table(graph, "udp_routes")
        self.reference_grants: Table[Ref, gateway_policies.ReferenceGrant] = Table(graph, "reference_grants")
        self.backend_tls_policies: Table[Ref, gateway_policies.BackendTLSPolicy] = Table(graph, "backend_tls_policies")
        self.traffic_policies: Table[Ref, TrafficPolicy] = Table(graph, "traffic_policies")
        self.backend_policies: Table[Ref, BackendPolicy] = Table(graph, "backend_policies")
        self.security_policies: Table[Ref, SecurityPolicy] = Table(graph, "security_policies")
        self.by_kind: dict[kinds.Kind, Table[Ref, Any]] = {
            kinds.INGRESS: self.ingresses,
            kinds.INGRESS_CLASS: self.ingress_classes,
            kinds.SERVICE: self.services,
            kinds.ENDPOINT_SLICE: self.slices,
            kinds.SECRET: self.secrets,
            kinds.NAMESPACE: self.namespaces,
            kinds.CONFIG_MAP: self.config_maps,
            kinds.GATEWAY_CLASS: self.gateway_classes,
            kinds.GATEWAY: self.gateways,
            kinds.LISTENER_SET: self.listener_sets,
            kinds.HTTP_ROUTE: self.http_routes,
            kinds.GRPC_ROUTE: self.grpc_routes,
            kinds.TLS_ROUTE: self.tls_routes,
            kinds.TCP_ROUTE: self.tcp_routes,
            kinds.UDP_ROUTE: self.udp_routes,
            kinds.REFERENCE_GRANT: self.reference_grants,
            kinds.BACKEND_TLS_POLICY: self.backend_tls_policies,
            kinds.TRAFFIC_POLICY: self.traffic_policies,
            kinds.BACKEND_POLICY: self.backend_policies,
            kinds.SECURITY_POLICY: self.security_policies,
        }
        self.planes = provision.Planes(
            graph, wiring.provision_options(self.settings), self.gateway_classes, self.gateways
        )
        self.gateway_api = GatewayTables(
            graph, self.planes.rows, self.gateways, self.listener_sets, self.namespaces, self.reference_grants,
            wiring.shared(self.settings),
        )  # fmt: skip
        self.backend_tls = BackendTlsTables(graph, self.backend_tls_policies, self.services)
        self.last_good: Table[str, LastGood] = Table(graph, "last_good")
        #: Why an Envoy refuses a listener, by its name there.
        self.refused_listeners: Table[str, str] = Table(graph, "refused_listeners")
        self.wanted_listeners: Table[str, Listener] = Table(graph, "wanted_listeners")
        self.default_certificates: Table[str, DefaultCertificate] = Table(graph, "default_certificates")
        self.platform_paths: Table[str, bool] = Table(graph, "platform_paths")

    def _derivations(self) -> None:
        graph = self.graph
        default_classes = Index(graph, "default_classes", _default_class, self.ingress_classes)
        slices_by_service = Index(graph, "slices_by_service", _slice_service, self.slices)
        self.world = World(
            self.rules, self.ingresses, self.ingress_classes, default_classes,
            self.services, self.slices, slices_by_service, self.secrets, self.config_maps, self.namespaces,
        )  # fmt: skip
        self.own_policies = PolicyTables(
            graph, self.world, self.gateway_api.world,
            {
                kinds.TRAFFIC_POLICY.name: self.traffic_policies,
                kinds.SECURITY_POLICY.name: self.security_policies,
                kinds.BACKEND_POLICY.name: self.backend_policies,
            },
            {
                kinds.GATEWAY.name: self.gateways,
                kinds.LISTENER_SET.name: self.listener_sets,
                kinds.HTTP_ROUTE.name: self.http_routes,
                kinds.GRPC_ROUTE.name: self.grpc_routes,
                kinds.INGRESS.name: self.ingresses,
                kinds.SERVICE.name: self.services,
            },
        )  # fmt: skip
        self.world = replace(self.world, attached=self.own_policies.attached)

        def derived(name: str, function: Callable[..., Any], over: Rows[Any, Any], *others: Any) -> Any:
            def compute(key: Any, read: Read) -> Any:
                return function(key, read, self.world, *others)

            return Derived(graph, name, compute, over)

        self.attachments: Derived[Ref, ingresses.Attachment] = derived(
            "attachments", ingresses.attachment, self.ingresses
        )
        self.claimants: Index[HostKey, Ref] = Index(graph, "claimants", lambda a: a.hosts, self.attachments)
        self.names: Index[str, Ref] = Index(graph, "names", _server_names, self.attachments)
        self.policies: Derived[Ref, policies.IngressPolicy] = derived(
            "policies", policies.ingress_policy, self.attachments
        )
        sources: tuple[Rows[Any, Any], ...] = (self.attachments, self.default_certificates)
        patterns = Index(graph, "patterns", _server_names, *sources)
        self.secrets_in_use: Index[Ref, Any] = Index(graph, "secrets_in_use", _secrets, *sources)
        own: tuple[Rows[Any, Any], ...] = tuple(self.own_policies.said.values())
        referring: tuple[Rows[Any, Any], ...] = (
            self.policies, self.gateway_api.references, self.gateway_api.set_references, self.backend_tls.references,
            *own,
        )  # fmt: skip
        for rows in referring:
            self.secrets_in_use.also(rows)
        self.config_maps_in_use = Index(graph, "config_maps_in_use", lambda row: row.config_maps, self.policies)
        authorities_in_use = Index(graph, "authorities_in_use", lambda row: row.authorities, self.policies)
        for rows in (self.gateway_api.references, self.backend_tls.references, *own):
            self.config_maps_in_use.also(rows)
            authorities_in_use.also(rows)
        self.authorities: Derived[Origin, trust.Loaded] = derived("authorities", trust.load, authorities_in_use)
        self.pairs: Derived[Ref, certificates.Loaded] = derived("pairs", certificates.load, self.secrets_in_use)
        self.certificates: Derived[str, Certificate] = derived(
            "certificates", certificates.certificate, patterns,
            self.names, self.pairs, self.attachments, self.claimants,
        )  # fmt: skip
        self._gateways()
        platform: Derived[str, everywhere.Everywhere] = derived(
            "everywhere", everywhere.everywhere, self.platform_paths, self.attachments, self.policies
        )
        self.hosts: Derived[HostKey, VirtualHost] = derived(
            "hosts", virtual_hosts.virtual_host, self.claimants, self.claimants, self.names, self.policies, platform
        )
        placed: tuple[Rows[Any, Any], ...] = (self.gateway_hosts, self.routes.listeners, self.last_good)
        uses: Count[Use] = Count(graph, "uses", _uses, *placed)
        uses.on_change.append(self.backend_planes.counted)
        holders: tuple[Rows[Any, Any], ...] = (self.hosts, self.last_good)
        self.in_use: Index[BackendKey, Any] = Index(graph, "backends_in_use", _backends, *holders)
        self.in_use.also(self.gateway_hosts)
        self.in_use.also(self.routes.listeners)
        self.in_use.on_change.append(self.backend_names.changed)
        self.in_use.on_change.append(self._backend_moved)
        self.backends: Derived[BackendKey, Backend] = derived(
            "backends", translate_upstreams.backend, self.in_use, self.backend_tls.asked
        )
        self._trust()
        self.endpoints: Derived[BackendKey, EndpointSet] = derived(
            "endpoints", translate_upstreams.endpoint_set, self.in_use
        )
        self.class_push: Derived[Ref, push.Pace] = derived("class_push", push.of_class, self.ingress_classes)
        side_by_side = Index(graph, "side_by_side", _side_by_side, self.certificates)
        own_tls: Index[str, HostKey] = Index(graph, "own_tls", _own_tls, self.hosts)
        self.listeners: Derived[str, ListenerRow] = Derived(
            graph,
            "listeners",
            partial(self._listener_row, side_by_side=side_by_side, own_tls=own_tls),
            self.wanted_listeners,
        )
        self.ingress_problems: Derived[Ref, tuple[Problem, ...]] = derived(
            "ingress_problems", statuses.ingress_problems, self.ingresses,
            self.attachments, self.hosts, self.certificates, self.policies,
        )  # fmt: skip
        self.setting_problems: Derived[str, tuple[Problem, ...]] = Derived(
            graph, "setting_problems", self._setting_problems, self.default_certificates
        )

    def _trust(self) -> None:
        """Bundles of authorities: one for all that are believed in one place, on the data planes where that is; and key
        pairs that somebody shows under the name of their Secret."""
        graph = self.graph
        self.shown_pairs: Index[Ref, Any] = Index(graph, "shown_pairs", _shown, self.policies)
        for rows in (self.gateway_api.references, self.gateway_api.set_references, self.backends):
            self.shown_pairs.also(rows)
        self.client_pairs: Derived[Ref, KeyPair] = Derived(
            graph, "client_pairs", lambda ref, read: _pair(read(self.pairs, ref)), self.shown_pairs
        )
        self.pair_planes: Derived[Ref, frozenset[str]] = self._planes_of("pair_planes", self.shown_pairs)
        believed: Derived[BackendKey, tuple[Believed, ...]] = Derived(graph, "believed", self._believed, self.backends)
        # Counted: thousands of backends may believe one list, and each that comes or goes must cost the same.
        believers: tuple[Rows[Any, Any], ...] = (self.policies, self.routes.listeners, believed)
        count: Count[Believed] = Count(graph, "believing", _believing, *believers)
        places_: Derived[Believed, Believed] = Derived(graph, "believed_places", lambda key, _: key, count)
        self.bundles_in_use: Index[Bundle, Believed] = Index(graph, "bundles_in_use", lambda it: (it[0],), places_)
        self.bundles: Derived[Bundle, TrustBundle] = Derived(
            graph, "bundles", lambda key, read: trust.bundle(key, read, self.authorities), self.bundles_in_use
        )
        self.bundle_planes: Derived[Bundle, frozenset[str]] = Derived(
            graph, "bundle_planes", self._bundle_planes, self.bundles_in_use
        )

    def _believed(self, key: BackendKey, read: Read) -> tuple[Believed, ...] | None:
        """What a backend is checked against, on each data plane where it is."""
        row = read(self.backends, key)
        if row is None or row.tls is None or not row.tls.authorities or not read(self.in_use, key):
            return None
        return tuple((row.tls.authorities, plane) for plane in sorted(self.backend_planes.of(key)))  # it follows in_use

    def _bundle_planes(self, key: Bundle, read: Read) -> frozenset[str]:
        return frozenset(plane for _, plane in read(self.bundles_in_use, key) or ())

    def _gateways(self) -> None:
        """Listeners of Gateways, what has to run for them, and their status."""
        graph = self.graph
        self.gateway_api.judge(self.pairs, self.authorities)
        self.backend_tls.judge(self.authorities)
        self.gateway_ports: Derived[Ref, tuple[Port, ...]] = Derived(
            graph, "gateway_ports", self._gateway_ports, self.gateways
        )
        self.provision = provision.Tables(graph, provision.Sources(self.planes, self.config_maps, self.gateway_ports))
        self.by_kind |= self.provision.by_kind
        by_kind: dict[str, Rows[Ref, Any]] = {
            "HTTPRoute": self.http_routes,
            "GRPCRoute": self.grpc_routes,
            "TLSRoute": self.tls_routes,
            "TCPRoute": self.tcp_routes,
            "UDPRoute": self.udp_routes,
        }
        self.routes = RouteTables(
            graph, self.gateway_api, self.planes.rows, self.world, by_kind,
            self.settings.gateway_api.controller, wiring.shared(self.settings),
        )  # fmt: skip
        self.gateway_hosts = self.routes.hosts
        self.gateway_push: Derived[Ref, push.Pace] = Derived(
            graph, "gateway_push", lambda ref, read: push.of_gateway(ref, read, self.gateway_api.world), self.gateways
        )
        self.gateway_api.tell(self.provision.deployed, self.routes.counts, self._refused)
        route_statuses = self.routes.tell({})
        self.backend_tls.tell(self.routes.reach, self.settings.gateway_api.controller)
        policy_statuses = self.own_policies.tell(
            self.settings.gateway_api.controller,
            {
                kinds.INGRESS.name: self.attachments,
                kinds.GATEWAY.name: self.gateway_api.claims,
                kinds.LISTENER_SET.name: self.gateway_api.set_claims,
                **{kind: self.routes.attached[kind] for kind in (kinds.HTTP_ROUTE.name, kinds.GRPC_ROUTE.name)},
            },
        )
        #: What is to be written into `status`, by kind of the Gateway API; conditions without times.
        self.gateway_statuses: dict[kinds.Kind, Derived[Ref, Any]] = {
            kinds.GATEWAY_CLASS: self.provision.class_statuses,
            kinds.GATEWAY: self.gateway_api.statuses,
            kinds.LISTENER_SET: self.gateway_api.set_statuses,
            **{kind: route_statuses[kind.name] for kind in kinds.ROUTES},
            **{kind: policy_statuses[kind.name] for kind in kinds.POLICIES},
        }
        #: Only of objects that have some: whoever asks for all problems does not look at every route.
        self.gateway_problems = [self._problems_of(kind, rows) for kind, rows in self.gateway_statuses.items()]
        self.gateway_statuses[kinds.BACKEND_TLS_POLICY] = self.backend_tls.statuses
        self.gateway_problems.append(self.backend_tls.problems)

    def _problems_of(self, kind: kinds.Kind, statuses: Rows[Ref, Any]) -> Derived[Ref, tuple[Problem, ...]]:
        def compute(ref: Ref, read: Read) -> tuple[Problem, ...] | None:
            return tuple(gateway_problems.of_status(Origin(kind.name, ref), read(statuses, ref))) or None

        return Derived(self.graph, f"problems_{kind.plural}", compute, statuses)

    def _gateway_ports(self, ref: Ref, read: Read) -> tuple[Port, ...] | None:
        found = read(self.gateway_api.ports_in_use, ref) or ()
        return tuple(sorted(Port(number, protocol) for _, number, protocol in found))

    def _listener_row(
        self, name: str, read: Read, side_by_side: Index[str, str], own_tls: Index[str, HostKey]
    ) -> ListenerRow | None:
        listener = read(self.wanted_listeners, name)
        if listener is None:
            return None
        if not listener.tls:
            return listener, ()
        hosts = {key.host: key for key in read(own_tls, listener.gateway) or ()}
        found = []
        for name in sorted({*(read(side_by_side, "all") or ()), *hosts}):
            pairs = row.pairs if (row := read(self.certificates, name)) else ()
            host = read(self.hosts, hosts[name]) if name in hosts else None
            algorithms = tuple(pair.algorithm for pair in pairs) if len(pairs) > 1 else ()
            if algorithms or host is not None:
                found.append(OwnContext(name, algorithms, host.client_tls if host else None))
        return listener, tuple(found)

    def _setting_problems(self, pattern: str, read: Read) -> tuple[Problem, ...]:
        wanted = read(self.default_certificates, pattern)
        assert wanted is not None
        return statuses.default_certificate_problems(pattern, read, wanted.secret, self.pairs)

    # ---------------------------------------------------------------- to the wire

    def _renderers(self) -> dict[str, Callable[[str], bytes | None]]:
        return {
            names.CLUSTER: self._render_cluster,
            names.ENDPOINTS: self._render_endpoints,
            names.SECRET: self._render_secret,
            names.ROUTES: self._render_routes,
            names.LISTENER: self._render_listener,
        }

    def _sinks(self) -> None:
        self.hosts.on_change.append(self._host_changed)
        self.gateway_hosts.on_change.append(self._host_changed)
        self.routes.listeners.on_change.append(self._gateway_listener_changed)
        self.pair_planes.on_change.append(lambda ref, planes: self._place_secret(names.client_pair(ref), planes))
        self.bundle_planes.on_change.append(lambda key, planes: self._place_secret(names.trust(*key), planes))
        self.backends.on_change.append(partial(self._backend_changed, names.CLUSTER))
        self.endpoints.on_change.append(self.pace.offer)
        self.class_push.on_change.append(self._push_changed)
        self.gateway_push.on_change.append(self._push_changed)
        self.certificates.on_change.append(self._certificate_changed)
        self.listeners.on_change.append(self._listener_changed)
        self.bundles.on_change.append(
            lambda key, row: self._secret_changed(names.trust(*key), row, self.bundle_planes.get(key))
        )
        self.client_pairs.on_change.append(
            lambda ref, row: self._secret_changed(names.client_pair(ref), row, self.pair_planes.get(ref))
        )

    def host(self, key: HostKey) -> VirtualHost | None:
        """What answers for a host: Ingresses, Gateways, or both, the more specific match first; an Ingress on a tie."""
        one, other = self.hosts.get(key), self.gateway_hosts.get(key)
        if one is None or other is None:
            return one or other
        return traffic.together(one, other)

    def host_keys(self) -> set[HostKey]:
        """Every host that somebody answers for."""
        return {*self.hosts.rows, *self.gateway_hosts.rows}

    def _host_changed(self, key: HostKey, _row: VirtualHost | None) -> None:
        name = names.host(key)
        plane = frozenset({places.plane_of(key.gateway)})
        if plane != OWN_PLANE:
            self.snapshot.place(names.SCOPE, names.scope(key), plane)
            self.snapshot.place(names.ROUTES, name, plane)
        if self.host(key) is None:
            self.snapshot.drop(names.SCOPE, names.scope(key))
            self.snapshot.drop(names.ROUTES, name)
        else:
            self.snapshot.put(names.SCOPE, names.scope(key), _bytes(routes.host_scope(key)))
            self.snapshot.touch(names.ROUTES, name)

    def _backend_changed(self, type_url: str, key: BackendKey, row: Backend | EndpointSet | None) -> None:
        name = names.backend(key, self.domain)
        if row is None:
            self.snapshot.drop(type_url, name)
        else:
            self.snapshot.touch(type_url, name)
            planes = self.backend_planes.of(key)
            if self.snapshot.placement.planes(type_url, name) != planes:  # it may come back for somebody else
                self.snapshot.place(type_url, name, planes)

    def _push_changed(self, _ref: Ref, _row: push.Pace | None) -> None:
        said = (*self.class_push.rows.values(), *self.gateway_push.rows.values())
        self.pieces[names.CLUSTER] = push.batch_size(said, self.settings.push.cds_batch_size)
        self._pace_changed = True

    def _certificate_changed(self, pattern: str, row: Certificate | None) -> None:
        pairs = row.pairs if row else ()
        present = {names.pair(pattern, pair.algorithm) for pair in pairs} if len(pairs) > 1 else set()
        if pairs:
            present.add(pattern)
        for name in (pattern, *(names.pair(pattern, algorithm) for algorithm in ("ecdsa", "rsa"))):
            if name in present:
                self.snapshot.touch(names.SECRET, name)
            else:
                self.snapshot.drop(names.SECRET, name)

    def _secret_changed(self, name: str, row: object, planes: frozenset[str] | None = None) -> None:
        if row is None:
            self.snapshot.drop(names.SECRET, name)
        else:
            self.snapshot.touch(names.SECRET, name)
            self._place_secret(name, planes)

    def _place_secret(self, name: str, planes: frozenset[str] | None) -> None:
        if planes is not None:
            self.snapshot.place(names.SECRET, name, planes)

    def _listener_changed(self, name: str, row: ListenerRow | None) -> None:
        if row is None:
            self.snapshot.drop(names.LISTENER, name)
        else:
            self.snapshot.touch(names.LISTENER, name, lazy=False)

    def _gateway_listener_changed(self, place: str, row: GatewayListener | None) -> None:
        name = gateway_listeners.name(place)
        if row is None:
            self.snapshot.drop(names.LISTENER, name)
            return
        plane = places.plane_of(place)
        self.snapshot.place(names.LISTENER, name, frozenset({plane}))
        self.snapshot.touch(names.LISTENER, name, lazy=False)
        if self.listener_options.tracing:
            self._traced |= {plane}
            self.snapshot.place(names.CLUSTER, names.TRACING, self._traced)

    def _backend_moved(self, key: BackendKey, users: Collection[Any] | None) -> None:
        """A cluster is for the data planes of whoever routes to it."""
        planes = self.backend_planes.changed(key, users)
        if planes is not None:
            name = names.backend(key, self.domain)
            self.snapshot.place(names.CLUSTER, name, planes)
            self.snapshot.place(names.ENDPOINTS, name, planes)

    def _planes_of(self, name: str, users: Index[Any, Any]) -> Derived[Any, frozenset[str]]:
        """For the data planes of the Gateways that use it, and for ours where an Ingress does."""

        def compute(key: Any, read: Read) -> frozenset[str] | None:
            found: set[str] = set()
            for user in read(users, key) or ():
                found |= self._planes_of_user(user, read)
            return frozenset(found) or None

        return Derived(self.graph, name, compute, users)

    def _planes_of_user(self, user: Any, read: Read) -> set[str]:
        if isinstance(user, tuple) and not isinstance(user, Ref) and user[0] == self.backends.name:
            return {*self.backend_planes.of(user[1])} if read(self.in_use, user[1]) else set()  # it follows in_use
        return {self._plane_of_user(user, read)}

    def _plane_of_user(self, user: Any, read: Read) -> str:
        if not isinstance(user, tuple) or isinstance(user, Ref):
            return OWN
        table, ref = user
        if table == self.gateway_api.set_references.name:
            owner = read(self.listener_sets, ref)
            parent = owner.spec.parent_ref if owner else None
            ref = Ref(parent.namespace or ref.namespace, parent.name) if parent else ref
        elif table != self.gateway_api.references.name:
            return OWN
        plane = read(self.planes.rows, ref)
        return plane.name if plane else OWN

    def _render_listener(self, name: str) -> bytes | None:
        if own := self.listeners.get(name):
            return _bytes(envoy_listeners.listener(own[0], self.listener_options, own[1]))
        row = self.routes.listeners.get(gateway_listeners.place(name))
        if row is None:
            return None
        address = _EVERYWHERE if places.plane_of(row.place) else self.settings.address
        return _bytes(gateway_listeners.listener(row, address, self.listener_options))

    def _render_cluster(self, name: str) -> bytes | None:
        row = self.backends.get(self.backend_names.key(name))
        return _bytes(upstreams.cluster(row, self.domain)) if row else None

    def _render_endpoints(self, name: str) -> bytes | None:
        row = self.published_endpoints(self.backend_names.key(name))
        return _bytes(upstreams.load_assignment(row, self.domain)) if row else None

    def _render_routes(self, name: str) -> bytes | None:
        row = self.host(names.parse_host(name))
        return _bytes(routes.route_configuration(row, self.context)) if row else None

    def _render_secret(self, name: str) -> bytes | None:
        if origins := names.parse_trust(name):
            bundle = self.bundles.get(origins)
            return _bytes(secrets.trust(bundle)) if bundle else None
        if ref := names.parse_client_pair(name):
            found = self.client_pairs.get(ref)
            return _bytes(secrets.secret(found)) if found else None
        algorithm, _, pattern = name.rpartition("/")
        row = self.certificates.get(pattern)
        pairs = [pair for pair in (row.pairs if row else ()) if algorithm in ("", pair.algorithm)]
        return _bytes(secrets.secret(pairs[0])) if pairs else None

    # ---------------------------------------------------------------- driving it

    def _settings_rows(self) -> None:
        for listener in wiring.listeners_wanted(self.settings):
            self.wanted_listeners.put(listener.name, listener)
        for pattern, secret in self.rules.default_certificates:
            self.default_certificates.put(pattern, DefaultCertificate(pattern, secret))
        if collector := self.listener_options.tracing:
            self.snapshot.put(names.CLUSTER, names.TRACING, _bytes(tracing.cluster(collector)))
        if self.rules.on_every_host:
            self.platform_paths.put(everywhere.KEY, True)

    def put(self, kind: kinds.Kind, ref: Ref, resource: Resource) -> None:
        """One object as it is now; `ref` is its own (handed in, so that one value serves as key everywhere)."""
        self.by_kind[kind].put(ref, resource)

    def drop(self, kind: kinds.Kind, ref: Ref) -> None:
        """One object that is gone."""
        self.by_kind[kind].drop(ref)

    def keep_last_good(self, refused: Collection[str]) -> None:
        """Hold on to the backends that refused routes named before: they are what goes on being served.

        `refused` are the names of all route configurations that an Envoy refuses at present.
        """
        for name in set(self.last_good.rows).difference(refused):
            self.last_good.drop(name)
        for name in refused:
            row = self.snapshot.peek(names.ROUTES, name)
            if name not in self.last_good.rows and row is not None and row.fallback is not None:
                clusters = routes.clusters(row.fallback.body)
                kept = tuple(self.backend_names.key(cluster) for cluster in clusters)
                self.last_good.put(name, LastGood(kept, names.parse_host(name).gateway))

    def refuse_listeners(self, refused: Mapping[str, str]) -> None:
        """Which listeners some Envoy refuses at present, by name, and in which words."""
        for name in set(self.refused_listeners.rows).difference(refused):
            self.refused_listeners.drop(name)
        for name, words in refused.items():
            self.refused_listeners.put(name, words)

    def _refused(self, row: GatewayListenerRow, read: Read) -> str:
        place = self.routes.place(row, read)
        name = wiring.HTTP if place == wiring.GATEWAY else gateway_listeners.name(place)
        return read(self.refused_listeners, name) or ""

    def steps(self) -> Iterator[None]:
        """Settle in steps of one row; nothing is visible to streams before `publish`."""
        return self.graph.steps()

    def publish(self, now: float | None) -> bool:
        """Commit what has settled and may go out; returns whether any resource changed.

        `now`: seconds of a clock that never goes back; None while no Envoy is served, then nothing is held back.
        """
        ttl = self._endpoints_ttl()
        if self._pace_changed:
            self._pace_changed = False
            self.pace.rethink(ttl)
        for key, row in self.pace.release(now, ttl).items():
            self._backend_changed(names.ENDPOINTS, key, row)
        return self.snapshot.commit()

    def settle(self, now: float | None = None) -> bool:
        """Bring everything up to date and publish it; returns whether any resource changed."""
        self.graph.settle()
        return self.publish(now)

    def published_endpoints(self, key: BackendKey) -> EndpointSet | None:
        """The endpoints of a backend as Envoys get them: those that are held back are not in it."""
        return self.pace.published(key) or self.endpoints.get(key)

    def _endpoints_ttl(self) -> Callable[[BackendKey], float]:
        """Seconds, for a backend. Asked for when a backend is published, so no row has to remember it."""
        default = float(self.settings.push.eds_cache_seconds)
        tables = (self.class_push, self.gateway_push)
        if all(row.ttl is None for table in tables for row in table.rows.values()):
            return lambda _key: default

        def read(table: Readable[Any, Any], key: Any, /) -> Any:
            return table.get(key)

        def said(key: BackendKey) -> Iterator[push.Pace | None]:
            for holder in self.in_use.get(key) or ():
                if isinstance(holder, HostKey):
                    host = self.hosts.get(holder)
                    for route in host.routes if host else ():
                        if key in route.backends:
                            yield from push.classes(route.origin, read, self.world, self.class_push)
                elif (place := self.routes.place_of(holder)) is not None:
                    yield from (self.gateway_push.get(gateway) for gateway in self.routes.gateways_at(place))

        return lambda key: push.shortest(said(key), default)

    def problems(self) -> list[Problem]:
        """Every problem of every object, in a stable order."""
        tables = (self.ingress_problems, self.setting_problems)
        found = [p for table in tables for row in table.rows.values() for p in row]
        found += [
            p for table in (self.class_push, self.gateway_push) for row in table.rows.values() for p in row.problems
        ]
        found += [p for table in self.gateway_problems for row in table.rows.values() for p in row]
        return sorted(found)


def _bytes(message: Any) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


def _default_class(row: ingress.IngressClass) -> tuple[str, ...]:
    return ("default",) if row.metadata.annotation(DEFAULT_CLASS.name) == "true" else ()


def _slice_service(row: core.EndpointSlice) -> tuple[Ref, ...]:
    return (row.service,) if row.service else ()


def _server_names(row: ingresses.Attachment | DefaultCertificate) -> tuple[str, ...]:
    return tuple(name for name, _ in row.server_names)


def _secrets(
    row: ingresses.Attachment | DefaultCertificate | policies.IngressPolicy | References | Said,
) -> tuple[Ref, ...]:
    if isinstance(row, policies.IngressPolicy | References | Said):
        return row.secrets
    return tuple(secret for _, secret in row.server_names if secret is not None)


def _pair(loaded: certificates.Loaded | None) -> KeyPair | None:
    return loaded.pair if loaded else None


def _shown(row: policies.IngressPolicy | References | Backend) -> tuple[Ref, ...]:
    """Key pairs that are resources by the name of their Secret: what backends are shown, and clients of Gateways."""
    if isinstance(row, Backend):
        return (row.tls.certificate,) if row.tls and row.tls.certificate else ()
    return row.secrets if isinstance(row, References) else row.client_pairs


def _uses(row: VirtualHost | LastGood | GatewayListener) -> tuple[Use, ...]:
    """Which backends are used on which data plane, where it is not our own."""
    if isinstance(row, GatewayListener):
        plane = places.plane_of(row.place)
    else:
        plane = places.plane_of(row.gateway if isinstance(row, LastGood) else row.key.gateway)
    return tuple((key, plane) for key in _backends(row)) if plane != OWN else ()


def _backends(row: VirtualHost | LastGood | GatewayListener) -> tuple[BackendKey, ...]:
    if isinstance(row, GatewayListener):
        return tuple(key for stream in row.streams for key in stream.backends)
    if isinstance(row, LastGood):
        return row.backends
    unread = (row.client_tls.passthrough,) if row.client_tls and row.client_tls.passthrough else ()
    return (*unread, *(key for route in row.routes for key in route.backends))


def _believing(row: policies.IngressPolicy | GatewayListener | tuple[Believed, ...]) -> Iterable[Believed]:
    """Each list of authorities that something is checked against, and where."""
    if isinstance(row, tuple):
        return row
    if isinstance(row, policies.IngressPolicy):
        return (((origin,), OWN) for origin in row.authorities)
    chains = (*row.chains, *(stream.tls for stream in row.streams if stream.tls is not None))
    plane = places.plane_of(row.place)
    return ((chain.authorities, plane) for chain in chains if chain.authorities)


def _side_by_side(row: Certificate) -> tuple[str, ...]:
    # Exact names only: a filter chain for a wildcard would take the handshakes of every host below it, also of those
    # with a certificate of their own, and none can be for `*`. There the first pair alone answers.
    return ("all",) if len(row.pairs) > 1 and "*" not in row.pattern else ()


def _own_tls(row: VirtualHost) -> tuple[str, ...]:
    return (row.key.gateway,) if row.client_tls is not None else ()
