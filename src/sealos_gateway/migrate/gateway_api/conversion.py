"""All Ingresses of a settled pipeline as Gateway API objects and policies of ours; what cannot be said is a finding.

One HTTPRoute for each Ingress, host and set of policies; host by host, since precedence is decided per host.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

import msgspec

from sealos_gateway.migrate.findings import Finding, Severity
from sealos_gateway.migrate.gateway_api import listeners, matches, policies, routes, rules, tls
from sealos_gateway.migrate.gateway_api.listeners import Place
from sealos_gateway.migrate.gateway_api.names import Names
from sealos_gateway.migrate.gateway_api.objects import Metadata, Written, fields, sort_key
from sealos_gateway.migrate.gateway_api.rules import Rule
from sealos_gateway.migrate.gateway_api.services import Services
from sealos_gateway.migrate.gateway_api.texts import InexpressibleError
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import HeaderChanges, Policy
from sealos_gateway.model.traffic import Match, PathKind, Respond, Route, VirtualHost
from sealos_gateway.model.traffic import backends as targets_of
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.gateway_api.meta import GROUP
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.resources.policies.common import GROUP as OWN_GROUP
from sealos_gateway.translate.gateway_api import hostnames
from sealos_gateway.wiring import GATEWAY


class Wanted(NamedTuple):
    """What the user says of the Gateway."""

    source: str
    gateway: Ref = Ref("sealos-gateway", "ingress")
    class_name: str = "sealos"


class Converted(NamedTuple):
    """New objects, in the order in which they are applied, and what they do not say."""

    objects: tuple[Written, ...]
    findings: tuple[Finding, ...]


class Side(enum.Enum):
    PLAIN = "http"
    SECURE = "https"


class _Group(NamedTuple):
    """What rules have in common that stand in one HTTPRoute; policies as JSON, so that equal ones are equal."""

    origin: Origin
    https_only: bool
    #: Through which listeners: the plain one, that of HTTPS.
    sides: tuple[Side, ...]
    traffic: bytes
    security: bytes


_Members = list[tuple[Route, Rule]]
#: What cases of one path have in common.
_PathOf = tuple[PathKind, str, bool]


def convert(pipeline: Pipeline, wanted: Wanted) -> Converted:
    """All that the pipeline serves of Ingresses."""
    return _Conversion(pipeline, wanted).converted()


class _Conversion:
    def __init__(self, pipeline: Pipeline, wanted: Wanted) -> None:
        self.pipeline, self.wanted = pipeline, wanted
        self.names, self.metadata, self.services = Names(), Metadata(wanted.source), Services(pipeline)
        self.objects: list[Written] = []
        self.findings: list[Finding] = []
        self.grants: set[tls.Grant] = set()

    def converted(self) -> Converted:
        rows = [row for key, row in sorted(self.pipeline.hosts.rows.items()) if key.gateway == GATEWAY and row]
        rows = [row for row in rows if self.can_be_said(row)]
        secure = []
        for row in rows:
            found = tls.secure(row, self.pipeline, self.grants)
            if isinstance(found, Finding):
                self.findings.append(found)
            elif found is not None:
                secure.append(found)
        parent = self.wanted.gateway
        self.objects.append(listeners.gateway(self.metadata, parent, self.wanted.class_name, bool(secure)))
        made, places = listeners.listener_sets(self.metadata, parent, secure, self.names)
        self.objects += made
        names = {row.key.host for row in rows}
        for row in rows:
            if not row.routes:
                self.empty(row, names)
            self.host(row, places.get(row.key.host))
        for one in self.services.written(self.metadata, self.names):
            (self.findings if isinstance(one, Finding) else self.objects).append(one)  # type: ignore[arg-type]
        self.objects += tls.granted(self.grants, self.metadata, self.names)
        return Converted(tuple(sorted(self.objects, key=sort_key)), tuple(sorted(set(self.findings))))

    def tell(self, severity: Severity, origin: Origin, field: str, message: str) -> None:
        self.findings.append(Finding(severity, field, message, str(origin)))

    def can_be_said(self, row: VirtualHost) -> bool:
        """Without what a host asks of its clients' TLS it must not be served."""
        if row.client_tls is None or row.client_tls.passthrough is not None:
            return True
        message = (
            "client certificates, versions and ciphers of one host: a Gateway has them for all hosts of a port; this"
            " host is left out, keep it on an Ingress"
        )
        self.tell(Severity.REFUSED, row.origins[0], f"host {row.key.host}", message)
        return False

    def empty(self, row: VirtualHost, names: set[str]) -> None:
        """A host without a path (a canary alone) takes no requests of wider hosts here: it must be closed."""
        host, owner = row.key.host, row.origins[0]
        if any(name != host for name in hostnames.above(host) if name in names):
            self.tell(
                Severity.DIFFERS, owner, f"host {host}", "it has no path to serve, and answers 500 instead of 404"
            )
            self.route("HTTPRoute", host, owner, [self.plain()], [routes.CLOSED])

    def host(self, row: VirtualHost, place: Place | None) -> None:
        host, owner = row.key.host, row.origins[0]
        if host.startswith("*."):
            message = f"{host} stands for one label on an Ingress, and for several here"
            self.tell(Severity.DIFFERS, owner, "spec.rules", message)
        if row.client_tls is not None and row.client_tls.passthrough is not None and place is not None:
            self.passthrough(host, row.client_tls.passthrough, place, owner)
            place = None
        elif row.client_tls is not None:
            message = (
                "client certificates, versions and ciphers of one host: a Gateway has them for all hosts of a port"
            )
            self.tell(Severity.REFUSED, owner, f"host {host}", f"{message}; keep this host on an Ingress")
        served = _distinct(row.routes)
        try:
            groups = self.groups(served, matches.paths(served), place)
        except InexpressibleError as error:
            self.tell(Severity.REFUSED, owner, f"host {host}", f"{error}; the host is left out")
            return
        only = bool(served) and all(route.https_only for route in served)
        if only:  # then also paths that nobody has
            rest = routes.ALL_TO_HTTPS if place is not None else routes.PLAIN_TO_HTTPS
            self.route("HTTPRoute", host, owner, [self.plain()], [rest], "-to-https")
        grpc = routes.are_grpc([it for members in groups.values() for it in members])
        for group, members in groups.items():
            self.members(host, group, members, place, grpc and (place is not None or not group.https_only), not only)

    def groups(self, served: list[Route], paths: list[matches.Path], place: Place | None) -> dict[_Group, _Members]:
        """A path of which one case cannot be said is closed as a whole: neither its other cases nor shorter paths were
        meant for its requests."""
        found: dict[_Group, _Members] = {}
        closed: set[_PathOf] = set()
        done: set[_PathOf] = set()
        ready: list[tuple[Route, matches.Path, list[tuple[_Group, Route, Rule]]]] = []
        for route, path in zip(served, paths, strict=True):
            try:
                several = [(one, *self.rule(one, path, sides)) for sides, one in _sided(route, place is not None)]
                ready.append((route, path, [(group, one, rule) for one, group, rule in several]))
            except InexpressibleError as error:
                self.tell(
                    Severity.REFUSED, route.origin, str(route.match), f"{error}; the path is closed: it answers 500"
                )
                closed.add(_place_of(route))
                ready.append((route, path, []))
        for route, path, several_ in ready:
            if (key := _place_of(route)) not in closed:
                for group, one, rule in several_:
                    found.setdefault(group, []).append((one, rule))
            elif key not in done:
                done.add(key)
                both = (Side.PLAIN, Side.SECURE) if place is not None else (Side.PLAIN,)
                group = _Group(route.origin, False, both, b"{}", b"{}")
                rule = Rule([{"path": path.written()}], {}, Policy())
                found.setdefault(group, []).append(
                    (msgspec.structs.replace(route, action=Respond(500), policy=None), rule)
                )
        return found

    def rule(self, route: Route, path: matches.Path, sides: tuple[Side, ...]) -> tuple[_Group, Rule]:
        namespace, ingress = route.origin.ref.namespace, self.pipeline.ingresses.get(route.origin.ref)
        if ingress is None:
            raise InexpressibleError("its Ingress is not among the objects")
        rule = rules.rule(route, path, namespace)
        traffic = policies.traffic_policy(rule.policy, namespace)
        security = policies.security_policy(rule.policy, ingress)
        for about, words in rule.told:
            self.tell(Severity.DIFFERS, route.origin, about, words)
        self.services.note(route, rule.policy)
        texts = (msgspec.json.encode(fields(it)) for it in (traffic, security))
        return _Group(route.origin, route.https_only, sides, *texts), rule

    def members(
        self, host: str, group: _Group, members: _Members, place: Place | None, grpc: bool, redirects: bool
    ) -> None:
        """The routes of one Ingress for one host, and their policies; plain requests are redirected beside them."""
        kind = "GRPCRoute" if grpc else "HTTPRoute"
        parents = [self.plain()] if Side.PLAIN in group.sides else []
        if place is not None and Side.SECURE in group.sides:
            parents.append(_parent("ListenerSet", place.set, place.section))
        made = [routes.grpc(route, rule) if grpc else routes.http(rule) for route, rule in members]
        if group.https_only and place is None:
            made = [*(routes.to_https(rule, when_plain=True) for _, rule in members), *made]
        names = self.chunked(kind, host, group.origin, parents, made)
        if group.https_only and place is not None and redirects:
            rules_ = [routes.to_https(rule) for _, rule in members]
            self.chunked("HTTPRoute", host, group.origin, [self.plain()], rules_, "-to-https")
        self.policies(group, kind, names)
        self.note_grants(kind, members)

    def chunked(
        self, kind: str, host: str, origin: Origin, parents: list[Written], several: list[Written], end: str = ""
    ) -> list[str]:
        """Their names sort as they come: of two that match alike the first has the request."""
        return [
            self.route(kind, host, origin, parents, chunk, f"{end}-{number:02}" if number > 1 else end)
            for number, chunk in enumerate(routes.chunks(several), start=1)
        ]

    def route(
        self, kind: str, host: str, origin: Origin, parents: list[Written], several: list[Written], end: str = ""
    ) -> str:
        ingress = self.pipeline.ingresses.get(origin.ref)
        own = {rule.host.lower() for rule in ingress.spec.rules or ()} if ingress is not None else set()
        middle = "" if own == {host} else f"-{host}"
        namespace = origin.ref.namespace
        name = self.names.name(kind, namespace, f"{origin.ref.name}{middle}{end}")
        spec = {"parentRefs": parents, **({"hostnames": [host]} if host != "*" else {}), "rules": several}
        self.objects.append(self.metadata.written(kind, namespace, name, spec, (str(origin),)))
        return name

    def policies(self, group: _Group, kind: str, names: list[str]) -> None:
        namespace = group.origin.ref.namespace
        refs = [{"group": GROUP, "kind": kind, "name": name} for name in names]
        for policy, text in (("TrafficPolicy", group.traffic), ("SecurityPolicy", group.security)):
            if spec := msgspec.json.decode(text):
                name = self.names.name(policy, namespace, names[0])
                whole = {"targetRefs": refs, **spec}
                self.objects.append(self.metadata.written(policy, namespace, name, whole, (str(group.origin),)))

    def note_grants(self, kind: str, members: _Members) -> None:
        """What stands in other namespaces, which have to allow it: canaries, Secrets of passwords."""
        for route, rule in members:
            own = route.origin.ref.namespace
            for key in targets_of(route.action):
                if key.namespace != own:
                    self.grants.add(tls.Grant(GROUP, kind, own, "Service", Ref(key.namespace, key.service)))
            basic = rule.policy.basic_auth
            if basic is not None and basic.secret.namespace != own:
                self.grants.add(tls.Grant(OWN_GROUP, "SecurityPolicy", own, "Secret", basic.secret))

    def passthrough(self, host: str, backend: BackendKey, place: Place, origin: Origin) -> None:
        name = self.names.name("TLSRoute", backend.namespace, f"{backend.service}-{host}")
        rule = {"backendRefs": [{"name": backend.service, "port": backend.port}]}
        spec = {"parentRefs": [_parent("ListenerSet", place.set, place.section)], "hostnames": [host], "rules": [rule]}
        self.objects.append(self.metadata.written("TLSRoute", backend.namespace, name, spec, (str(origin),)))

    def plain(self) -> Written:
        return _parent("Gateway", self.wanted.gateway, listeners.PLAIN)


