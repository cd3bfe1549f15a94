"""Kubernetes objects as dicts, with only what a test has to say; no meaning and no I/O here."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Object = dict[str, Any]
#: `name:port` of a Service, or a whole IngressBackend.
Backend = str | Mapping[str, Any]


def meta(name: str, namespace: str = "", **more: Any) -> Object:
    found: Object = {"name": name, **({"namespace": namespace} if namespace else {})}
    return found | {key: value for key, value in more.items() if value}


def backend(text: Backend) -> Mapping[str, Any]:
    """`svc:80` or `svc:http` as an IngressBackend."""
    if not isinstance(text, str):
        return text
    name, _, port = text.partition(":")
    return {"service": {"name": name, "port": {"number": int(port)} if port.isdigit() else {"name": port}}}


def path(where: str, to: Backend, kind: str = "Prefix") -> Object:
    return {"path": where, "pathType": kind, "backend": backend(to)}


def ingress(
    name: str,
    namespace: str,
    rules: Mapping[str, Backend | Sequence[Object]] | None = None,
    *,
    default: Backend | None = None,
    class_name: str | None = "sealos",
    tls: Sequence[Mapping[str, Any]] = (),
    created: str = "2024-01-01T00:00:00Z",
    annotations: Mapping[str, str] | None = None,
) -> Object:
    """`rules`: host ("" is any) to `svc:port` for `/`, or to a list of `path(...)`."""
    spec: Object = {}
    if class_name is not None:
        spec["ingressClassName"] = class_name
    if default is not None:
        spec["defaultBackend"] = backend(default)
    if tls:
        spec["tls"] = list(tls)
    if rules:
        spec["rules"] = [_rule(host, paths) for host, paths in rules.items()]
    metadata = meta(name, namespace, creationTimestamp=created, annotations=dict(annotations or {}))
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def _rule(host: str, paths: Backend | Sequence[Object]) -> Object:
    listed = [path("/", paths)] if isinstance(paths, str | Mapping) else list(paths)
    return {**({"host": host} if host else {}), "http": {"paths": listed}}


def service(
    name: str,
    namespace: str,
    *ports: Mapping[str, Any],
    external_name: str = "",
    cluster_ip: str = "10.0.0.1",
) -> Object:
    """`ports` as in the API; without any, port 80 named `http`."""
    spec: Object = {"type": "ExternalName", "externalName": external_name} if external_name else {}
    if not external_name:
        spec |= {"type": "ClusterIP", "clusterIP": cluster_ip}
    spec["ports"] = [dict(p) for p in ports] or [port()]
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta(name, namespace), "spec": spec}


def port(number: int = 80, name: str = "http", app_protocol: str = "") -> Object:
    found = {"port": number, "name": name, "protocol": "TCP", "targetPort": number}
    return found | ({"appProtocol": app_protocol} if app_protocol else {})


def endpoint(address: str, **conditions: bool) -> Object:
    return {"addresses": [address], "conditions": conditions or {"ready": True}}


def endpoint_slice(
    service_name: str,
    namespace: str,
    endpoints: Iterable[str | Object],
    ports: Mapping[str, int],
    *,
    name: str = "",
    address_type: str = "IPv4",
) -> Object:
    """`endpoints`: addresses or `endpoint(...)`; `ports`: name of the Service's port to number."""
    listed = [endpoint(it) if isinstance(it, str) else it for it in endpoints]
    metadata = meta(name or f"{service_name}-1", namespace, labels={"kubernetes.io/service-name": service_name})
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": address_type,
        "endpoints": listed,
        "ports": [{"name": key, "port": number, "protocol": "TCP"} for key, number in ports.items()],
    }


def tls_secret(name: str, namespace: str, certificate: bytes, key: bytes) -> Object:
    """A Secret of type kubernetes.io/tls from PEM texts."""
    data = {"tls.crt": base64.b64encode(certificate).decode(), "tls.key": base64.b64encode(key).decode()}
    metadata = meta(name, namespace)
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": metadata, "data": data}


def listed(objects: Iterable[Object]) -> Object:
    """Several objects as one `kind: List`."""
    return {"apiVersion": "v1", "kind": "List", "items": list(objects)}
