"""Gateways, ListenerSets and what they refer to, made short, and their statuses as a pipeline makes them."""

from __future__ import annotations

from typing import Any

from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.gateway_api.gateways import GatewayStatus, ListenerSetStatus, ListenerStatus
from sealos_gateway.resources.gateway_api.meta import Condition
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref, Resource
from sealos_gateway.settings import KubernetesSettings, Settings
from tests import objects, pem

#: Every class is shared here, so that a Gateway is served as soon as it is valid.
SETTINGS = Settings(kubernetes=KubernetesSettings(publish_addresses=("203.0.113.7",)))


def made(kind: Kind, name: str, namespace: str = "shop", created: str = "", **spec: Any) -> Resource:
    metadata = {"name": name, "namespace": namespace, "creationTimestamp": created, "generation": 3}
    return kinds.from_builtins(kind, {"metadata": metadata, "spec": spec})


def gateway_class() -> Resource:
    return made(kinds.GATEWAY_CLASS, "sealos", "", controllerName="sealos.io/gateway-controller")


def listener(name: str = "http", port: int = 80, protocol: str = "HTTP", **more: Any) -> dict[str, Any]:
    return {"name": name, "port": port, "protocol": protocol, **more}


def https(name: str = "https", port: int = 443, secret: str = "cert", **more: Any) -> dict[str, Any]:
    reference = {"name": secret, **({"namespace": more.pop("secret_namespace")} if "secret_namespace" in more else {})}
    return listener(name, port, "HTTPS", tls={"certificateRefs": [reference]}, **more)


def gateway(*listeners: dict[str, Any], name: str = "edge", **spec: Any) -> Resource:
    return made(kinds.GATEWAY, name, gatewayClassName="sealos", listeners=list(listeners), **spec)


def listener_set(
    *listeners: dict[str, Any], name: str = "more", namespace: str = "shop", created: str = "", parent: str = "edge"
) -> Resource:
    reference = {"name": parent, "namespace": "shop"}
    return made(kinds.LISTENER_SET, name, namespace, created, parentRef=reference, listeners=list(listeners))


def grant(namespace: str, kind: str, target: str, from_: str = "shop", name: str | None = None) -> Resource:
    to = {"group": "", "kind": target, **({"name": name} if name else {})}
    origin = {"group": "gateway.networking.k8s.io", "kind": kind, "namespace": from_}
    spec: dict[str, Any] = {"from": [origin], "to": [to]}
    return made(kinds.REFERENCE_GRANT, "grant", namespace, **spec)


def namespace(name: str, **labels: str) -> Resource:
    return kinds.from_builtins(kinds.NAMESPACE, {"metadata": {"name": name, "labels": labels}})


def config_map(name: str, data: dict[str, str], in_: str = "shop") -> Resource:
    return kinds.from_builtins(kinds.CONFIG_MAP, {"metadata": {"name": name, "namespace": in_}, "data": data})


def secret(name: str = "cert", in_: str = "shop") -> Resource:
    pair = pem.pair("ecdsa", "a.com")
    return objects.secret(name, *pair, namespace=in_)


def pipeline(*resources: Resource) -> Pipeline:
    return objects.pipeline(gateway_class(), *resources, settings=SETTINGS)


def status(made: Pipeline, name: str = "edge") -> GatewayStatus:
    found = made.gateway_api.statuses.get(Ref("shop", name))
    assert found is not None
    return found


def set_status(made: Pipeline, name: str = "more", namespace: str = "shop") -> ListenerSetStatus:
    found = made.gateway_api.set_statuses.get(Ref(namespace, name))
    assert found is not None
    return found


def words(conditions: tuple[Condition, ...]) -> dict[str, str]:
    """Each condition as `True Reason`."""
    assert {it.observed_generation for it in conditions} <= {3}
    return {it.type: f"{it.status} {it.reason}" for it in conditions}


def of(found: GatewayStatus | ListenerSetStatus, name: str) -> dict[str, str]:
    return words(row(found, name).conditions)


def row(found: GatewayStatus | ListenerSetStatus, name: str) -> ListenerStatus:
    return next(it for it in found.listeners if it.name == name)
