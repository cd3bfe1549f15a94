"""The chart through Helm: rendered, linted, refused."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
ROOT = Path(__file__).parents[2]
BINARY = ROOT / ".tools" / "helm"
CHART = ROOT / "deploy" / "helm" / "sealos-gateway"
NAMESPACE = "gateways"


def missing() -> str:
    """Why there is no Helm; empty when it can be called."""
    return "" if os.access(BINARY, os.X_OK) else "no Helm: .tools/helm is not built (make helm, which needs Go)"


def call(*arguments: str, kubeconfig: Path | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Helm as for a user without settings of his own."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": os.environ["PATH"], "HOME": home}
        if kubeconfig:
            environment["KUBECONFIG"] = str(kubeconfig)
        return subprocess.run(
            [BINARY, *arguments], env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )


def values_file(folder: Path, values: Object) -> Path:
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def render(folder: Path, values: Object, release: str = "gw") -> list[Object]:
    """The objects of a release."""
    made = template(folder, values, release)
    assert made.returncode == 0, made.stderr
    return [one for one in yaml.safe_load_all(made.stdout) if one]


def refused(folder: Path, values: Object) -> str:
    """What Helm says about values that must not be accepted."""
    made = template(folder, values, "gw")
    assert made.returncode != 0
    return made.stderr


def template(folder: Path, values: Object, release: str) -> subprocess.CompletedProcess[str]:
    file = str(values_file(folder, values))
    return call("template", release, str(CHART), "--namespace", NAMESPACE, "--values", file)


def pods(objects: list[Object]) -> list[Object]:
    """The pod templates among the objects."""
    return [one["spec"]["template"] for one in objects if one["kind"] in ("Deployment", "DaemonSet")]


def one(objects: list[Object], kind: str, name: str | None = None) -> Object:
    found = [it for it in objects if it["kind"] == kind and name in (None, it["metadata"]["name"])]
    assert len(found) == 1, [(it["kind"], it["metadata"]["name"]) for it in objects]
    return found[0]
