"""Where a scenario runs: a test cluster, our control plane, one Gateway with its data plane, and readings of both."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.client import Client
from bench.gatewayapi import objects, processes
from bench.gatewayapi.objects import Object
from conformance import lab
from tests.cluster.harness import Api, eventually

_ECHO: Final = {"bench/echo": {"entrypoint": [sys.executable, "-m", "sealos_gateway", "echo", "--host", "0.0.0.0"]}}
START_SECONDS: Final = 180.0


class Place:
    """A Gateway that serves."""

    def __init__(self, running: lab.Lab, control_plane: int) -> None:
        self.lab, self.api = running, running.api
        self.control_plane = control_plane
        status = self.api.get(f"{objects.collection('Gateway')}/{objects.GATEWAY}")["status"]
        self.address = str(status["addresses"][0]["value"])

    def another_api(self) -> Api:
        """A way to the API server for another thread."""
        return Api.from_kubeconfig(self.lab.cluster.kubeconfig, self.lab.folder)

    @property
    def certificate(self) -> Path:
        """By which the API server knows the administrator."""
        return next(self.lab.folder.glob("*.pem"))

    def backend_addresses(self) -> list[str]:
        """Of the pods behind `backend`."""
        pods = self.api.get(f"/api/v1/namespaces/{objects.NAMESPACE}/pods", labelSelector="app=backend")["items"]
        return sorted(str(pod["status"]["podIP"]) for pod in pods)

    def client(self, port: int = 80) -> Client:
        """A visitor."""
        return Client(port, self.address)

    def data_plane(self) -> processes.DataPlane:
        """The processes of the data plane as they are now."""
        return processes.data_plane(int(self.lab.cluster.pid("runtime")))

    def create(self, *made: Object) -> None:
        """One object after the other."""
        for one in made:
            namespace = one["metadata"].get("namespace", objects.NAMESPACE)
            self.api.create(objects.collection(one["kind"], namespace), one)

    def apply(self, one: Object) -> None:
        """Create or change."""
        self.api.apply(objects.path(one), one, "bench")

    def backend(self, ports: tuple[int, ...] = (80,), pods: int = 1) -> None:
        """A Service `backend` with pods that answer."""
        self.create(objects.deployment("backend", pods), objects.service("backend", app="backend", ports=ports))
        self.pods_ready("backend", pods)

    def _ready(self, deployment: str, replicas: int) -> bool:
        status = self.api.get(f"{objects.collection('Deployment')}/{deployment}")["status"]
        return int(status.get("readyReplicas", 0)) == replicas

    def pods_ready(self, deployment: str, replicas: int) -> None:
        """Wait for the pods of a Deployment."""
        eventually(lambda: self._ready(deployment, replicas), START_SECONDS)


@contextmanager
def place(
    listeners: list[Object] | None = None, secrets: Sequence[Object] = (), kept: Path | None = None
) -> Iterator[Place]:
    """All of it, for one scenario; `secrets` are there before the Gateway."""
    images = {**lab.IMAGES, **_ECHO}
    with (
        lab.folder(kept) as folder,
        lab.cluster(folder, "experimental", known=images) as running,
        lab.control_plane(running) as process,
    ):
        running.api.create("/api/v1/namespaces", {"metadata": {"name": objects.NAMESPACE}})
        for one in secrets:
            running.api.create(objects.collection("Secret"), one)
        running.api.create(objects.collection("Gateway"), objects.gateway(listeners or [objects.listener()]))
        eventually(lambda: programmed(running.api), START_SECONDS)
        yield Place(running, process.pid)


def programmed(api: Api) -> bool:
    """Whether the Gateway serves."""
    status = api.get(f"{objects.collection('Gateway')}/{objects.GATEWAY}").get("status", {})
    return any(it["type"] == "Programmed" and it["status"] == "True" for it in status.get("conditions", []))
