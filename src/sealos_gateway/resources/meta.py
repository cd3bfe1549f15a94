"""What every Kubernetes object has: identity and metadata."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Ref(NamedTuple):
    """Namespace and name of an object; the namespace is empty for kinds that have none."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Origin(NamedTuple):
    """Which object something came from; carried by every route and every problem."""

    kind: str
    ref: Ref

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"


class Identity(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The part of `ObjectMeta` that every kind needs. Kinds that come by the hundred thousand declare no more."""

    name: str
    namespace: str = ""
    resource_version: str = ""

    @property
    def ref(self) -> Ref:
        return Ref(self.namespace, self.name)


class Metadata(Identity, frozen=True):
    """`ObjectMeta`. `creation_timestamp` is RFC 3339 in UTC, so that text order is time order."""

    uid: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None

    def annotation(self, name: str) -> str | None:
        return self.annotations.get(name) if self.annotations else None


class Resource(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """What all kinds share. Decoding ignores `apiVersion` and `kind`: the caller has looked at them already."""

    metadata: Identity

    @property
    def ref(self) -> Ref:
        return self.metadata.ref
