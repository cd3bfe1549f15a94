"""The process of `sgw node` is small: what it has imported, after it did everything that a node does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.backends import Echo
from tests.e2e.fleet import Fleet, Node
from tests.e2e.test_relay import HOST, SAFE, SEAL, application, secured

#: Rooms of the control plane, and what only it or a command line needs.
NOT_OURS = (
    "sealos_gateway.cli", "sealos_gateway.main", "sealos_gateway.controller", "sealos_gateway.pipeline",
    "sealos_gateway.wiring", "sealos_gateway.translate", "sealos_gateway.resources", "sealos_gateway.nginx",
    "sealos_gateway.kube", "sealos_gateway.files", "sealos_gateway.migrate", "sealos_gateway.provision",
    "sealos_gateway.control", "sealos_gateway.live", "sealos_gateway.explain", "sealos_gateway.observe",
    "sealos_gateway.envoy.api", "sealos_gateway.envoy.names", "sealos_gateway.envoy.routes",
    "sealos_gateway.model.policy", "sealos_gateway.model.keys",
    "aiohttp", "prometheus_client", "typer", "click", "rich", "yaml", "kubernetes_asyncio", "watchfiles",
    "hypercorn", "re2", "ssl", "_hashlib", "sealos_gateway.trust.keys", "envoy.config.bootstrap", "envoy.extensions",
)  # fmt: skip

#: Written by Python at its end, where a folder of ours is looked into first.
_AT_THE_END = """\
import atexit, os, sys
def told():
    if "sealos_gateway.agent" in sys.modules:
        with open(os.environ["SGW_TEST_MODULES"], "w") as file:
            file.write("\\n".join(sorted(name for name, module in sys.modules.items() if module)))
atexit.register(told)
"""


@pytest.fixture
def fleet(tmp_path_factory: pytest.TempPathFactory, echo_a: Echo) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("f")
    made = Fleet(folder, application("web", HOST, echo_a.port))
    (folder / "seal").write_text(SEAL)
    (folder / "path").mkdir()
    (folder / "path" / "sitecustomize.py").write_text(_AT_THE_END)
    try:
        made.controls[0].start()
        yield made
    finally:
        made.stop()


def command_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


async def loaded(node: Node, *hosts: str) -> list[str]:
    """What a node has imported at its end, after it did all that nodes do, and answered these hosts."""
    folder = node.fleet.folder
    path = os.pathsep.join([str(folder / "path"), *filter(None, [os.environ.get("PYTHONPATH")])])
    node.environment = {"PYTHONPATH": path, "SGW_TEST_MODULES": str(folder / "modules")}
    await asyncio.to_thread(node.start)
    for host in hosts:
        assert (await node.get(host)).status_code in (200, 308)
    for page in ("/healthz", "/readyz", "/metrics/envoy"):
        assert (await asyncio.to_thread(node.status, page)).status_code == 200
    told = list(text_string_to_metric_families(node.status("/metrics").text))
    assert {it.type for it in told} == {"gauge", "counter"}
    assert all(it.name.startswith("sgw_node_") and it.documentation and len(it.samples) == 1 for it in told)
    assert "node" in command_of(node.pid), "`ps` shows what was typed"
    assert await asyncio.to_thread(node.stop) == 0
    found = (folder / "modules").read_text().split("\n")
    assert "sealos_gateway.node.relay" in found
    return found


def within(names: Iterable[str], modules: Iterable[str]) -> list[str]:
    return [it for it in modules if any(it == name or it.startswith(f"{name}.") for name in names)]


async def test_a_node_imports_nothing_of_a_control_plane(fleet: Fleet) -> None:
    node = fleet.node(seal_key_file=str(fleet.folder / "seal"))
    assert not within([*NOT_OURS, "cryptography"], await loaded(node, HOST))


async def test_with_private_keys_to_be_sealed_it_has_what_seals_them_besides(fleet: Fleet, echo_a: Echo) -> None:
    fleet.apply(*secured(echo_a.port))
    node = fleet.node(seal_key_file=str(fleet.folder / "seal"))
    found = await loaded(node, HOST, SAFE)
    assert not within(NOT_OURS, found)
    assert within(["cryptography.hazmat"], found)
