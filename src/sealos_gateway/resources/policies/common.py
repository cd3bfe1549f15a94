"""What our policies share: targets, references, words for times and sizes.

A name that is not known is an error (a misspelt protection must not be ignored). Times are text as Go writes them
(`10s`, `1m30s`), sizes are quantities of Kubernetes (`8Mi`, `500k`, a plain number is bytes).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sealos_gateway.resources.gateway_api.meta import GatewayApiMetadata
from sealos_gateway.resources.gateway_api.policies import PolicyStatus
from sealos_gateway.resources.meta import Resource

GROUP: Final = "sealos.io"


class Value(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A part of a policy."""


Duration = Annotated[str, Meta(pattern=r"^([0-9]{1,5}(h|m|s|ms)){1,4}$")]
Quantity = Annotated[int, Meta(ge=0)] | Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]{1,3})?(k|M|G|Ki|Mi|Gi)?$")]
#: A field name of HTTP (RFC 9110, 5.1: token).
HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=256)]
Text = Annotated[str, Meta(max_length=4096)]
Name = Annotated[str, Meta(min_length=1, max_length=253)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
StatusCode = Annotated[int, Meta(ge=100, le=599)]
ErrorCode = Annotated[int, Meta(ge=400, le=599)]
#: An address or a network; whether the digits are one is checked when the policy is read.
Cidr = Annotated[str, Meta(pattern=r"^[0-9a-fA-F:.]+(/[0-9]{1,3})?$", max_length=64)]
Cidrs = Annotated[tuple[Cidr, ...], Meta(max_length=1024)]
HeaderNames = Annotated[tuple[HeaderName, ...], Meta(max_length=64)]
TlsVersion = Literal["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"]
Ciphers = Annotated[
    tuple[Name, ...], Meta(max_length=32, description="Ciphers of TLS 1.2 and below, by the names of OpenSSL.")
]


class ObjectTarget(Value, frozen=True):
    """What a policy is attached to: an object of its own namespace."""

    name: Name
    section_name: Annotated[
        Annotated[str, Meta(min_length=1, max_length=253)] | None,
        Meta(description="Listener of a Gateway or ListenerSet, rule of a route. Absent: all of it."),
    ] = None


class RouteTarget(ObjectTarget, frozen=True, kw_only=True):
    """A Gateway, ListenerSet, HTTPRoute, GRPCRoute or Ingress."""

    group: Annotated[
        Literal["gateway.networking.k8s.io", "networking.k8s.io"], Meta(description="networking.k8s.io for an Ingress.")
    ]
    kind: Literal["Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "Ingress"]


class ServiceTarget(ObjectTarget, frozen=True, kw_only=True):
    """A Service. The section is the name of one of its ports."""

    group: Literal[""]
    kind: Literal["Service"]


RouteTargets = Annotated[
    tuple[RouteTarget, ...],
    Meta(
        min_length=1,
        max_length=16,
        description="What the policy is attached to, in its own namespace. A rule of a route comes before the route, "
        "that before the listener, that before the Gateway, field by field; of two policies at one place the older.",
    ),
]


class ServiceReference(Value, frozen=True):
    """A port of a Service. Of another namespace only where a ReferenceGrant there allows it."""

    name: Name
    port: Port
    namespace: Annotated[Name | None, Meta(description="Absent: the namespace of the policy.")] = None


class SecretReference(Value, frozen=True):
    """A Secret. Of another namespace only where a ReferenceGrant there allows it."""

    name: Name
    namespace: Annotated[Name | None, Meta(description="Absent: the namespace of the policy.")] = None


class AuthorityReference(Value, frozen=True):
    """A Secret or ConfigMap with certificates of authorities under `ca.crt`."""

    name: Name
    kind: Literal["Secret", "ConfigMap"] = "Secret"
    namespace: Annotated[Name | None, Meta(description="Absent: the namespace of the policy.")] = None


class Header(Value, frozen=True):
    """A header with its value."""

    name: HeaderName
    value: Annotated[Text, Meta(description="The value, exactly.")] = ""
    template: Annotated[
        Text, Meta(description="Instead of `value`: text with variables as nginx writes them, `$host`, `$request_id`.")
    ] = ""


Headers = Annotated[tuple[Header, ...], Meta(max_length=64)]


class Policy(Resource, frozen=True, kw_only=True):
    """What the kinds have in common."""

    metadata: GatewayApiMetadata
    status: PolicyStatus = PolicyStatus()
