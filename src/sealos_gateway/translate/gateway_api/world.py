"""The tables that Gateways and their listeners are read from, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sealos_gateway.live import Index, Rows
from sealos_gateway.resources.core import Namespace
from sealos_gateway.resources.gateway_api.gateways import Gateway, ListenerSet
from sealos_gateway.resources.gateway_api.policies import ReferenceGrant
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import certificates, trust


class Fault(Protocol):
    """Why a Gateway is not accepted (`provision.deployed.Fault`)."""

    @property
    def message(self) -> str: ...


class Plane(Protocol):
    """The data plane of a Gateway (`provision.tables.Plane`)."""

    @property
    def shared(self) -> bool:
        """Whether it is that of other Gateways, and of Ingresses, too."""

    @property
    def fault(self) -> Fault | None:
        """Why it does not serve the Gateway."""


@dataclass(frozen=True)
class GatewayWorld:
    """`ours` has a row for each Gateway of our classes. `pairs` and `authorities` are read only after `references`."""

    gateways: Rows[Ref, Gateway]
    listener_sets: Rows[Ref, ListenerSet]
    ours: Rows[Ref, Plane]
    namespaces: Rows[Ref, Namespace]
    grants: Rows[Ref, ReferenceGrant]
    grants_by_namespace: Index[str, Ref]
    #: Gateways that are defaults, ours and others', by their scope.
    default_gateways: Index[str, Ref]


@dataclass(frozen=True)
class Loaded:
    """What was made of the Secrets and ConfigMaps that are referred to."""

    pairs: Rows[Ref, certificates.Loaded]
    authorities: Rows[Origin, trust.Loaded]
