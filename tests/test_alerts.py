"""Prometheus' own tool reads the alerts and says which fire for given figures (deploy/prometheus/rules.test.yaml)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROMTOOL = ROOT / ".tools" / "promtool"
pytestmark = [
    pytest.mark.skipif(
        not os.access(PROMTOOL, os.X_OK),
        reason="no promtool: .tools/promtool is not built (make promtool, which needs Go)",
    ),
    pytest.mark.timeout(60),
]


@pytest.mark.parametrize(
    "words", [("check", "rules", "--lint-fatal", "rules.yaml"), ("test", "rules", "rules.test.yaml")]
)
def test_promtool_agrees(words: tuple[str, ...]) -> None:
    folder = ROOT / "deploy" / "prometheus"
    done = subprocess.run([PROMTOOL, *words], cwd=folder, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
