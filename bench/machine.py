"""On what was measured: the machine, the versions, the commit. Nothing that names the machine itself."""

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

from bench.scope_filters.lab import ENVOY

PROGRAMS = {
    "envoy": (str(ENVOY), "--version"),
    "nginx": ("nginx", "-v"),
    "haproxy": ("haproxy", "-v"),
    "wrk": ("wrk", "-v"),
    "h2load": ("h2load", "--version"),
}
VERSION = re.compile(r"\d+(\.\d+)+")


def describe() -> dict[str, Any]:
    """As it goes into the result file."""
    found = {
        "cpu": _field("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": int(_field("/proc/meminfo", "MemTotal").split()[0]) * 1024,
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
    return found | {name: _version(command) for name, command in PROGRAMS.items()}


def commit() -> tuple[str, bool]:
    """The short commit, and whether the product or the bench differ from it."""
    changed = _git("status", "--porcelain", "--", "src", "bench", "constraints.txt", ":!bench/results")
    return _git("rev-parse", "--short", "HEAD"), bool(changed)


def _field(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown 0"


def _version(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except FileNotFoundError:
        return "not installed"
    text = (done.stdout + done.stderr).replace(
        command[0], ""
    )  # Envoy prints its path first, with Python's version in it
    found = VERSION.search(text)
    return found[0] if found else "unknown"


def _git(*arguments: str) -> str:
    folder = Path(__file__).parent.parent
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()
