"""The chart in the test cluster: our image is this checkout's own interpreter, backends are the echo program."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.chart import helm
from tests.cluster.harness import Api, Cluster, Object, eventually

SGW = [sys.executable, "-m", "sealos_gateway"]
IMAGES: Object = {
    "labring/sealos-gateway": {"entrypoint": SGW, "user": 65532},
    "test/echo": {"entrypoint": [*SGW, "echo", "--host", "0.0.0.0"], "user": 65532},
}


def cluster_with_images(folder: Path) -> Cluster:
    images = folder / "images.json"
    images.write_text(json.dumps(IMAGES))
    return Cluster(folder / "data", f"--images={images}")


#: Kubernetes makes these a moment after the namespace.
_OF_EVERY_NAMESPACE = {"ConfigMap kube-root-ca.crt", "ServiceAccount default"}


class Release:
    """One release of the chart in a namespace of its own."""

    def __init__(self, cluster: Cluster, api: Api, folder: Path, namespace: str, level: str = "restricted") -> None:
        self.api, self.namespace, self._folder, self._cluster = api, namespace, folder, cluster
        labels = {"pod-security.kubernetes.io/enforce": level}
        api.create("/api/v1/namespaces", {"metadata": {"name": namespace, "labels": labels}})

    def install(self, values: Object, *more: str) -> None:
        """Install or upgrade, and wait until everything is ready."""
        file = helm.values_file(self._folder, values)
        self.helm(
            "upgrade", "--install", "gw", str(helm.CHART), "--values", str(file), "--wait", "--timeout=90s", *more
        )

    def uninstall(self) -> None:
        self.helm("uninstall", "gw", "--wait", "--timeout=60s")

    def helm(self, *arguments: str) -> str:
        command = (*arguments, "--namespace", self.namespace)
        done = helm.call(*command, kubeconfig=self._cluster.kubeconfig)
        assert done.returncode == 0, done.stderr + self.told()
        return done.stdout

    def path(self, plural: str, group: str = "api/v1") -> str:
        return f"/{group}/namespaces/{self.namespace}/{plural}"

    def pods(self) -> list[Object]:
        found: list[Object] = self.api.get(self.path("pods"))["items"]
        return found

    def told(self) -> str:
        """What the pods and the events of the namespace say, for whoever reads a failed test."""
        lines = [e.get("message", "") for e in self.api.get(self.path("events"))["items"]][-30:]
        for pod in self.pods():
            name = pod["metadata"]["name"]
            for container in pod["spec"]["containers"]:
                log = self.api.http.get(self.path(f"pods/{name}/log"), params={"container": container["name"]}).text
                lines += [f"--- {name}", log[-3000:]]
        return "\n" + "\n".join(lines)

    def url(self, port: int = 80, name: str = "gw-sealos-gateway") -> str:
        """The address of a Service's load balancer."""
        found: Object = {}

        def has_address() -> bool:
            found.update(self.api.get(self.path(f"services/{name}")))
            return bool(found["status"]["loadBalancer"])

        eventually(has_address)
        return f"http://{found['status']['loadBalancer']['ingress'][0]['ip']}:{port}"


def shop(api: Api, namespace: str, host: str, ingress_class: str = "sealos") -> None:
    """An application: an echo backend with its Service and Ingress."""
    api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    labels = {"app": "shop"}
    probe = {"tcpSocket": {"port": 8090}, "periodSeconds": 1}
    container = {"name": "echo", "image": "test/echo", "args": ["--port", "8090"], "readinessProbe": probe}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    deployment = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    service = {"selector": labels, "ports": [{"port": 80, "targetPort": 8090}]}
    backend = {"service": {"name": "shop", "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    for place, spec in (
        (f"/apis/apps/v1/namespaces/{namespace}/deployments", deployment),
        (f"/api/v1/namespaces/{namespace}/services", service),
        (f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses", {
            "ingressClassName": ingress_class, "rules": [rule],
        }),
    ):  # fmt: skip
        api.create(place, {"metadata": {"name": "shop"}, "spec": spec})


def status_of(url: str, host: str) -> int:
    """The status of a GET, 0 where nobody answers."""
    try:
        return httpx.get(url, headers={"host": host}, timeout=2, trust_env=False).status_code
    except httpx.TransportError:
        return 0


def objects_of(api: Api, namespace: str) -> set[str]:
    """Kind and name of every object in a namespace, and of the cluster-wide ones of the release."""
    found: set[str] = set()
    for path, resources in _resources(api):
        for resource in resources:
            if "list" not in resource["verbs"] or "/" in resource["name"] or resource["kind"] == "Event":
                continue
            place = f"{path}/namespaces/{namespace}/{resource['name']}" if resource["namespaced"] else None
            listed: list[Any] = api.get(place or f"{path}/{resource['name']}")["items"]
            names = [one["metadata"]["name"] for one in listed]
            found |= {f"{resource['kind']} {name}" for name in names if resource["namespaced"] or "sealos" in name}
    return found - _OF_EVERY_NAMESPACE


def _resources(api: Api) -> list[tuple[str, list[Object]]]:
    groups = [f"/apis/{group['preferredVersion']['groupVersion']}" for group in api.get("/apis")["groups"]]
    return [(path, api.get(path)["resources"]) for path in ("/api/v1", *groups)]
