"""The chart in the test cluster: our image is this checkout's own interpreter, backends are the echo program."""

from __future__ import annotations

import base64
import functools
import json
import os
import shutil
import ssl
import sys
import sysconfig
from pathlib import Path
from typing import Any

import httpx

import sealos_gateway
from tests import pem
from tests.chart import helm
from tests.cluster.harness import Api, Cluster, Object, eventually
from tests.node.test_privileges import MARK

#: Where our packages are; the interpreter of the image is a copy, outside of the virtual environment.
_PACKAGES = ":".join([str(Path(sealos_gateway.__file__).parents[1]), sysconfig.get_path("purelib")])


def cluster_with_images(folder: Path) -> Cluster:
    """A cluster that knows our image, whose interpreter carries the capability as in the Dockerfile."""
    python = helm.BINARY.with_name("image-python")  # not below /tmp, over which our pods mount a volume
    shutil.copy2(Path(sys.executable).resolve(), python)
    os.setxattr(python, "security.capability", MARK)
    sgw: Object = {"entrypoint": [str(python), "-m", "sealos_gateway"], "user": 65532, "env": {"PYTHONPATH": _PACKAGES}}
    # Without the capability: the kernel lets a process that has one outlive the cluster (prctl(2), PR_SET_PDEATHSIG).
    echo = {"entrypoint": [sys.executable, "-m", "sealos_gateway", "echo", "--host", "0.0.0.0"], "user": 65532}
    images = folder / "images.json"
    images.write_text(json.dumps({"labring/sealos-gateway": sgw, "test/echo": echo}))
    return Cluster(folder / "data", f"--images={images}")


#: Kubernetes makes these a moment after the namespace.
_OF_EVERY_NAMESPACE = {"ConfigMap kube-root-ca.crt", "ServiceAccount default"}
#: Helm never removes definitions, as the objects of tenants would go with them; Kubernetes makes a service of each.
_STAY = {"CustomResourceDefinition", "APIService"}


class Release:
    """One release of the chart in a namespace of its own."""

    def __init__(self, cluster: Cluster, api: Api, folder: Path, namespace: str, level: str = "restricted") -> None:
        self.api, self.namespace, self._folder, self._cluster = api, namespace, folder, cluster
        self.installed = False
        labels = {"pod-security.kubernetes.io/enforce": level}
        api.create("/api/v1/namespaces", {"metadata": {"name": namespace, "labels": labels}})

    def install(self, values: Object, *more: str) -> None:
        """Install or upgrade, and wait until everything is ready."""
        self.installed = True
        file = helm.values_file(self._folder, values)
        self.helm(
            "upgrade", "--install", "gw", str(helm.CHART), "--values", str(file), "--wait", "--timeout=90s", *more
        )

    def uninstall(self) -> None:
        self.installed = False
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

    def create_pod(self, name: str, annotations: dict[str, str] | None = None) -> None:
        self.api.create(self.path("pods"), self._pod(name, annotations))

    def refused_pod(self, name: str, annotations: dict[str, str]) -> str:
        """What the API server says to a pod that must not be made."""
        return str(self.api.denied("POST", self.path("pods"), self._pod(name, annotations))["message"])

    def _pod(self, name: str, annotations: dict[str, str] | None) -> Object:
        """A pod of the profile `restricted`, in which an application runs."""
        security = {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        security["seccompProfile"] = {"type": "RuntimeDefault"}
        container = {"name": "app", "image": "test/echo", "args": ["--port", "8090"], "securityContext": security}
        return {"metadata": {"name": name, "annotations": annotations or {}}, "spec": {"containers": [container]}}

    def ready(self, name: str) -> bool:
        conditions = self.api.get(self.path(f"pods/{name}"))["status"].get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

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


def node_address(api: Api) -> str:
    addresses = api.get("/api/v1/nodes/node-1")["status"]["addresses"]
    return next(str(one["address"]) for one in addresses if one["type"] == "InternalIP")


def shop(api: Api, namespace: str, host: str, ingress_class: str = "sealos") -> None:
    """An application: an echo backend with its Service, certificate and Ingress; plain HTTP is not redirected."""
    api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    files = {"tls.crt": _pair(host).chain, "tls.key": _pair(host).key}
    data = {name: base64.b64encode(content).decode() for name, content in files.items()}
    secret = {"metadata": {"name": "tls"}, "type": "kubernetes.io/tls", "data": data}
    api.create(f"/api/v1/namespaces/{namespace}/secrets", secret)
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
            "ingressClassName": ingress_class, "rules": [rule], "tls": [{"hosts": [host], "secretName": "tls"}],
        }),
    ):  # fmt: skip
        annotations = {"sealos.io/ssl-redirect": "false"}
        api.create(place, {"metadata": {"name": "shop", "annotations": annotations}, "spec": spec})


def status_of(url: str, host: str) -> int:
    """The status of a GET, 0 where nobody answers, or no certificate for the host is shown."""
    trust = ssl.create_default_context(cadata=_pair(host).chain.decode()) if url.startswith("https") else False
    try:
        with httpx.Client(verify=trust, timeout=2, trust_env=False) as client:
            return client.get(url, headers={"host": host}, extensions={"sni_hostname": host}).status_code
    except httpx.TransportError:
        return 0


@functools.cache
def _pair(host: str) -> pem.Pair:
    return pem.pair(host)


def objects_of(api: Api, namespace: str) -> set[str]:
    """Kind and name of every object in a namespace, and of the cluster-wide ones of the release."""
    found: set[str] = set()
    for path, resources in _resources(api):
        for resource in resources:
            if "list" not in resource["verbs"] or "/" in resource["name"] or resource["kind"] in {"Event", *_STAY}:
                continue
            place = f"{path}/namespaces/{namespace}/{resource['name']}" if resource["namespaced"] else None
            listed: list[Any] = api.get(place or f"{path}/{resource['name']}")["items"]
            names = [one["metadata"]["name"] for one in listed]
            found |= {f"{resource['kind']} {name}" for name in names if resource["namespaced"] or "sealos" in name}
    return found - _OF_EVERY_NAMESPACE


def _resources(api: Api) -> list[tuple[str, list[Object]]]:
    groups = [f"/apis/{group['preferredVersion']['groupVersion']}" for group in api.get("/apis")["groups"]]
    return [(path, api.get(path)["resources"]) for path in ("/api/v1", *groups)]
