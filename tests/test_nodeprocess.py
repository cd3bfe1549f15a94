"""How a command line becomes a node: the same words, the settings that were read, and errors in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sealos_gateway import __main__, nodeprocess

SGW = [sys.executable, "-m", "sealos_gateway", "node"]


def node(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SGW, *words], capture_output=True, text=True, timeout=9, env={**os.environ, **environment}, check=False
    )


def test_what_the_node_cannot_work_with_is_one_line() -> None:
    found = node("--status-port", "0")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == "error: node.control: say where the control plane is (--control HOST)\n"


def test_bad_settings_are_found_before(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("node: {patience_seconds: -1}")
    found = node("--config", str(tmp_path / "settings.yaml"))
    assert found.returncode == 2
    assert "node.patience_seconds: -1 is not between" in found.stderr


@pytest.mark.parametrize("variable", ["x", "987654"])
def test_a_variable_that_somebody_else_set_is_told(variable: str) -> None:
    found = node("--control", "here", **{nodeprocess.VARIABLE: variable})
    assert found.returncode == 1
    assert "SGW_NODE_LAUNCH is set by `sgw node` for itself: unset it" in found.stderr


def test_the_program_looks_for_that_variable() -> None:
    assert nodeprocess.VARIABLE in Path(str(__main__.__file__)).read_text()
