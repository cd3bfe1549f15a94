"""The tables of Kubernetes objects that translations read, and the rules they follow.

A translation is handed one `World` instead of a dozen arguments. The tables are declared in `pipeline.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sealos_gateway.live import Index, Rows
from sealos_gateway.resources.core import EndpointSlice, Secret, Service
from sealos_gateway.resources.ingress import Ingress, IngressClass
from sealos_gateway.resources.meta import Ref


@dataclass(frozen=True)
class Rules:
    """The settings that change what an object means."""

    classes: frozenset[str] = frozenset({"sealos"})
    controller: str = "sealos.io/gateway-controller"
    first_namespace_owns: bool = False
    ssl_redirect: bool = True
    #: Whether there is a port to redirect to.
    https: bool = True
    #: (pattern, Secret) in order; the pattern `*` covers every name.
    default_certificates: tuple[tuple[str, Ref], ...] = ()
    #: Whether an ExternalName may be the machine of the gateway itself.
    local_external_names: bool = False
    #: The gateway whose listeners serve Ingresses.
    gateway: str = "ingress"


@dataclass(frozen=True)
class World:
    """Tables from outside. `default_classes` groups the IngressClasses marked as default under `default`."""

    rules: Rules
    ingresses: Rows[Ref, Ingress]
    ingress_classes: Rows[Ref, IngressClass]
    default_classes: Index[str, Ref]
    services: Rows[Ref, Service]
    slices: Rows[Ref, EndpointSlice]
    slices_by_service: Index[Ref, Ref]
    secrets: Rows[Ref, Secret]
