"""What the kinds of the Gateway API share: metadata with a generation, conditions, references to other objects."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from sealos_gateway.resources.meta import Metadata

GROUP: Final = "gateway.networking.k8s.io"
#: The ranges of the API's own schema, which nobody else checks for objects in files.
Port = Annotated[int, Meta(ge=1, le=65_535)]
Weight = Annotated[int, Meta(ge=0, le=1_000_000)]
Whole = Annotated[int, Meta(ge=0, le=2**31 - 1)]
HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=256)]
#: Text that ends up in a header or in the head of a request: no control characters.
Line = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=4096)]


class Value(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A part of an object."""


class GatewayApiMetadata(Metadata, frozen=True):
    """`generation` counts changes of the `spec`, and conditions name the one they are about.

    Ingress has no use for these fields, and at 100,000 objects each costs; so they are only here.
    """

    generation: int = 0
    #: Not empty while the object waits for its finalizers: it still exists, and nothing is to be made for it any more.
    deletion_timestamp: str = ""
    finalizers: tuple[str, ...] = ()


class Condition(Value, frozen=True, omit_defaults=False):
    """One `metav1.Condition`. `last_transition_time` is RFC 3339; all fields are written, since the API wants them."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    observed_generation: int = 0
    last_transition_time: str = ""


class LocalObjectReference(Value, frozen=True):
    """An object of any kind in the same namespace."""

    group: str
    kind: str
    name: str


class ObjectReference(LocalObjectReference, frozen=True):
    """An object of any kind; without a namespace in that of the object that refers."""

    namespace: str | None = None


class SecretReference(Value, frozen=True):
    """`SecretObjectReference`: a Secret unless it says otherwise."""

    name: str
    group: str = ""
    kind: str = "Secret"
    namespace: str | None = None


class ParentGatewayReference(Value, frozen=True):
    """What a ListenerSet wants to be attached to: a Gateway unless it says otherwise."""

    name: str
    group: str = GROUP
    kind: str = "Gateway"
    namespace: str | None = None


class ParentReference(ParentGatewayReference, frozen=True):
    """What a route wants to be attached to: the same, or one section or port of it."""

    section_name: str | None = None
    port: Port | None = None


class BackendReference(Value, frozen=True):
    """`BackendObjectReference`: a Service unless it says otherwise."""

    name: str
    group: str = ""
    kind: str = "Service"
    namespace: str | None = None
    port: Port | None = None


class WeightedBackend(BackendReference, frozen=True):
    """`BackendRef`: one backend among several of a rule."""

    weight: Weight = 1


class ParentStatus(Value, frozen=True):
    """`RouteParentStatus`: what one controller says about a route at one parent.

    The API server replaces the list as a whole, so who writes an entry must repeat those of all other controllers.
    """

    parent_ref: ParentReference
    controller_name: str
    conditions: tuple[Condition, ...] = ()


class RouteStatus(Value, frozen=True):
    parents: tuple[ParentStatus, ...] = ()


class RouteGroupKind(Value, frozen=True):
    """A kind of route."""

    kind: str
    group: str = GROUP


class LabelSelectorRequirement(Value, frozen=True):
    key: str
    operator: str
    values: tuple[str, ...] = ()


class LabelSelector(Value, frozen=True):
    """`metav1.LabelSelector`; an empty one selects everything."""

    match_labels: dict[str, str] | None = None
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()
