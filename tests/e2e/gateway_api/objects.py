"""Objects of the Gateway API, made short: in the namespace `shop`, or as text where a test is about what they say."""

from __future__ import annotations

from typing import Any, Final

import yaml

from tests.e2e import manifests
from tests.e2e.manifests import Object

API: Final = "gateway.networking.k8s.io/v1"


def of(kind: str, name: str, namespace: str = "shop", created: str = "", **spec: Any) -> Object:
    metadata = manifests.meta(name, namespace, creationTimestamp=created)
    return {"apiVersion": API, "kind": kind, "metadata": metadata, "spec": spec}


#: The class of every Gateway of these tests.
CLASS: Final = of("GatewayClass", "sealos", "", controllerName="sealos.io/gateway-controller")


def gateway(*listeners: Object, name: str = "gw", created: str = "", **spec: Any) -> Object:
    return of("Gateway", name, created=created, gatewayClassName="sealos", listeners=list(listeners), **spec)


def read(text: str) -> list[Object]:
    return list(yaml.safe_load_all(text))
