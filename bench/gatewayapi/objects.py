"""Kubernetes objects of the scenarios, as the API server takes them."""

from __future__ import annotations

from typing import Any, Final

Object = dict[str, Any]
NAMESPACE: Final = "bench"
GATEWAY: Final = "bench"
API: Final = "gateway.networking.k8s.io/v1"
BACKEND_PORT: Final = 8080
_PATHS: Final = {
    "Namespace": "/api/v1/namespaces",
    "Service": "/api/v1/namespaces/{}/services",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Gateway": f"/apis/{API}/namespaces/{{}}/gateways",
    "ListenerSet": f"/apis/{API}/namespaces/{{}}/listenersets",
    "HTTPRoute": f"/apis/{API}/namespaces/{{}}/httproutes",
    "TrafficPolicy": "/apis/sealos.io/v1/namespaces/{}/trafficpolicies",
}


def collection(kind: str, namespace: str = NAMESPACE) -> str:
    """The path of all objects of a kind in a namespace."""
    return _PATHS[kind].format(namespace)


def path(one: Object) -> str:
    """The path of an object."""
    metadata = one["metadata"]
    return f"{collection(one['kind'], metadata.get('namespace', NAMESPACE))}/{metadata['name']}"


def _made(version: str, kind: str, name: str, namespace: str, **content: Any) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **content}


def gateway(listeners: list[Object]) -> Object:
    """The Gateway of a scenario, open to routes of every namespace."""
    spec = {"gatewayClassName": "sealos", "listeners": listeners, "allowedListeners": {"namespaces": {"from": "All"}}}
    return _made(API, "Gateway", GATEWAY, NAMESPACE, spec=spec)


def listener(name: str = "http", port: int = 80, protocol: str = "HTTP", **more: Any) -> Object:
    """Of a Gateway or a ListenerSet."""
    allowed = {"namespaces": {"from": "All"}}
    return {"name": name, "port": port, "protocol": protocol, "allowedRoutes": allowed, **more}


def listener_set(name: str, namespace: str, host: str, secret: str) -> Object:
    """One HTTPS listener for one host."""
    tls = {"certificateRefs": [{"name": secret}]}
    spec = {
        "parentRef": {"name": GATEWAY, "namespace": NAMESPACE},
        "listeners": [listener("https", 443, "HTTPS", hostname=host, tls=tls)],
    }
    return _made(API, "ListenerSet", name, namespace, spec=spec)


def backend_ref(service: str, port: int = 80, weight: int = 1) -> Object:
    """Of a rule."""
    return {"name": service, "port": port, "weight": weight}


def rule(service: str, prefix: str = "/", port: int = 80, weight: int = 1, **more: Any) -> Object:
    """Everything below a path to one Service."""
    matches = [{"path": {"type": "PathPrefix", "value": prefix}}]
    return {"matches": matches, "backendRefs": [backend_ref(service, port, weight)], **more}


def header(kind: str, name: str) -> Object:
    """A filter that adds a header to the `Request` or the `Response`."""
    return {"type": f"{kind}HeaderModifier", f"{kind.lower()}HeaderModifier": {"add": [{"name": name, "value": "v"}]}}


def http_route(
    name: str, host: str, rules: list[Object], namespace: str = NAMESPACE, parent: Object | None = None
) -> Object:
    """A route of one host; its parent is the Gateway unless another is given."""
    parent = parent or {"name": GATEWAY, "namespace": NAMESPACE}
    spec = {"parentRefs": [parent], "hostnames": [host], "rules": rules}
    return _made(API, "HTTPRoute", name, namespace, spec=spec)


def traffic_policy(name: str, route: str, said: Object, namespace: str = NAMESPACE) -> Object:
    """One of ours at an HTTPRoute."""
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": route}
    return _made("sealos.io/v1", "TrafficPolicy", name, namespace, spec={"targetRefs": [target], **said})


def service(name: str, namespace: str = NAMESPACE, app: str = "", ports: tuple[int, ...] = (80,)) -> Object:
    """A Service; without an app its endpoints are made by whoever made it."""
    found = [{"name": f"p{port}", "port": port, "targetPort": BACKEND_PORT} for port in ports]
    spec: Object = {"ports": found}
    if app:
        spec["selector"] = {"app": app}
    return _made("v1", "Service", name, namespace, spec=spec)


def endpoints(service_name: str, address: str, namespace: str = NAMESPACE) -> Object:
    """The one endpoint of a Service without pods."""
    made = _made("discovery.k8s.io/v1", "EndpointSlice", service_name, namespace, addressType="IPv4")
    made["metadata"]["labels"] = {"kubernetes.io/service-name": service_name}
    made["endpoints"] = [{"addresses": [address], "conditions": {"ready": True}}]
    made["ports"] = [{"name": "p80", "port": BACKEND_PORT, "protocol": "TCP"}]
    return made


def secret(name: str, namespace: str, certificate: bytes, key: bytes) -> Object:
    """A key pair in PEM."""
    data = {"tls.crt": certificate.decode(), "tls.key": key.decode()}
    return _made("v1", "Secret", name, namespace, type="kubernetes.io/tls", stringData=data)


def deployment(name: str, replicas: int = 1, app: str = "") -> Object:
    """Pods of the echo program; each answers with the name of its Deployment."""
    labels = {"app": app or name, "part": name}
    container = {
        "name": "echo", "image": "bench/echo", "args": ["--port", str(BACKEND_PORT), "--name", name],
        "readinessProbe": {"tcpSocket": {"port": BACKEND_PORT}, "periodSeconds": 1},
    }  # fmt: skip
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return _made("apps/v1", "Deployment", name, NAMESPACE, spec=spec)
