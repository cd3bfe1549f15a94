"""Memory of the relay beside an Envoy, with a few hosts, with 5,000, and with very many; nobody asks for any of them.

A control plane and one node as processes of their own. The node is measured twice: after all of it came over the
connection, and started anew from its disk. What it holds is the same; how it came decides what is left over.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.lab import Lab, memory_of, process
from bench.result import Figure, Result, Size, megabytes
from bench.scope_filters.lab import free_port

MOST_BYTES = 40e6
BAR_HOSTS = 5000
READY_SECONDS = 300
REST_SECONDS = 3.0
TOKEN = "a token that is long enough for a bench"


def run(lab: Lab, size: Size) -> Result:
    """The bar is for 5,000 hosts; the others show what it begins with, and what each host adds."""
    counts = sorted({size.few_hosts, min(BAR_HOSTS, size.hosts), size.hosts})
    found = {hosts: _measured(lab, hosts) for hosts in counts}
    figures = [_figure(hosts, one["arrived"], one["from_disk"]) for hosts, one in found.items()]
    return Result(figures, {"hosts": {str(hosts): one for hosts, one in found.items()}})


def _measured(lab: Lab, hosts: int) -> dict[str, dict[str, int]]:
    folder, status_port = lab.folder(), free_port()
    control = {"address": "127.0.0.1", "xds_port": free_port(), "enrol_port": free_port()}
    (folder / "token").write_text(TOKEN)
    common = {"address": "127.0.0.1", "http_port": free_port(), "https_port": free_port(), "lazy": {"threshold": 0}}
    _settings(folder / "control.json", **common, status_port=free_port(), state_dir=str(folder / "control"),
              control={**control, "join_token_file": str(folder / "token")})  # fmt: skip
    node = {
        "control": "127.0.0.1", "name": "node", "token_file": str(folder / "token"),
        "ca_file": str(folder / "control" / "ca" / "ca.crt"), "patience_seconds": READY_SECONDS,
    }  # fmt: skip
    _settings(folder / "node.json", **common, status_port=status_port, state_dir=str(folder / "node"), control=control,
              node=node)  # fmt: skip
    sgw: list[str | Path] = [sys.executable, "-m", "sealos_gateway"]
    command = [*sgw, "control", "--config", folder / "control.json", "-f", lab.world(hosts)]
    with process(command, folder / "control.log"):
        return {
            name: _node([*sgw, "node", "--config", folder / "node.json"], folder / "node.log", status_port)
            for name in ("arrived", "from_disk")
        }


def _settings(path: Path, **settings: object) -> None:
    path.write_text(json.dumps(settings))


def _node(command: list[str | Path], log: Path, status_port: int) -> dict[str, int]:
    with _ready(command, log, status_port) as pid:
        time.sleep(REST_SECONDS)
        found = memory_of(pid)
    return {name: found[name] for name in ("Rss", "Pss", "Anonymous")}


@contextmanager
def _ready(command: list[str | Path], log: Path, status_port: int) -> Iterator[int]:
    """The process of a node that says it is ready."""
    with process(command, log) as child:
        deadline = time.monotonic() + READY_SECONDS
        while not _is_ready(status_port):
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the node is not ready: {log.read_text()[-500:]}")
            time.sleep(0.1)
        yield child.pid


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _figure(hosts: int, arrived: dict[str, int], from_disk: dict[str, int]) -> Figure:
    bar = hosts == BAR_HOSTS
    return Figure(
        f"memory of a node's relay (without its Envoy), {hosts:,} hosts configured, none used",
        f"节点 relay 内存（不含 Envoy），配置 {hosts:,} 个域名，未访问",
        f"≤ {megabytes(MOST_BYTES)}" if bar else "–",
        f"{megabytes(arrived['Rss'])} (its own {megabytes(arrived['Anonymous'])}; "
        f"started from disk {megabytes(from_disk['Rss'])})",
        max(arrived["Rss"], from_disk["Rss"]) <= MOST_BYTES if bar else None,
    )