def _parent(kind: str, ref: Ref, section: str) -> Written:
    return {"group": GROUP, "kind": kind, "namespace": ref.namespace, "name": ref.name, "sectionName": section}


def _place_of(route: Route) -> _PathOf:
    return route.match.kind, route.match.path, route.match.ignore_case


def _distinct(several: tuple[Route, ...]) -> list[Route]:
    """Of equal matches the first: what comes later never answers."""
    found: dict[Match, Route] = {}
    for route in several:
        found.setdefault(route.match, route)
    return list(found.values())


def _sided(route: Route, secure: bool) -> list[tuple[tuple[Side, ...], Route]]:
    """The route as it is on the listeners where it answers: headers of answers over HTTPS only are for all there, and
    for none elsewhere."""
    if not secure:
        return [((Side.PLAIN,), _over(route, https=False))]
    if route.https_only:
        return [((Side.SECURE,), _over(route, https=True))]
    plain, other = _over(route, https=False), _over(route, https=True)
    if plain == other:
        return [((Side.PLAIN, Side.SECURE), plain)]
    return [((Side.PLAIN,), plain), ((Side.SECURE,), other)]


def _over(route: Route, https: bool) -> Route:
    policy = route.policy or Policy()
    if policy.response_headers is None or not any(it.secure for it in policy.response_headers.changes):
        return route
    kept = [it for it in policy.response_headers.changes if https or not it.secure]
    changes = HeaderChanges(tuple(msgspec.structs.replace(it, secure=False) for it in kept))
    policy = msgspec.structs.replace(policy, response_headers=changes if kept else None)
    return msgspec.structs.replace(route, policy=None if policy == Policy() else policy)
