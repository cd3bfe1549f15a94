"""The one list of kinds: how each is named in manifests and in the API, and which struct it becomes."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from sealos_gateway.resources import core, ingress
from sealos_gateway.resources.meta import Resource


class Kind(NamedTuple):
    """One kind of the Kubernetes API. `group` is empty for the core group."""

    name: str
    group: str
    version: str
    plural: str
    namespaced: bool
    struct: type[Resource]

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


INGRESS = Kind("Ingress", "networking.k8s.io", "v1", "ingresses", True, ingress.Ingress)
INGRESS_CLASS = Kind("IngressClass", "networking.k8s.io", "v1", "ingressclasses", False, ingress.IngressClass)
SERVICE = Kind("Service", "", "v1", "services", True, core.Service)
ENDPOINT_SLICE = Kind("EndpointSlice", "discovery.k8s.io", "v1", "endpointslices", True, core.EndpointSlice)
SECRET = Kind("Secret", "", "v1", "secrets", True, core.Secret)
NAMESPACE = Kind("Namespace", "", "v1", "namespaces", False, core.Namespace)
CONFIG_MAP = Kind("ConfigMap", "", "v1", "configmaps", True, core.ConfigMap)

ALL = (INGRESS, INGRESS_CLASS, SERVICE, ENDPOINT_SLICE, SECRET, NAMESPACE, CONFIG_MAP)
BY_NAME = {(kind.api_version, kind.name): kind for kind in ALL}


class DecodeError(ValueError):
    """An object does not have the shape its kind demands. `field` is a path as `spec.rules[0].host`."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


_decoders: dict[type[Resource], msgspec.json.Decoder[Any]] = {
    kind.struct: msgspec.json.Decoder(kind.struct) for kind in ALL
}


def from_json(kind: Kind, data: bytes | msgspec.Raw) -> Resource:
    """Decode one object. Raises DecodeError."""
    try:
        resource: Resource = _decoders[kind.struct].decode(data)
    except msgspec.ValidationError as error:
        raise _decode_error(error) from None
    return resource


def from_builtins(kind: Kind, data: Any) -> Resource:
    """Convert one object that a YAML loader made of dicts and lists. Raises DecodeError."""
    try:
        return msgspec.convert(data, kind.struct)
    except msgspec.ValidationError as error:
        raise _decode_error(error) from None


def _decode_error(error: msgspec.ValidationError) -> DecodeError:
    """msgspec words it `Expected `str`, got `int` - at `$.spec.rules[0].host``; we split the place from the reason."""
    reason, _, place = str(error).partition(" - at ")
    return DecodeError(place.strip("`").removeprefix("$").removeprefix("."), reason)
