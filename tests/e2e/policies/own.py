"""Our policy kinds on an HTTPRoute of the shared gateway: a Gateway beside the Ingresses, a route, and policies."""

from __future__ import annotations

from typing import Any

from tests.e2e import manifests
from tests.e2e.conftest import Site
from tests.e2e.gateway_api.objects import CLASS
from tests.e2e.manifests import Object

GATEWAY_API = "gateway.networking.k8s.io"
GROUPS = {"Service": "", "Ingress": "networking.k8s.io"}


def made(kind: str, name: str, namespace: str, **spec: Any) -> Object:
    """An object of the Gateway API, or one of our kinds."""
    group = "sealos.io/v1" if kind.endswith("Policy") else f"{GATEWAY_API}/v1"
    return {"apiVersion": group, "kind": kind, "metadata": manifests.meta(name, namespace), "spec": spec}


def rule(path: str = "/", to: str = "web", port: int = 80, **more: Any) -> Object:
    match = {"path": {"type": "PathPrefix", "value": path}}
    return {"matches": [match], "backendRefs": [{"name": to, "port": port}], **more}


def routed(site: Site, *rules: Object) -> None:
    """A Gateway for the test's host on the port of Ingresses, and an HTTPRoute `web`."""
    listener = {"name": "web", "port": site.gateway.http_port, "protocol": "HTTP", "hostname": site.host}
    site.apply(
        CLASS,
        made("Gateway", "gw", site.namespace, gatewayClassName="sealos", listeners=[listener]),
        made("HTTPRoute", "web", site.namespace, parentRefs=[{"name": "gw"}], rules=list(rules) or [rule()]),
    )


def policy(site: Site, kind: str, target: str = "HTTPRoute web", policy_name: str = "", **spec: Any) -> None:
    """A policy at `Kind name` or `Kind name section`."""
    wanted, name, *section = target.split()
    one = {"group": GROUPS.get(wanted, GATEWAY_API), "kind": wanted, "name": name}
    if section:
        one["sectionName"] = section[0]
    site.apply(made(kind, policy_name or target.replace(" ", "-").lower(), site.namespace, targetRefs=[one], **spec))
