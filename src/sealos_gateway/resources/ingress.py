"""Kinds of networking.k8s.io/v1: Ingress and IngressClass."""

from __future__ import annotations

import msgspec

from sealos_gateway.resources.meta import Metadata, Resource


class _Value(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    pass


class IngressServicePort(_Value, frozen=True):
    number: int = 0
    name: str = ""


class IngressService(_Value, frozen=True):
    name: str
    port: IngressServicePort = IngressServicePort()


class TypedLocalObjectReference(_Value, frozen=True):
    kind: str = ""
    name: str = ""


class IngressBackend(_Value, frozen=True):
    service: IngressService | None = None
    resource: TypedLocalObjectReference | None = None


class IngressPath(_Value, frozen=True):
    backend: IngressBackend
    path: str = ""
    path_type: str = ""


class IngressPaths(_Value, frozen=True):
    paths: tuple[IngressPath, ...] = ()


class IngressRule(_Value, frozen=True):
    host: str = ""
    http: IngressPaths | None = None


class IngressTls(_Value, frozen=True):
    hosts: tuple[str, ...] | None = None
    secret_name: str = ""


class IngressSpec(_Value, frozen=True):
    ingress_class_name: str | None = None
    default_backend: IngressBackend | None = None
    tls: tuple[IngressTls, ...] | None = None
    rules: tuple[IngressRule, ...] | None = None


class Ingress(Resource, frozen=True):
    metadata: Metadata
    spec: IngressSpec = IngressSpec()


class IngressClassSpec(_Value, frozen=True):
    controller: str = ""


class IngressClass(Resource, frozen=True):
    metadata: Metadata
    spec: IngressClassSpec = IngressClassSpec()
