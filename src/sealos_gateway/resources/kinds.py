"""The one list of kinds: how each is named in manifests and in the API, and which struct it becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from sealos_gateway.resources import core, ingress, owned, profile
from sealos_gateway.resources.gateway_api import gateways, meta, policies, routes
from sealos_gateway.resources.meta import Resource
from sealos_gateway.resources.policies import backend, common, security, traffic


class Kind(NamedTuple):
    """One kind of the Kubernetes API. `group` is empty for the core group."""

    name: str
    group: str
    version: str
    plural: str
    namespaced: bool
    struct: type[Resource]
    #: Older versions of the same shape, which manifests may still name.
    also: tuple[str, ...] = ()
    #: An API server need not have it: a custom resource, or a kind that has to be enabled.
    custom: bool = False
    #: Only objects with these labels are of interest.
    selector: str = ""
    #: Read from a server in the versions of `also`, too: a kind of Kubernetes, of which each release has one version.
    any_version: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def title(self) -> str:
        """The name, different for those that are only read by label."""
        return f"{self.name} of Gateways" if self.selector else self.name


INGRESS = Kind("Ingress", "networking.k8s.io", "v1", "ingresses", True, ingress.Ingress)
INGRESS_CLASS = Kind("IngressClass", "networking.k8s.io", "v1", "ingressclasses", False, ingress.IngressClass)
SERVICE = Kind("Service", "", "v1", "services", True, core.Service)
ENDPOINT_SLICE = Kind("EndpointSlice", "discovery.k8s.io", "v1", "endpointslices", True, core.EndpointSlice)
SECRET = Kind("Secret", "", "v1", "secrets", True, core.Secret)
NAMESPACE = Kind("Namespace", "", "v1", "namespaces", False, core.Namespace)
CONFIG_MAP = Kind("ConfigMap", "", "v1", "configmaps", True, core.ConfigMap)
CLUSTER_TRUST_BUNDLE = Kind(
    "ClusterTrustBundle", "certificates.k8s.io", "v1", "clustertrustbundles", False, core.ClusterTrustBundle,
    ("v1beta1", "v1alpha1"), custom=True, any_version=True,
)  # fmt: skip


DEFINITION = Kind(
    "CustomResourceDefinition", "apiextensions.k8s.io", "v1", "customresourcedefinitions", False,
    core.CustomResourceDefinition,
)  # fmt: skip


def _gateway_api(name: str, plural: str, struct: type[Resource], *also: str, namespaced: bool = True) -> Kind:
    return Kind(name, meta.GROUP, "v1", plural, namespaced, struct, also, custom=True)


GATEWAY_CLASS = _gateway_api("GatewayClass", "gatewayclasses", gateways.GatewayClass, "v1beta1", namespaced=False)
GATEWAY = _gateway_api("Gateway", "gateways", gateways.Gateway, "v1beta1")
LISTENER_SET = _gateway_api("ListenerSet", "listenersets", gateways.ListenerSet)
HTTP_ROUTE = _gateway_api("HTTPRoute", "httproutes", routes.HTTPRoute, "v1beta1")
GRPC_ROUTE = _gateway_api("GRPCRoute", "grpcroutes", routes.GRPCRoute)
TLS_ROUTE = _gateway_api("TLSRoute", "tlsroutes", routes.TLSRoute, "v1alpha3", "v1alpha2")
TCP_ROUTE = _gateway_api("TCPRoute", "tcproutes", routes.TCPRoute, "v1alpha2")
UDP_ROUTE = _gateway_api("UDPRoute", "udproutes", routes.UDPRoute, "v1alpha2")
REFERENCE_GRANT = _gateway_api("ReferenceGrant", "referencegrants", policies.ReferenceGrant, "v1beta1")
BACKEND_TLS_POLICY = _gateway_api("BackendTLSPolicy", "backendtlspolicies", policies.BackendTLSPolicy, "v1alpha3")

ROUTES = (HTTP_ROUTE, GRPC_ROUTE, TLS_ROUTE, TCP_ROUTE, UDP_ROUTE)
GATEWAY_API = (GATEWAY_CLASS, GATEWAY, LISTENER_SET, *ROUTES, REFERENCE_GRANT, BACKEND_TLS_POLICY)

GATEWAY_PROFILE = Kind(
    profile.KIND, profile.GROUP, "v1alpha1", "gatewayprofiles", True, profile.GatewayProfile, custom=True
)


def _policy(name: str, plural: str, struct: type[Resource]) -> Kind:
    return Kind(name, common.GROUP, "v1", plural, True, struct, custom=True)


TRAFFIC_POLICY = _policy(traffic.KIND, "trafficpolicies", traffic.TrafficPolicy)
BACKEND_POLICY = _policy(backend.KIND, "backendpolicies", backend.BackendPolicy)
SECURITY_POLICY = _policy(security.KIND, "securitypolicies", security.SecurityPolicy)
POLICIES = (TRAFFIC_POLICY, BACKEND_POLICY, SECURITY_POLICY)

ALL = (
    INGRESS, INGRESS_CLASS, SERVICE, ENDPOINT_SLICE, SECRET, NAMESPACE, CONFIG_MAP, CLUSTER_TRUST_BUNDLE, DEFINITION,
    *GATEWAY_API, GATEWAY_PROFILE, *POLICIES,
)  # fmt: skip


def _owned(name: str, group: str, plural: str, struct: type[Resource]) -> Kind:
    selector = f"{owned.MANAGED_BY}={owned.OURS},{owned.GATEWAY_NAME}"
    return Kind(name, group, "v1", plural, True, struct, selector=selector)


OWNED_SERVICE_ACCOUNT = _owned("ServiceAccount", "", "serviceaccounts", owned.OwnedServiceAccount)
OWNED_CONFIG_MAP = _owned("ConfigMap", "", "configmaps", owned.OwnedConfigMap)
OWNED_SERVICE = _owned("Service", "", "services", owned.OwnedService)
OWNED_DEPLOYMENT = _owned("Deployment", "apps", "deployments", owned.OwnedDeployment)
OWNED_DAEMON_SET = _owned("DaemonSet", "apps", "daemonsets", owned.OwnedDaemonSet)

#: What is made for Gateways. Not in files: nothing is made for those.
OWNED = (OWNED_SERVICE_ACCOUNT, OWNED_CONFIG_MAP, OWNED_SERVICE, OWNED_DEPLOYMENT, OWNED_DAEMON_SET)
BY_NAME = {
    (f"{kind.group}/{version}" if kind.group else version, kind.name): kind
    for kind in ALL
    for version in (kind.version, *kind.also)
}


class DecodeError(ValueError):
    """An object does not have the shape its kind demands. `field` is a path as `spec.rules[0].host`."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


