"""A real gateway under test: `sgw run` as a process with its Envoy, on ports and folders of its own.

Tests talk to it as users do: manifests in a folder, requests on the ports, and what it prints. Only Envoy's admin
socket is looked into besides, for what a user cannot see.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import msgspec
import yaml

from tests.e2e import manifests, processes
from tests.e2e.manifests import Object
from tests.e2e.processes import eventually

__all__ = ["Gateway", "GatewayEndedError", "eventually"]

LOOPBACK = "127.0.0.1"
BARRIER = "barrier.sgw.test"


class GatewayEndedError(AssertionError):
    """`sgw run` ended by itself; the text is what it said."""


class Gateway:
    """One `sgw run`. `folder` holds everything it owns; `state` may be shared by two that run one after the other."""

    def __init__(
        self,
        folder: Path,
        objects: Sequence[Object] = (),
        settings: Mapping[str, Any] | None = None,
        args: Sequence[str] = (),
        state: Path | None = None,
        ports: tuple[int, int, int] | None = None,
        concurrency: int = 1,
        source: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.manifests = folder / "manifests"
        self.state = state or folder / "state"
        self.manifests.mkdir(parents=True, exist_ok=True)
        self.args = list(args)
        self.source = list(source) or ["-f", str(self.manifests)]
        self.settings = {"address": LOOPBACK, "envoy": {"drain_seconds": 2}, **(settings or {})}
        self.concurrency = concurrency
        found = ports or processes.free_ports(3)
        self.http_port, self.https_port, self.status_port = found
        self.process: subprocess.Popen[bytes] | None = None
        self._barrier = 0
        self.apply(*objects)

    # ---------------------------------------------------------------- its life

    def launch(self) -> None:
        """Start the process, without waiting for it."""
        config = self.folder / "settings.yaml"
        config.write_text(yaml.safe_dump(self.settings))
        command = [sys.executable, "-m", "sealos_gateway", "run", *self.source]
        command += ["--config", str(config), "--state-dir", str(self.state), "--concurrency", str(self.concurrency)]
        command += ["--http-port", str(self.http_port), "--https-port", str(self.https_port)]
        command += ["--status-port", str(self.status_port), *self.args]
        with open(self.folder / "stdout", "ab") as stdout, open(self.folder / "stderr", "ab") as stderr:
            self.process = processes.start(command, stdout, stderr)

    def start(self, deadline: float = 30.0) -> Gateway:
        """Start it and wait until it says that it is ready."""
        self.launch()
        processes.wait_for(self.is_ready, deadline, f"ready; it said: {self.stderr()[-2000:]}")
        return self

    def is_ready(self) -> bool:
        """What /readyz says. Raises GatewayEndedError."""
        if self.process is not None and self.process.poll() is not None:
            raise GatewayEndedError(f"sgw run ended with status {self.process.returncode}: {self.stderr()[-2000:]}")
        with suppress(httpx.TransportError):
            return self.status("/readyz").status_code == 200
        return False

    def stop(self, deadline: float = 20.0) -> int:
        """SIGTERM; the exit status. After `deadline` everything is killed (status -9)."""
        if self.process is None:
            return 0
        status = processes.end(self.process, deadline)
        self.process = None
        return status

    def restart(self) -> None:
        """Stop it and start it again: same ports, same manifests, same state."""
        self.stop()
        self.start()

    def __enter__(self) -> Gateway:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def envoy_pid(self) -> int:
        """The Envoy of now; AssertionError while there is none."""
        for pid in processes.children(self.pid):
            with suppress(OSError):
                if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "envoy":
                    return pid
        raise AssertionError("no envoy is running")

    # ---------------------------------------------------------------- what it reads

    def apply(self, *objects: Object, file: str = "") -> None:
        """Write objects, a file for each; with `file` all of them into that one, as a List."""
        if file:
            self.write(file, json.dumps(manifests.listed(objects)))
            return
        for one in objects:
            self.write(file_name(one), json.dumps(one))

    def delete(self, *objects: Object, file: str = "") -> None:
        for name in [file] if file else [file_name(one) for one in objects]:
            (self.manifests / name).unlink(missing_ok=True)

    def write(self, name: str, text: str) -> Path:
        """A file as it is, at once: nobody ever sees half of it."""
        target = self.manifests / name
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.new")
        fresh.write_text(text)
        fresh.replace(target)
        return target

    async def settled(self) -> None:
        """Return when everything written so far is with Envoy. (What is removed may take a little longer.)"""
        self._barrier += 1
        place = f"/{os.getpid()}-{self._barrier}"
        self.apply(manifests.ingress("barrier", "sgw-barrier", {BARRIER: [manifests.path(place, "none:80", "Exact")]}))

        async def passed() -> bool:
            return (await self.get(BARRIER, place)).status_code == 503

        await eventually(passed)

    # ---------------------------------------------------------------- what it does

    async def request(
        self,
        method: str,
        host: str,
        path: str = "/",
        *,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        content: Any = None,
        http2: bool = False,
        https: bool = False,
        verify: Any = False,
        seconds: float = 10.0,
    ) -> httpx.Response:
        """One request on a connection of its own. With `https`, `host` is also the server name (SNI)."""
        named = [("Host", host), *(headers.items() if isinstance(headers, Mapping) else headers)]
        async with self.client(http2=http2, https=https, verify=verify, seconds=seconds) as client:
            extensions = {"sni_hostname": host.partition(":")[0]} if https else {}
            return await client.request(method, path, headers=named, content=content, extensions=extensions)

    async def get(self, host: str, path: str = "/", **options: Any) -> httpx.Response:
        return await self.request("GET", host, path, **options)

    def client(
        self, *, http2: bool = False, https: bool = False, verify: Any = False, seconds: float = 10.0
    ) -> httpx.AsyncClient:
        """A client of one of the two ports; `http2` is prior knowledge on the plain one, ALPN on the other."""
        base = f"https://{LOOPBACK}:{self.https_port}" if https else f"http://{LOOPBACK}:{self.http_port}"
        return httpx.AsyncClient(
            base_url=base, http1=not http2, http2=http2, trust_env=False, verify=verify, timeout=seconds
        )

    def status(self, path: str) -> httpx.Response:
        """A page of the status port. Raises httpx.TransportError when nobody answers."""
        with httpx.Client(trust_env=False, verify=False, timeout=5) as client:
            return client.get(f"http://{LOOPBACK}:{self.status_port}{path}")

    def problems(self) -> list[str]:
        return msgspec.json.decode(self.status("/problems").content, type=list[str])

    def metric(self, name: str) -> float:
        """The sum of a metric of the control plane over its labels."""
        lines = re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", self.status("/metrics").text, re.MULTILINE)
        return sum(map(float, lines))

    # ---------------------------------------------------------------- what it says

    def stdout(self) -> str:
        return (self.folder / "stdout").read_text(errors="replace")

    def stderr(self) -> str:
        path = self.folder / "stderr"
        return path.read_text(errors="replace") if path.exists() else ""

    def access_log(self, **fields: Any) -> list[dict[str, Any]]:
        """JSON lines of the access log that have these values."""
        lines = [json.loads(line) for line in self.stdout().splitlines() if line.startswith("{")]
        return [line for line in lines if all(line.get(key) == value for key, value in fields.items())]

    # ---------------------------------------------------------------- inside Envoy

    def admin(self, path: str, method: str = "GET") -> str:
        transport = httpx.HTTPTransport(uds=str(self.state / "admin.sock"))
        with httpx.Client(transport=transport, timeout=5) as client:
            return client.request(method, f"http://envoy{path}").text

    def stats(self, pattern: str) -> dict[str, int]:
        """Counters and gauges whose names match."""
        stats = json.loads(self.admin(f"/stats?format=json&filter={pattern}"))["stats"]
        return {one["name"]: int(one["value"]) for one in stats if "name" in one and "value" in one}

    def config_dump(self, resource: str) -> list[dict[str, Any]]:
        """One list of Envoy's config_dump, for instance `dynamic_active_clusters` or `dynamic_route_configs`."""
        return list(json.loads(self.admin(f"/config_dump?resource={resource}")).get("configs", []))


def file_name(one: Object) -> str:
    metadata = one["metadata"]
    return f"{one['kind']}.{metadata.get('namespace', '-')}.{metadata['name']}.json".lower()
