"""`sgw control` and `sgw node` against the real API server: accounts with the documented permissions, and nothing more.

Nodes and control planes are processes of this machine; a file plays the mount of the ConfigMap, as a kubelet would.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.harness import Api, Cluster, eventually
from tests.e2e.fleet import Control, Fleet, Node

Object = dict[str, Any]
OWN, SHOP, AUDIENCE = "gateway", "shop", "sealos-gateway"
AUTHORITY = "sealos-gateway-ca"
_PLURALS = {
    "Ingress": ("apis/networking.k8s.io/v1", "ingresses"), "Service": ("api/v1", "services"),
    "EndpointSlice": ("apis/discovery.k8s.io/v1", "endpointslices"), "Secret": ("api/v1", "secrets"),
}  # fmt: skip
#: As in docs/kubernetes.md.
_EVERYWHERE = [
    ({"networking.k8s.io"}, {"ingresses", "ingressclasses"}, {"list", "watch"}),
    ({""}, {"services"}, {"list", "watch"}),
    ({"discovery.k8s.io"}, {"endpointslices"}, {"list", "watch"}),
    ({""}, {"secrets", "configmaps"}, {"get"}),
    ({"authentication.k8s.io"}, {"tokenreviews"}, {"create"}),
    ({"events.k8s.io", ""}, {"events"}, {"create", "patch"}),
]
_AT_HOME = [
    ({""}, {"secrets"}, {"get", "create"}),
    ({""}, {"configmaps"}, {"get", "create", "update"}),
    ({"coordination.k8s.io"}, {"leases"}, {"get", "create", "update"}),
]


def outside_address() -> str:
    """An address of this machine that Kubernetes takes for an endpoint: not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.254", 9))
        return str(probe.getsockname()[0])


class Realm:
    """The cluster, the accounts in it, and a fleet that reads from it."""

    def __init__(self, cluster: Cluster, api: Api, folder: Path) -> None:
        self.cluster, self.api, self.folder = cluster, api, folder
        self._accounts()

    def _accounts(self) -> None:
        for name in (OWN, SHOP):
            self.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
        for name in ("control", "sealos-gateway-node", "other"):
            self.api.create(f"/api/v1/namespaces/{OWN}/serviceaccounts", {"metadata": {"name": name}})
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        for kind, path, rules in (
            ("ClusterRole", rbac, _EVERYWHERE), ("Role", f"{rbac}/namespaces/{OWN}", _AT_HOME),
        ):  # fmt: skip
            metadata = {"metadata": {"name": "control"}}
            self.api.create(f"{path}/{kind.lower()}s", {**metadata, "rules": [_rule(*one) for one in rules]})
            role = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "control"}
            subject = {"kind": "ServiceAccount", "name": "control", "namespace": OWN}
            self.api.create(f"{path}/{kind.lower()}bindings", {**metadata, "roleRef": role, "subjects": [subject]})

    def token(self, account: str, audience: str = "") -> str:
        spec: Object = {"expirationSeconds": 3600, **({"audiences": [audience]} if audience else {})}
        path = f"/api/v1/namespaces/{OWN}/serviceaccounts/{account}/token"
        found: str = self.api.create(path, {"spec": spec})["status"]["token"]
        return found

    def fleet(self, folder: Path, controls: int = 1) -> Fleet:
        config = yaml.safe_load(self.cluster.kubeconfig.read_text())
        config["users"] = [{"name": "control", "user": {"token": self.token("control")}}]
        for one in config["contexts"]:
            one["context"]["user"] = "control"
        path = folder / "kubeconfig"
        path.write_text(yaml.safe_dump(config))
        made = Fleet(
            folder, settings={"kubernetes": {"lease_namespace": OWN}}, source=["--kubeconfig", str(path)],
            controls=controls,
        )  # fmt: skip
        made.control_settings = {"token_audience": AUDIENCE}
        made.node_settings = {"lazy": {"threshold": 0}}
        (folder / "token").write_text(self.token("sealos-gateway-node", AUDIENCE))
        (folder / "seal").write_text("a key of chance, at least as long as this")
        made.ca_file = folder / "ca.crt"
        return made

    def start(self, control: Control) -> None:
        """The control plane, and what a kubelet mounts of it."""
        control.start()
        control.fleet.ca_file.write_text(self.bundle())

    def bundle(self) -> str:
        found: str = self.api.get(f"/api/v1/namespaces/{OWN}/configmaps/{AUTHORITY}")["data"]["ca.crt"]
        return found

    def apply(self, *objects: Object) -> None:
        for one in objects:
            path = self._path(one)
            if self.api.http.get(f"{path}/{one['metadata']['name']}").is_success:
                self.delete(one)
            self.api.create(path, _clean(one))

    def delete(self, *objects: Object) -> None:
        for one in objects:
            self.api.call("DELETE", f"{self._path(one)}/{one['metadata']['name']}")

    def _path(self, one: Object) -> str:
        group, plural = _PLURALS[one["kind"]]
        return f"/{group}/namespaces/{one['metadata']['namespace']}/{plural}"

    def take_api_away(self) -> None:
        self.cluster.hold("kube-apiserver")
        os.kill(self.cluster.pid("kube-apiserver"), signal.SIGKILL)
        eventually(lambda: not self.api.alive())

    def give_api_back(self) -> None:
        self.cluster.release("kube-apiserver")
        eventually(self.api.alive)


def node(fleet: Fleet) -> Node:
    return fleet.node(seal_key_file=str(fleet.folder / "seal"))


def _rule(groups: set[str], resources: set[str], verbs: set[str]) -> Object:
    return {"apiGroups": sorted(groups), "resources": sorted(resources), "verbs": sorted(verbs)}


def _clean(one: Object) -> Object:
    """A new object; what the manifests of other tests say of its age is the API server's to decide."""
    made: Object = json.loads(json.dumps(one))
    made["metadata"].pop("creationTimestamp", None)
    if made["kind"] == "Service":
        made["spec"].pop("clusterIP", None)  # addresses too
    return made