_decoders: dict[type[Resource], msgspec.json.Decoder[Any]] = {
    kind.struct: msgspec.json.Decoder(kind.struct) for kind in (*ALL, *OWNED)
}


def from_json(kind: Kind, data: bytes | msgspec.Raw) -> Resource:
    """Decode one object. Raises DecodeError."""
    try:
        resource: Resource = _decoders[kind.struct].decode(data)
    except msgspec.ValidationError as error:
        told = _decode_error(error)
        return _closed(kind, told, lambda: msgspec.json.decode(data, type=security.Unreadable))
    return resource


def from_builtins(kind: Kind, data: Any) -> Resource:
    """Convert one object that a YAML loader made of dicts and lists. Raises DecodeError."""
    try:
        return msgspec.convert(data, kind.struct)
    except msgspec.ValidationError as error:
        return _closed(kind, _decode_error(error), lambda: msgspec.convert(data, security.Unreadable))


def _closed(kind: Kind, told: DecodeError, again: Callable[[], security.Unreadable]) -> Resource:
    """What protects something stays closed where it cannot be read, as far as is known what it protects."""
    if kind is not SECURITY_POLICY:
        raise told
    try:
        return again().closed(str(told))
    except msgspec.ValidationError:
        raise told from None


def _decode_error(error: msgspec.ValidationError) -> DecodeError:
    """msgspec words it `Expected `str`, got `int` - at `$.spec.rules[0].host``; we split the place from the reason."""
    reason, _, place = str(error).partition(" - at ")
    return DecodeError(place.strip("`").removeprefix("$").removeprefix("."), reason)
