"""The cases that hold the stand-in for an API server to the real one, run against the real one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.cluster.harness import Cluster

ROOT = Path(__file__).parents[2]


def test_the_stand_in_behaves_as_the_real_one(api_server: Cluster) -> None:
    command = [sys.executable, "-m", "pytest", "-k", "real", "tests/kube/test_contract.py"]
    environment = {**os.environ, "SGW_TEST_KUBECONFIG": str(api_server.kubeconfig)}
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=80, check=False)
    assert found.returncode == 0, found.stdout[-3000:]
    assert int(re.findall(r"(\d+) passed", found.stdout)[0]) > 10
    # One cannot be asked of a real one: to forget what a watch may start from, at a moment of our choice.
    assert re.findall(r"(\d+) skipped", found.stdout) == ["1"]
