"""ReferenceGrant and BackendTLSPolicy: what may be used across namespaces, and how backends are trusted."""

from __future__ import annotations

import msgspec

from sealos_gateway.resources.gateway_api.meta import (
    Condition,
    GatewayApiMetadata,
    LocalObjectReference,
    ParentReference,
    Value,
)
from sealos_gateway.resources.meta import Resource


class GrantFrom(Value, frozen=True):
    """Objects of this kind in this namespace may refer …"""

    group: str
    kind: str
    namespace: str


class GrantTo(Value, frozen=True):
    """… to objects of this kind beside the grant, all of them or the one that is named."""

    group: str
    kind: str
    name: str | None = None


class ReferenceGrantSpec(Value, frozen=True):
    from_: tuple[GrantFrom, ...] = msgspec.field(default=(), name="from")
    to: tuple[GrantTo, ...] = ()


class ReferenceGrant(Resource, frozen=True):
    metadata: GatewayApiMetadata
    spec: ReferenceGrantSpec = ReferenceGrantSpec()


class PolicyTarget(LocalObjectReference, frozen=True):
    """`LocalPolicyTargetReferenceWithSectionName`: for a Service, the section is the name of a port."""

    section_name: str | None = None


class SubjectAltName(Value, frozen=True):
    type: str
    hostname: str | None = None
    uri: str | None = None


class BackendTlsValidation(Value, frozen=True):
    """Which certificate of a backend is good. `hostname` is also the server name sent to it."""

    hostname: str
    ca_certificate_refs: tuple[LocalObjectReference, ...] = ()
    well_known_ca_certificates: str | None = msgspec.field(default=None, name="wellKnownCACertificates")
    subject_alt_names: tuple[SubjectAltName, ...] = ()


class BackendTlsPolicySpec(Value, frozen=True):
    target_refs: tuple[PolicyTarget, ...]
    validation: BackendTlsValidation
    options: dict[str, str] | None = None


class AncestorStatus(Value, frozen=True):
    """`PolicyAncestorStatus`: what one controller says of the policy at one Gateway; see `ParentStatus`."""

    ancestor_ref: ParentReference
    controller_name: str
    conditions: tuple[Condition, ...] = ()


class PolicyStatus(Value, frozen=True):
    ancestors: tuple[AncestorStatus, ...] = ()


class BackendTLSPolicy(Resource, frozen=True):
    metadata: GatewayApiMetadata
    spec: BackendTlsPolicySpec
    status: PolicyStatus = PolicyStatus()
