"""GatewayClass, Gateway and ListenerSet: where traffic comes in, and whose routes may attach there."""

from __future__ import annotations

import msgspec

from sealos_gateway.resources.gateway_api.filters import ExternalAuth
from sealos_gateway.resources.gateway_api.meta import (
    Condition,
    GatewayApiMetadata,
    LabelSelector,
    LocalObjectReference,
    ObjectReference,
    ParentGatewayReference,
    Port,
    RouteGroupKind,
    SecretReference,
    Value,
)
from sealos_gateway.resources.meta import Resource


class ParametersReference(Value, frozen=True):
    """`spec.parametersRef` of a class; the namespace is empty for kinds that have none."""

    group: str
    kind: str
    name: str
    namespace: str | None = None


class GatewayClassSpec(Value, frozen=True):
    controller_name: str
    parameters_ref: ParametersReference | None = None
    description: str = ""


class SupportedFeature(Value, frozen=True):
    name: str


class GatewayClassStatus(Value, frozen=True):
    conditions: tuple[Condition, ...] = ()
    supported_features: tuple[SupportedFeature, ...] = ()


class GatewayClass(Resource, frozen=True):
    metadata: GatewayApiMetadata
    spec: GatewayClassSpec
    status: GatewayClassStatus = GatewayClassStatus()


class RouteNamespaces(Value, frozen=True):
    """Which namespaces may attach routes: `All`, `Same` or `Selector`."""

    from_: str = msgspec.field(default="Same", name="from")
    selector: LabelSelector | None = None


class AllowedRoutes(Value, frozen=True):
    namespaces: RouteNamespaces = RouteNamespaces()
    #: Empty: all that fit the protocol.
    kinds: tuple[RouteGroupKind, ...] = ()


class ListenerTls(Value, frozen=True):
    """How one listener ends TLS, or hands it through."""

    mode: str = "Terminate"
    certificate_refs: tuple[SecretReference, ...] = ()
    options: dict[str, str] | None = None


class ListenerFilter(Value, frozen=True):
    """One step; only the field of its `type` counts."""

    type: str
    external_auth: ExternalAuth | None = None
    extension_ref: LocalObjectReference | None = None


class ListenerFilters(Value, frozen=True):
    """What happens to requests before a route is chosen, in this order (experimental since v1.7.0)."""

    requests: tuple[ListenerFilter, ...] = ()


class Listener(Value, frozen=True):
    """One listener of a Gateway or of a ListenerSet."""

    name: str
    port: Port
    protocol: str
    hostname: str | None = None
    tls: ListenerTls | None = None
    allowed_routes: AllowedRoutes = AllowedRoutes()
    filters: ListenerFilters | None = None


class FrontendValidation(Value, frozen=True):
    """Which client certificates are good."""

    ca_certificate_refs: tuple[ObjectReference, ...] = ()
    mode: str = "AllowValidOnly"


class FrontendTls(Value, frozen=True):
    validation: FrontendValidation | None = None


class FrontendPort(Value, frozen=True):
    port: Port
    tls: FrontendTls


class Frontend(Value, frozen=True):
    """What holds for clients, on all ports (`default`) or on one."""

    default: FrontendTls
    per_port: tuple[FrontendPort, ...] = ()


class BackendTls(Value, frozen=True):
    """What the gateway shows to backends."""

    client_certificate_ref: SecretReference | None = None


class GatewayTls(Value, frozen=True):
    frontend: Frontend | None = None
    backend: BackendTls | None = None


class GatewayAddress(Value, frozen=True):
    """A wanted address; without a value the gateway may choose one of this type.

    `routability` (experimental since v1.7.0) says from where it is to be reached: `Cluster`, or empty for the usual.
    """

    type: str = "IPAddress"
    value: str = ""
    routability: str = ""


class Infrastructure(Value, frozen=True):
    """What is to be said of, and to, everything that is made for a Gateway."""

    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    parameters_ref: LocalObjectReference | None = None


class ListenerNamespaces(Value, frozen=True):
    """Which namespaces may attach ListenerSets: `All`, `Same`, `Selector` or `None`."""

    from_: str = msgspec.field(default="None", name="from")
    selector: LabelSelector | None = None


class AllowedListeners(Value, frozen=True):
    namespaces: ListenerNamespaces = ListenerNamespaces()


class GatewaySpec(Value, frozen=True):
    gateway_class_name: str
    listeners: tuple[Listener, ...] = ()
    addresses: tuple[GatewayAddress, ...] = ()
    infrastructure: Infrastructure | None = None
    tls: GatewayTls | None = None
    allowed_listeners: AllowedListeners = AllowedListeners()
    default_scope: str = ""


class ListenerStatus(Value, frozen=True, omit_defaults=False):
    """What is so about one listener; all fields are written, since the API wants them."""

    name: str
    attached_routes: int = 0
    supported_kinds: tuple[RouteGroupKind, ...] = ()
    conditions: tuple[Condition, ...] = ()


class GatewayStatusAddress(Value, frozen=True):
    value: str
    type: str = "IPAddress"
    routability: str = ""


class GatewayStatus(Value, frozen=True):
    addresses: tuple[GatewayStatusAddress, ...] = ()
    conditions: tuple[Condition, ...] = ()
    listeners: tuple[ListenerStatus, ...] = ()
    attached_listener_sets: int | None = None


class Gateway(Resource, frozen=True):
    metadata: GatewayApiMetadata
    spec: GatewaySpec
    status: GatewayStatus = GatewayStatus()


class ListenerSetSpec(Value, frozen=True):
    parent_ref: ParentGatewayReference
    listeners: tuple[Listener, ...] = ()


class ListenerSetStatus(Value, frozen=True):
    conditions: tuple[Condition, ...] = ()
    listeners: tuple[ListenerStatus, ...] = ()


class ListenerSet(Resource, frozen=True):
    metadata: GatewayApiMetadata
    spec: ListenerSetSpec
    status: ListenerSetStatus = ListenerSetStatus()
