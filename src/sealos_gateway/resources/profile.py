"""GatewayProfile of gateway.sealos.io: how the data plane of a Gateway is run. Our own kind.

A Gateway names one with `spec.infrastructure.parametersRef`, a GatewayClass with `spec.parametersRef`; that of the
Gateway replaces that of the class as a whole. The definition in `deploy/crds` is generated from these structs, and what
`kubectl explain` says are the descriptions here.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from sealos_gateway.resources.meta import Metadata, Resource

GROUP: Final = "gateway.sealos.io"
KIND: Final = "GatewayProfile"


class _Value(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    pass


Quantities = dict[str, str | int]


class Resources(_Value, frozen=True):
    """Requests and limits of the container, as in a Pod."""

    requests: Quantities | None = None
    limits: Quantities | None = None


class ServiceProfile(_Value, frozen=True):
    """How clients reach the data plane."""

    type: Annotated[
        Literal["LoadBalancer", "NodePort", "ClusterIP"],
        Meta(description="Type of the Service. The address of a ClusterIP Service is its cluster address."),
    ] = "LoadBalancer"
    annotations: Annotated[
        dict[str, str] | None, Meta(description="Annotations of the Service, besides those of the Gateway.")
    ] = None
    load_balancer_class: Annotated[
        str | None, Meta(description="Which load balancer serves it; cannot be changed later.")
    ] = None
    external_traffic_policy: Annotated[
        Literal["Cluster", "Local"],
        Meta(description="Local keeps the addresses of clients and needs a pod on every node that is asked."),
    ] = "Cluster"
    addresses: Annotated[
        tuple[str, ...],
        Meta(description="Addresses or names under which clients reach a NodePort Service; put into the status."),
    ] = ()


class GatewayProfileSpec(_Value, frozen=True):
    """Everything has a default, so an empty profile is a valid one."""

    workload: Annotated[
        Literal["Deployment", "DaemonSet"], Meta(description="A number of pods, or one on each node.")
    ] = "Deployment"
    replicas: Annotated[
        Annotated[int, Meta(ge=0, le=1000)] | None,
        Meta(description="Pods of a Deployment. Absent: one, and an autoscaler may change it."),
    ] = None
    image: Annotated[str, Meta(description="Image of the nodes; empty: the one of the control plane's settings.")] = ""
    image_pull_policy: Annotated[Literal["Always", "IfNotPresent", "Never"], Meta(description="As in a Pod.")] = (
        "IfNotPresent"
    )
    image_pull_secrets: Annotated[
        tuple[str, ...], Meta(description="Names of Secrets beside the Gateway, for the image.")
    ] = ()
    concurrency: Annotated[
        Annotated[int, Meta(ge=0, le=1024)], Meta(description="Worker threads of Envoy; 0: one per processor.")
    ] = 0
    resources: Resources = Resources()
    node_selector: Annotated[dict[str, str] | None, Meta(description="As in a Pod.")] = None
    tolerations: Annotated[tuple[dict[str, Any], ...], Meta(description="As in a Pod.")] = ()
    affinity: Annotated[dict[str, Any] | None, Meta(description="As in a Pod.")] = None
    topology_spread_constraints: Annotated[tuple[dict[str, Any], ...], Meta(description="As in a Pod.")] = ()
    priority_class_name: Annotated[str, Meta(description="As in a Pod.")] = ""
    host_network: Annotated[
        bool, Meta(description="Use the network of the node: the ports of listeners are then ports of the node.")
    ] = False
    grace_seconds: Annotated[
        Annotated[int, Meta(ge=0, le=86_400)], Meta(description="How long open requests may take when a pod ends.")
    ] = 30
    pre_stop_seconds: Annotated[
        Annotated[int, Meta(ge=0, le=3600)],
        Meta(
            description="How long a pod that ends answers as before: until proxies and load balancers have heard of it."
        ),
    ] = 10
    service: ServiceProfile = ServiceProfile()


class GatewayProfile(Resource, frozen=True):
    metadata: Metadata
    spec: GatewayProfileSpec = GatewayProfileSpec()
