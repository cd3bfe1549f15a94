"""Kubernetes objects made short, and what a pipeline makes of them. For tests of the pure rooms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sealos_gateway.envoy import names
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import core, kinds
from sealos_gateway.resources import ingress as networking
from sealos_gateway.resources.meta import Metadata, Ref, Resource
from sealos_gateway.settings import Settings

KINDS = {kind.struct: kind for kind in kinds.ALL}
DEFAULT_SETTINGS = Settings()


def metadata(name: str, namespace: str, created: str = "", annotations: dict[str, str] | None = None) -> Metadata:
    return Metadata(name, namespace, creation_timestamp=created, annotations=annotations)


def backend(service: str, port: int | str = 80) -> networking.IngressBackend:
    number, name = (port, "") if isinstance(port, int) else (0, port)
    return networking.IngressBackend(networking.IngressService(service, networking.IngressServicePort(number, name)))


def path(text: str, service: str = "web", port: int | str = 80, kind: str = "Prefix") -> networking.IngressPath:
    return networking.IngressPath(backend(service, port), text, kind)


def rule(host: str, *paths: networking.IngressPath) -> networking.IngressRule:
    return networking.IngressRule(host, networking.IngressPaths(paths) if paths else None)


def tls(secret: str, *hosts: str) -> networking.IngressTls:
    return networking.IngressTls(hosts or None, secret)


def ingress(
    name: str,
    *rules: networking.IngressRule,
    namespace: str = "shop",
    created: str = "",
    class_name: str | None = "sealos",
    tls: Sequence[networking.IngressTls] = (),
    default: networking.IngressBackend | None = None,
    annotations: dict[str, str] | None = None,
) -> networking.Ingress:
    spec = networking.IngressSpec(class_name, default, tuple(tls) or None, rules or None)
    return networking.Ingress(metadata(name, namespace, created, annotations), spec)


def web(host: str, name: str = "web", namespace: str = "shop", created: str = "") -> networking.Ingress:
    """The commonest Ingress: one host, one path, the Service `web`."""
    return ingress(name, rule(host, path("/")), namespace=namespace, created=created)


def ingress_class(name: str, controller: str, default: bool = False) -> networking.IngressClass:
    annotations = {"ingressclass.kubernetes.io/is-default-class": "true"} if default else None
    return networking.IngressClass(metadata(name, "", annotations=annotations), networking.IngressClassSpec(controller))


def service(
    name: str = "web", *ports: core.ServicePort, namespace: str = "shop", annotations: dict[str, str] | None = None
) -> core.Service:
    spec = core.ServiceSpec(ports=ports or (core.ServicePort(80),))
    return core.Service(metadata(name, namespace, annotations=annotations), spec)


def external(name: str, target: str, *ports: core.ServicePort, namespace: str = "shop") -> core.Service:
    return core.Service(
        metadata(name, namespace), core.ServiceSpec(type="ExternalName", external_name=target, ports=ports)
    )


def endpoint(address: str, *, ready: bool | None = True, **conditions: bool | None) -> core.Endpoint:
    return core.Endpoint((address,), core.EndpointConditions(ready, **conditions))


def slice_of(
    service: str,
    *endpoints: core.Endpoint | str,
    name: str = "",
    namespace: str = "shop",
    ports: tuple[core.EndpointPort, ...] = (core.EndpointPort(8080),),
    address_type: str = "IPv4",
) -> core.EndpointSlice:
    found = tuple(endpoint(e) if isinstance(e, str) else e for e in endpoints)
    labels = core.SliceLabels(service)
    return core.EndpointSlice(
        core.SliceMetadata(name or f"{service}-1", namespace, labels=labels), address_type, found, ports
    )


def secret(name: str, chain: bytes = b"", key: bytes = b"", namespace: str = "shop") -> core.Secret:
    data = {entry: value for entry, value in (("tls.crt", chain), ("tls.key", key)) if value}
    return core.Secret(metadata(name, namespace), "kubernetes.io/tls", data)


def put(pipeline: Pipeline, *resources: Resource) -> bool:
    """Put the objects and settle; whether any Envoy resource changed."""
    for resource in resources:
        pipeline.put(KINDS[type(resource)], resource.ref, resource)
    return pipeline.settle()


def drop(pipeline: Pipeline, *resources: Resource) -> bool:
    for resource in resources:
        pipeline.drop(KINDS[type(resource)], resource.ref)
    return pipeline.settle()


def pipeline(*resources: Resource, settings: Settings = DEFAULT_SETTINGS) -> Pipeline:
    made = Pipeline(settings)
    put(made, *resources)
    return made


def problems(made: Pipeline) -> list[tuple[str, str, str]]:
    """Who is told what: object, field, reason."""
    return [(str(problem.origin), problem.field, problem.reason) for problem in made.problems()]


def reasons(made: Pipeline) -> list[str]:
    return [problem.reason for problem in made.problems()]


def contents(made: Pipeline) -> dict[tuple[str, str], bytes]:
    """Every resource that an Envoy could get, rendered: (type, name) → bytes."""
    snapshot = made.snapshot
    found: dict[tuple[str, str], bytes] = {}
    for type_ in names.ORDER:
        for name in sorted(snapshot.since(type_, 0)):
            row = snapshot.row(type_, name)
            if row is not None and row.body is not None:
                assert isinstance(row.body, bytes), (names.SHORT[type_], name, row.body)
                found[type_, name] = row.body
    assert not snapshot.errors
    return found


def refs(found: Iterable[Resource]) -> list[Ref]:
    return [resource.ref for resource in found]
