"""What was made for Gateways, read back: ServiceAccounts, ConfigMaps, Services, Deployments and DaemonSets.

Structs of their own, because they are watched by label and need other fields than the same kinds elsewhere: Services
come by the hundred thousand, and none of those needs a status.
"""

from __future__ import annotations

from typing import Final

import msgspec

from sealos_gateway.resources.meta import Identity, Resource

GATEWAY_NAME: Final = "gateway.networking.k8s.io/gateway-name"
CLASS_NAME: Final = "gateway.networking.k8s.io/gateway-class-name"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
#: A hash of what was applied: what has another one, or none, is applied again.
APPLIED: Final = "sealos.io/applied"
OURS: Final = "sealos-gateway"


class _Value(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    pass


class OwnedAnnotations(_Value, frozen=True):
    applied: str = msgspec.field(default="", name=APPLIED)


class OwnerReference(_Value, frozen=True):
    kind: str
    name: str
    uid: str


class OwnedMetadata(Identity, frozen=True):
    uid: str = ""
    generation: int = 0
    annotations: OwnedAnnotations = OwnedAnnotations()
    owner_references: tuple[OwnerReference, ...] = ()


class Owned(Resource, frozen=True):
    metadata: OwnedMetadata


class OwnedServiceAccount(Owned, frozen=True):
    pass


class OwnedConfigMap(Owned, frozen=True):
    pass


class Ingress(_Value, frozen=True):
    """One address of a load balancer."""

    ip: str = ""
    hostname: str = ""


class LoadBalancerStatus(_Value, frozen=True):
    ingress: tuple[Ingress, ...] = ()


class ServiceStatus(_Value, frozen=True):
    load_balancer: LoadBalancerStatus = LoadBalancerStatus()


class OwnedServiceSpec(_Value, frozen=True):
    type: str = "ClusterIP"
    cluster_ips: tuple[str, ...] = msgspec.field(default=(), name="clusterIPs")


class OwnedService(Owned, frozen=True):
    spec: OwnedServiceSpec = OwnedServiceSpec()
    status: ServiceStatus = ServiceStatus()


class DeploymentStatus(_Value, frozen=True):
    available_replicas: int = 0


class OwnedDeployment(Owned, frozen=True):
    status: DeploymentStatus = DeploymentStatus()

    @property
    def available(self) -> int:
        return self.status.available_replicas


class DaemonSetStatus(_Value, frozen=True):
    number_available: int = 0


class OwnedDaemonSet(Owned, frozen=True):
    status: DaemonSetStatus = DaemonSetStatus()

    @property
    def available(self) -> int:
        return self.status.number_available
