"""Control planes and nodes as processes of their own, as they run in a cluster: `sgw control` and `sgw node`.

Without a cluster nodes join by a token. All replicas of one `Fleet` share manifests and authority; every node has
ports, a state folder and an Envoy of its own, and is a `Gateway` to the helpers that ask one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.e2e import processes
from tests.e2e.harness import LOOPBACK, Gateway
from tests.e2e.manifests import Object

#: Another program than ours, as `Fleet.program`; see there.
ANOTHER_SGW = Path(__file__).with_name("another_sgw.py")
TOKEN = "a token that is long enough for a test"


class Control:
    """One replica of the control plane. Its ports stay the same when it is started again."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self.fleet = fleet
        self.folder = fleet.folder / f"control-{number}"
        self.folder.mkdir()
        self.xds_port, self.enrol_port, self.status_port = processes.free_ports(3)
        self.process: subprocess.Popen[bytes] | None = None
        self.settings: dict[str, Any] = {}
        self.environment: dict[str, str] = {}

    def launch(self) -> None:
        config = self.folder / "settings.yaml"
        control = {
            "address": LOOPBACK, "xds_port": self.xds_port, "enrol_port": self.enrol_port,
            **self.fleet.control_settings,
        }  # fmt: skip
        config.write_text(
            yaml.safe_dump({"address": LOOPBACK, "control": control, **self.fleet.settings, **self.settings})
        )
        ports = self.fleet.ports
        command = [sys.executable, *self.fleet.program, "control", *self.fleet.source, "--config", str(config)]
        command += ["--state-dir", str(self.fleet.folder / "control"), "--status-port", str(self.status_port)]
        command += ["--http-port", str(ports[0]), "--https-port", str(ports[1])]
        with open(self.folder / "log", "ab") as said:
            self.process = processes.start(command, said, said, {**os.environ, **self.environment})

    def start(self) -> Control:
        self.launch()
        return self.wait()

    def wait(self) -> Control:
        processes.wait_for(lambda: ready(self.status_port, self.process, self.said), 30, f"control: {self.said()}")
        return self

    def said(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def kill(self) -> None:
        """As if its machine was gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        return processes.end(self.process, 20) if self.process else 0

    def metric(self, name: str) -> float:
        lines = [line.split() for line in self.page("/metrics").splitlines()]
        return float(next(line[1] for line in lines if line and line[0] == name))

    def page(self, path: str) -> str:
        return httpx.get(f"http://{LOOPBACK}:{self.status_port}{path}", trust_env=False, timeout=5).text


class Node(Gateway):
    """One `sgw node`. It listens where the configuration says; so only one per fleet runs at a time on this machine,
    unless the fleet is told to give each another address."""

    def __init__(self, fleet: Fleet, number: int, **node: Any) -> None:
        self.fleet = fleet
        self.name = f"node-{number}"
        self.node_settings = node
        self.fresh_token = fleet.folder / "token"
        self.environment: dict[str, str] = {}
        super().__init__(fleet.folder / self.name, ports=(*fleet.ports, processes.free_ports(1)[0]))
        self.manifests = fleet.manifests.manifests
        self.control = fleet.controls[0]

    def launch(self) -> None:
        config = self.folder / "settings.yaml"
        control = {"xds_port": self.control.xds_port, "enrol_port": self.control.enrol_port}
        node = {
            "control": LOOPBACK, "name": self.name, "token_file": str(self.fresh_token),
            "ca_file": str(self.fleet.ca_file), **self.node_settings,
        }  # fmt: skip
        config.write_text(
            yaml.safe_dump({**self.settings, **self.fleet.node_settings, "control": control, "node": node})
        )
        command = [sys.executable, *self.fleet.program, "node", "--config", str(config), "--concurrency", "1"]
        command += ["--state-dir", str(self.state), "--status-port", str(self.status_port)]
        with open(self.folder / "stdout", "ab") as stdout, open(self.folder / "stderr", "ab") as stderr:
            self.process = processes.start(command, stdout, stderr, {**os.environ, **self.environment})

    def kill(self) -> None:
        """The node and its Envoy, at once."""
        assert self.process is not None
        below = processes.children(self.process.pid)
        self.process.kill()
        self.process.wait()
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        processes.wait_for(lambda: not any(map(alive, below)), 10, "the Envoy is gone")


class Fleet:
    """What replicas and nodes share. `source` is `-f` on the fleet's own folder unless said otherwise."""

    def __init__(
        self,
        folder: Path,
        objects: Sequence[Object] = (),
        settings: Mapping[str, Any] | None = None,
        source: Sequence[str] = (),
        controls: int = 1,
    ) -> None:
        self.folder = folder
        self.program: list[str] = ["-m", "sealos_gateway"]
        self.settings = dict(settings or {})
        self.node_settings: dict[str, Any] = {}
        (folder / "token").write_text(TOKEN)
        self.control_settings: dict[str, Any] = {"join_token_file": str(folder / "token")}
        http, https = processes.free_ports(2)
        self.ports = (http, https)
        self.manifests = Gateway(folder / "objects", objects)  # never started: only its folder of manifests
        self.source = list(source) or ["-f", str(self.manifests.manifests)]
        self.ca_file = folder / "control" / "ca" / "ca.crt"
        self.controls = [Control(self, number) for number in range(controls)]
        self.nodes: list[Node] = []

    def node(self, **node: Any) -> Node:
        self.nodes.append(Node(self, len(self.nodes), **node))
        return self.nodes[-1]

    def apply(self, *objects: Object) -> None:
        self.manifests.apply(*objects)

    def delete(self, *objects: Object) -> None:
        self.manifests.delete(*objects)

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()
        for control in self.controls:
            control.stop()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ready(port: int, process: subprocess.Popen[bytes] | None, said: Any) -> bool:
    assert process is None or process.poll() is None, said()
    try:
        return httpx.get(f"http://{LOOPBACK}:{port}/readyz", trust_env=False, timeout=5).status_code == 200
    except httpx.TransportError:
        return False
