"""The tables of Kubernetes objects that translations read, and the rules they follow.

A translation is handed one `World` instead of a dozen arguments. It is made in `tables.ground`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from sealos_gateway.live import Index, Rows, Table
from sealos_gateway.resources.core import ClusterTrustBundle, ConfigMap, EndpointSlice, Namespace, Secret, Service
from sealos_gateway.resources.ingress import Ingress, IngressClass
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate.policies.attached import Attached

if TYPE_CHECKING:
    from sealos_gateway.translate.certificates import Loaded

T = TypeVar("T")


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
    #: Classes whose users expect the defaults of ingress-nginx.
    nginx_classes: frozenset[str] = frozenset({"nginx"})
    #: Whether annotations may name Secrets and ConfigMaps of other namespaces.
    cross_namespace: bool = False
    #: The suffix of names of Services.
    cluster_domain: str = "cluster.local"
    #: Paths of Ingresses that need no authentication, also what begins with them.
    no_auth_locations: tuple[str, ...] = ("/.well-known/acme-challenge",)
    #: Annotations of external authentication (without their prefix) for Ingresses that have none of their own.
    global_auth: tuple[tuple[str, str], ...] = ()
    #: Whether routes are closed that ask for a web application firewall.
    require_waf: bool = False
    #: Whether passwords may be kept in forms that our own process has to check.
    slow_passwords: bool = False
    #: What a client is answered that is over its limit.
    limit_status: int = 503
    #: Whether there is a collector of spans, and whether spans of clients are trusted.
    traces: bool = False
    trust_spans: bool = True
    #: Ingresses without a host whose paths are answered on every host.
    on_every_host: tuple[Ref, ...] = ()
    #: Strict-Transport-Security of HTTPS responses of nginx' classes; empty: none.
    hsts: str = ""
    #: Headers that `custom-headers` may set; `*` stands for every one.
    allowed_response_headers: tuple[str, ...] = ()
    #: Namespaces whose Ingresses may use snippets; `*` stands for every one.
    snippet_namespaces: frozenset[str] = frozenset({"*"})
    #: How much of request headers the ports take, all together.
    max_headers_kb: int = 60
    #: The gateway whose listeners serve Ingresses.
    gateway: str = "ingress"


class Interned:
    """Equal values become one value, for as long as somebody holds it: most Ingresses say the same."""

    def __init__(self) -> None:
        self._kept: WeakValueDictionary[Any, Any] = WeakValueDictionary()

    def __call__(self, value: T) -> T:
        return self._kept.setdefault(value, value) if value is not None else value


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
    config_maps: Rows[Ref, ConfigMap]
    trust_bundles: Rows[Ref, ClusterTrustBundle]
    namespaces: Rows[Ref, Namespace]
    #: Of Secrets that have gone bad while they were used: what they held before (`tables.certificates`).
    last_good_pairs: Table[Ref, Loaded]
    interned: Interned = field(default_factory=Interned)
    #: What our policies say, by the kind of what they are attached to and its name; `policies.tables` fills it.
    attached: Mapping[str, Rows[Ref, Attached]] = field(default_factory=dict)
