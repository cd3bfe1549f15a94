"""Where the Go modules of the suite are, and the programs made of them."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).parent
BIN: Final = HERE / "bin"
API: Final = "sigs.k8s.io/gateway-api"
CHANNELS: Final = ("standard", "experimental")

Object = dict[str, Any]


@dataclass(frozen=True)
class Release:
    """One release of the Gateway API: the file that pins its modules, the program made of its suite.

    `toolchain` is the Go that its modules ask for where that is not the machine's own.
    """

    version: str
    pins: str
    program: str
    toolchain: str = ""

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | ({"GOTOOLCHAIN": self.toolchain} if self.toolchain else {})


#: The oldest that we promise to pass, and the newest.
RELEASES: Final = (
    Release("v1.6.1", "go.mod", "conformance"),
    Release("v1.7.0", "newest.mod", "conformance-newest", "go1.27.3"),
)


def release(version: str) -> Release:
    """Raises StopIteration where nothing is pinned for that version."""
    return next(it for it in RELEASES if it.version == version)


def missing(release: Release = RELEASES[0]) -> str:
    """Why the suite cannot run; empty when it can."""
    if shutil.which("go") is None:
        return "go is not installed"
    absent = [name for name in (release.program, "echo-basic", "coredns") if not os.access(BIN / name, os.X_OK)]
    if absent:
        target = "conformance-newest" if absent[0] == release.program and release.toolchain else "conformance-build"
        return f"conformance/bin/{absent[0]} is not built (make {target})"
    try:
        folder(release)
    except subprocess.CalledProcessError as error:
        return f"the modules of {release.version} cannot be had: {error.stderr.strip()[-300:]}"
    return ""


@functools.cache
def folder(release: Release) -> Path:
    """The module of the API in the module cache, downloaded where it is not there yet. Raises CalledProcessError."""
    command = ["go", "mod", "download", f"-modfile={release.pins}", "-json", API]
    found = subprocess.run(command, cwd=HERE, env=release.environment, check=True, capture_output=True, text=True)
    return Path(json.loads(found.stdout)["Dir"])


def definitions(channel: str, release: Release = RELEASES[0]) -> list[Object]:
    """The custom resource definitions of a channel, and what comes with them."""
    files = sorted((folder(release) / "config" / "crd" / channel).glob("gateway.networking.*.yaml"))
    return [document for file in files for document in yaml.safe_load_all(file.read_text("utf-8")) if document]
