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


#: Annotations of these domains are kept; others (a second copy of the whole object by `kubectl apply`, notes of other
#: controllers) would be most of the memory of an Ingress.
_DOMAINS = ("kubernetes.io", "sealos.io", "higress.io")
_NOT_OURS = "kubectl.kubernetes.io"


def _is_kept(annotation: str) -> bool:
    domain = annotation.partition("/")[0]
    return domain.endswith(_DOMAINS) and domain != _NOT_OURS


class Metadata(Identity, frozen=True):
    """`ObjectMeta` as far as it is used. `creation_timestamp` is RFC 3339 in UTC, so that text order is time order."""

    uid: str = ""
    creation_timestamp: str = ""
    annotations: dict[str, str] | None = None

    def __post_init__(self) -> None:
        if self.annotations:
            kept = {name: value for name, value in self.annotations.items() if _is_kept(name)}
            msgspec.structs.force_setattr(self, "annotations", kept or None)

    def annotation(self, name: str) -> str | None:
        return self.annotations.get(name) if self.annotations else None


class Resource(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """What all kinds share. Decoding ignores `apiVersion` and `kind`: the caller has looked at them already."""

    metadata: Identity

    @property
    def ref(self) -> Ref:
        return self.metadata.ref
