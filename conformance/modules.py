"""Where the Go modules of the suite are, and the programs made of them."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).parent
BIN: Final = HERE / "bin"
PROGRAMS: Final = ("conformance", "echo-basic", "coredns")
API: Final = "sigs.k8s.io/gateway-api"
CHANNELS: Final = ("standard", "experimental")

Object = dict[str, Any]


def missing() -> str:
    """Why the suite cannot run; empty when it can."""
    if shutil.which("go") is None:
        return "go is not installed"
    absent = [name for name in PROGRAMS if not os.access(BIN / name, os.X_OK)]
    return f"conformance/bin/{absent[0]} is not built (make conformance-build)" if absent else ""


@functools.cache
def folder() -> Path:
    """The module of the API in the module cache, downloaded where it is not there yet. Raises CalledProcessError."""
    command = ["go", "mod", "download", "-json", f"{API}@{version()}"]
    found = subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True)
    return Path(json.loads(found.stdout)["Dir"])


@functools.cache
def version() -> str:
    """The release of the Gateway API that `go.mod` names."""
    command = ["go", "list", "-m", "-f", "{{.Replace.Version}}", API]
    return subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True).stdout.strip()


def definitions(channel: str) -> list[Object]:
    """The custom resource definitions of a channel, and what comes with them."""
    files = sorted((folder() / "config" / "crd" / channel).glob("gateway.networking.*.yaml"))
    return [document for file in files for document in yaml.safe_load_all(file.read_text("utf-8")) if document]
