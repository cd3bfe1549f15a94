"""Kinds of Kubernetes itself: Namespace, Service, EndpointSlice, Secret, ConfigMap, ClusterTrustBundle."""

from __future__ import annotations

import msgspec

from sealos_gateway.resources.meta import Identity, Metadata, Ref, Resource


class _Value(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    pass


class NamespaceMetadata(Metadata, frozen=True):
    labels: dict[str, str] | None = None


class Namespace(Resource, frozen=True):
    """Only its labels are of interest: Gateways and ListenerSets select namespaces by them."""

    metadata: NamespaceMetadata


class ServicePort(_Value, frozen=True):
    port: int
    name: str = ""
    protocol: str = "TCP"
    app_protocol: str | None = None


class ServiceSpec(_Value, frozen=True):
    type: str = "ClusterIP"
    ports: tuple[ServicePort, ...] = ()
    external_name: str = ""
    cluster_ip: str = msgspec.field(default="", name="clusterIP")


class Service(Resource, frozen=True):
    spec: ServiceSpec = ServiceSpec()


class EndpointConditions(_Value, frozen=True):
    """Absent means unknown: `ready` and `serving` are then to be read as true (discovery.k8s.io/v1)."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Endpoint(_Value, frozen=True):
    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    zone: str | None = None
    node_name: str | None = None


class EndpointPort(_Value, frozen=True):
    port: int | None = None
    name: str | None = None
    protocol: str | None = None
    app_protocol: str | None = None


class SliceLabels(_Value, frozen=True):
    """Of all labels only the one that names the Service is kept: a dict per slice would weigh more than the rest."""

    service_name: str = msgspec.field(default="", name="kubernetes.io/service-name")


class SliceMetadata(Identity, frozen=True):
    labels: SliceLabels | None = None


class EndpointSlice(Resource, frozen=True):
    metadata: SliceMetadata
    address_type: str = "IPv4"
    endpoints: tuple[Endpoint, ...] | None = None
    ports: tuple[EndpointPort, ...] | None = None

    @property
    def service(self) -> Ref | None:
        """The Service this slice belongs to, by its label."""
        name = self.metadata.labels.service_name if self.metadata.labels else ""
        return Ref(self.metadata.namespace, name) if name else None


class Secret(Resource, frozen=True):
    """`data` is base64 in the manifest and bytes here; it never prints."""

    type: str = "Opaque"
    data: dict[str, bytes] | None = None
    string_data: dict[str, str] | None = None

    def value(self, key: str) -> bytes | None:
        """One entry; `stringData` wins over `data`, as in the API server."""
        if self.string_data and key in self.string_data:
            return self.string_data[key].encode()
        return self.data.get(key) if self.data else None

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of all entries."""
        return tuple({**(self.data or {}), **(self.string_data or {})})

    def __repr__(self) -> str:
        return f"Secret({self.ref}, type={self.type!r}, data=[redacted])"


class ConfigMap(Resource, frozen=True):
    data: dict[str, str] | None = None


class DefinitionAnnotations(_Value, frozen=True):
    """Which release of the Gateway API a definition is of."""

    bundle_version: str = msgspec.field(default="", name="gateway.networking.k8s.io/bundle-version")


class DefinitionMetadata(Identity, frozen=True):
    annotations: DefinitionAnnotations | None = None


class CustomResourceDefinition(Resource, frozen=True):
    """A kind that a cluster knows beside its own; nothing of it counts but its release."""

    metadata: DefinitionMetadata

    @property
    def release(self) -> str:
        return self.metadata.annotations.bundle_version if self.metadata.annotations else ""


class TrustBundleSpec(_Value, frozen=True):
    """`trust_bundle` are certificates of authorities in PEM."""

    trust_bundle: str = ""


class ClusterTrustBundle(Resource, frozen=True):
    """Authorities that every namespace may believe."""

    spec: TrustBundleSpec = TrustBundleSpec()
