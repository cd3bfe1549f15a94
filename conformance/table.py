"""`python -m conformance.table REPORT…`: a report of the suite as a short table, a line per profile."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

_COLUMNS = ("passed", "failed", "skipped")


def rows(report: dict[str, Any]) -> list[tuple[str, ...]]:
    """Profile; core and extended tests as passed/failed/skipped; extended features supported/not; what did not pass."""
    return [_row(profile) for profile in sorted(report.get("profiles") or (), key=lambda it: str(it["name"]))]


def _row(profile: dict[str, Any]) -> tuple[str, ...]:
    core, extended = profile.get("core") or {}, profile.get("extended") or {}
    supported, unsupported = (len(extended.get(f"{it}Features") or ()) for it in ("supported", "unsupported"))
    bad = [name for part in (core, extended) for it in ("failedTests", "skippedTests") for name in part.get(it) or ()]
    return profile["name"], _counts(core), _counts(extended), f"{supported}/{unsupported}", ", ".join(bad) or "–"


def _counts(part: dict[str, Any]) -> str:
    found = {name.lower(): number for name, number in (part.get("statistics") or {}).items()}  # v1.7.0: "Passed"
    return "/".join(str(found.get(column, 0)) for column in _COLUMNS)


def show(paths: Sequence[Path]) -> None:
    for path in paths:
        report = yaml.safe_load(path.read_text("utf-8"))
        title = f"Gateway API {report['gatewayAPIVersion']}, {report['gatewayAPIChannel']}"
        table = Table("profile", "core", "extended", "features", "not passed", title=title, caption=str(path))
        for row in rows(report):
            table.add_row(*row)
        Console(width=160).print(table)


if __name__ == "__main__":
    show([Path(argument) for argument in sys.argv[1:]])
