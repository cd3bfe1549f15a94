"""What the suite runs against: a test cluster with the Gateway API installed, a GatewayClass, our control plane."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from conformance import modules
from tests.cluster.harness import Api, Cluster, eventually

CLASS: Final = "sealos"
CONTROLLER: Final = "sealos.io/gateway-controller"
GROUP: Final = "/apis/gateway.networking.k8s.io/v1"
#: No address of any network.
UNUSABLE: Final = "192.0.2.1"
SGW: Final = Path(sys.executable).parent / "sgw"
IMAGES: Final = {
    "registry.k8s.io/gateway-api/echo-basic": {"entrypoint": [str(modules.BIN / "echo-basic")]},
    "registry.k8s.io/gateway-api/conformance/echo-basic": {"entrypoint": [str(modules.BIN / "echo-basic")]},
    "registry.k8s.io/coredns/coredns": {"entrypoint": [str(modules.BIN / "coredns")]},
    "sealos.io/sealos-gateway": {"entrypoint": [sys.executable, "-m", "sealos_gateway"]},
}
_PROFILES: Final = "gateway.sealos.io/v1alpha1"
#: How data planes run here. The suite gives a namespace that it deletes 30 s to be gone, and nobody but its own client
#: has to hear first that a pod ends.
PROFILE: Final[dict[str, Any]] = {
    "apiVersion": _PROFILES,
    "kind": "GatewayProfile",
    "metadata": {"name": CLASS, "namespace": "default"},
    "spec": {"preStopSeconds": 0},
}
DEFINITIONS: Final = modules.HERE.parent / "deploy" / "crds"
_COLLECTIONS: Final = {
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "ValidatingAdmissionPolicy": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
}


@dataclass(frozen=True)
class Lab:
    """A running cluster with its control plane."""

    cluster: Cluster
    api: Api
    folder: Path

    @property
    def usable(self) -> str:
        """An address that the cluster's load balancer can give, and gives to nobody who does not ask for it."""
        return f"100.{64 + 4 * self._block + 2}.250.1"

    @property
    def machine(self) -> str:
        """Where pods find this machine."""
        return f"100.{64 + 4 * self._block + 3}.0.1"

    @property
    def _block(self) -> int:
        return int((self.cluster.data / "block").read_text())


@contextmanager
def cluster(
    folder: Path, channel: str, release: modules.Release = modules.RELEASES[0], known: dict[str, Any] = IMAGES
) -> Iterator[Lab]:
    """A cluster with the definitions of one channel installed and a GatewayClass that names our controller.

    `known` are the images that pods may run.
    """
    images = folder / "images.json"
    images.write_text(json.dumps(known), encoding="utf-8")
    running = Cluster(folder / "cluster", f"--images={images}")
    try:
        lab = Lab(running, Api.from_kubeconfig(running.kubeconfig, folder), folder)
        with lab.api.http:
            own = [yaml.safe_load(file.read_text("utf-8")) for file in DEFINITIONS.glob("*.yaml")]
            install(lab.api, [*modules.definitions(channel, release), *own])
            lab.api.create(f"/apis/{_PROFILES}/namespaces/default/gatewayprofiles", PROFILE)
            named = {"group": "gateway.sealos.io", "kind": "GatewayProfile", "name": CLASS, "namespace": "default"}
            spec = {"controllerName": CONTROLLER, "parametersRef": named}
            made = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": CLASS}}
            lab.api.create(f"{GROUP}/gatewayclasses", {**made, "spec": spec})
            yield lab
    finally:
        running.stop()


def install(api: Api, definitions: Sequence[modules.Object]) -> None:
    """Apply definitions and wait until the server serves them."""
    for one in definitions:
        api.apply(f"{_COLLECTIONS[one['kind']]}/{one['metadata']['name']}", one, "conformance")
    names = [one["metadata"]["name"] for one in definitions if one["kind"] == "CustomResourceDefinition"]
    eventually(lambda: all(_established(api, name) for name in names))


def _established(api: Api, name: str) -> bool:
    found = api.get(f"{_COLLECTIONS['CustomResourceDefinition']}/{name}")
    return any(it["type"] == "Established" and it["status"] == "True" for it in found["status"].get("conditions", []))


@contextmanager
def control_plane(lab: Lab, more: dict[str, Any] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Our control plane on this machine, with the administrator's rights; its log is `control.log` in the folder.

    Data planes run on the node and find it at the machine's end of the cable. `more` are further settings.
    """
    xds_port, enrol_port, status_port = ports(3)
    settings = {
        "kubernetes": {"lease_namespace": "default"},
        "control": {"xds_port": xds_port, "enrol_port": enrol_port},
        "gateway_api": {"control": lab.machine, "controller": CONTROLLER},
        "status_port": status_port,
        **(more or {}),
    }
    config = lab.folder / "settings.yaml"
    config.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
    command = [str(SGW), "control", "--kubeconfig", str(lab.cluster.kubeconfig), "--config", str(config)]
    with (lab.folder / "control.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield process
        if process.poll() is not None:
            raise RuntimeError(f"the control plane ended with {process.returncode}; see {lab.folder / 'control.log'}")
    finally:
        process.terminate()
        process.wait(timeout=30)


def ports(number: int) -> list[int]:
    """Free ports of this machine."""
    sockets = [socket.create_server(("", 0)) for _ in range(number)]
    found = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return found


def accepted(lab: Lab, deadline: float = 60.0) -> bool:
    """Whether our control plane accepts the GatewayClass in time; the suite asks nothing before."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        found = lab.api.get(f"{GROUP}/gatewayclasses/{CLASS}")
        conditions = found.get("status", {}).get("conditions", [])
        if any(it["type"] == "Accepted" and it["status"] == "True" for it in conditions):
            return True
        time.sleep(0.2)
    return False


@contextmanager
def folder(kept: Path | None) -> Iterator[Path]:
    """Where logs and state go: a folder that stays, or one that does not."""
    if kept is None:
        with tempfile.TemporaryDirectory(prefix="conformance-") as made:
            yield Path(made)
    else:
        shutil.rmtree(kept / "cluster", ignore_errors=True)  # of the run before
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
