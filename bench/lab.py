"""The processes of a run: gateways, backends, and what the kernel says of them. All end with the block they belong to.

Everything is on loopback, on ports the kernel chose, below one temporary folder.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from bench import world
from bench.client import Client, serves
from bench.scope_filters.lab import free_port
from bench.world import Upstream

START_SECONDS = 180.0
END_SECONDS = 20.0
LOOK_SECONDS = 0.01
_ALL = sorted(os.sched_getaffinity(0))
#: The measured proxy has a core of its own; load and upstream share another, or have one each if there are enough.
PROXY_CORE, LOAD_CORE, UPSTREAM_CORE = (_ALL[min(place, len(_ALL) - 1)] for place in (0, 1, 2))


@dataclass(frozen=True)
class Memory:
    """Bytes of both processes: resident, and the proportional share of what is shared."""

    control_plane: int
    envoy: int
    control_plane_pss: int
    envoy_pss: int


@contextmanager
def process(
    command: Sequence[str | Path],
    log: Path,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
    core: int | None = None,
    stdin: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process for the time of a block, on one core if asked; asked to end, then made to."""
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    with log.open("wb") as errors:
        child = subprocess.Popen([*pinned, *command], stdin=stdin, stdout=stdout, stderr=errors)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


class Gateway:
    """One running `sgw run`. `began` is the moment before its process was started."""

    def __init__(self, child: subprocess.Popen[bytes], port: int, status_port: int, log: Path, began: float) -> None:
        self.port, self.began = port, began
        self.client, self.status = Client(port), Client(status_port)
        self._child, self._log = child, log

    def first_answer(self, host: str) -> float:
        """The moment at which a host of the world first answers."""
        self._wait(self.client, host)
        return time.perf_counter()

    def ready(self) -> None:
        """Wait until Envoy has acknowledged everything."""
        self._wait(self.status, "status", "/readyz")

    def _wait(self, client: Client, host: str, path: str = "/") -> None:
        deadline = time.monotonic() + START_SECONDS
        while not serves(client.get(host, path)):
            if self._child.poll() is not None or time.monotonic() > deadline:
                log = self._log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the gateway does not serve {host}{path}; the end of its log:\n{log}")
            time.sleep(LOOK_SECONDS)

    def metrics(self) -> dict[str, float]:
        """The control plane's metrics that have no labels."""
        text = self.status.get("status", "/metrics")[1].decode()
        lines = (line.split(" ") for line in text.splitlines() if line[:1] != "#" and "{" not in line)
        return {name: float(value) for name, value in lines}

    def memory(self) -> Memory:
        """What both processes take now."""
        control_plane, envoy = (memory_of(pid) for pid in (self._child.pid, _child_of(self._child.pid)))
        return Memory(control_plane["Rss"], envoy["Rss"], control_plane["Pss"], envoy["Pss"])

    def cpu_seconds(self) -> float:
        """Processor time both processes have used so far."""
        return sum(cpu_seconds(pid) for pid in (self._child.pid, _child_of(self._child.pid)))

    def rest(self, seconds: float = 60.0) -> None:
        """Wait until both are idle, so that no garbage of work under way is counted as memory."""
        deadline, before = time.monotonic() + seconds, self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(1)
            now = self.cpu_seconds()
            if now - before < 0.03:
                return
            before = now


class Lab:
    """What the rows of one run share: a folder, two backends that tell their name, and worlds once they are built."""

    def __init__(self, folder: Path, a: Upstream, b: Upstream) -> None:
        self.root, self.a, self.b = folder, a, b
        self._worlds: dict[int, Path] = {}
        self._folders = 0

    def world(self, hosts: int) -> Path:
        """Manifests of so many hosts, all on backend `a`. Shared by rows: changes go into a folder of their own."""
        if hosts not in self._worlds:
            self._worlds[hosts] = self.root / f"world-{hosts}"
            world.build(self._worlds[hosts], hosts, self.a)
        return self._worlds[hosts]

    def folder(self) -> Path:
        """A new, empty folder."""
        self._folders += 1
        made = self.root / str(self._folders)
        made.mkdir()
        return made

    @contextmanager
    def gateway(self, *sources: Path, core: int | None = None, **settings: Any) -> Iterator[Gateway]:
        """`sgw run` on these manifests, with settings as in docs/settings.md. The access log is written to nowhere."""
        folder, port, status_port = self.folder(), free_port(), free_port()
        chosen = {"address": "127.0.0.1", "http_port": port, "https_port": free_port(), "status_port": status_port}
        (folder / "settings.json").write_text(json.dumps(chosen | {"state_dir": str(folder / "state")} | settings))
        command: list[str | Path] = [sys.executable, "-m", "sealos_gateway", "run"]
        command += ["--config", folder / "settings.json"]
        for source in sources:
            command += ["-f", source]
        began = time.perf_counter()
        with process(command, folder / "log", core=core) as child:
            gateway = Gateway(child, port, status_port, folder / "log", began)
            try:
                yield gateway
            finally:
                gateway.client.close()
                gateway.status.close()


@contextmanager
def lab() -> Iterator[Lab]:
    """The lab of one run."""
    with TemporaryDirectory(prefix="sgw-bench-") as name:
        folder = Path(name)
        with _backend(folder, "a") as a, _backend(folder, "b") as b:
            yield Lab(folder, a, b)


@contextmanager
def _backend(folder: Path, name: str) -> Iterator[Upstream]:
    command = [sys.executable, "-m", "bench.backend", name]
    with process(command, folder / f"backend-{name}.log", subprocess.PIPE) as child:
        assert child.stdout is not None
        with child.stdout:
            yield Upstream(int(child.stdout.readline()))


def _child_of(pid: int) -> int:
    """The Envoy of a gateway: its only child."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if children := (task / "children").read_text().split():
            return int(children[0])
    raise RuntimeError(f"the gateway {pid} runs no Envoy")


def memory_of(pid: int) -> dict[str, int]:
    """Bytes that a process takes, by the kernel's names: `Rss`, `Pss` and more."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(value.split()[0]) * 1024 for name, _, value in (line.partition(":") for line in lines)}


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
