"""Renders the chart with its defaults into `install.yaml`, for those who apply manifests: `make static`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HELM = ROOT / ".tools" / "helm"
CHART = ROOT / "deploy" / "helm" / "sealos-gateway"
FILE = Path(__file__).with_name("install.yaml")
NAMESPACE = "sealos-gateway"
#: What the API server is assumed to be; the chart's lower bound is the same for all who apply the file.
_KUBE_VERSION = "1.36.0"
_HEAD = f"""\
# Made by `make static` from deploy/helm/sealos-gateway with its defaults: edit there, not here.
#   kubectl apply -f install.yaml
# Private keys are not kept on disk (gateway.sealKey in the chart's values): after a restart while the control plane is
# away a node serves HTTP and no HTTPS until it is back.
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels: {{pod-security.kubernetes.io/enforce: LEVEL}}
"""


def rendered() -> str:
    """The whole file. Raises CalledProcessError when the chart cannot be rendered."""
    command = [HELM, "template", NAMESPACE, CHART, "--namespace", NAMESPACE, "--kube-version", _KUBE_VERSION]
    # A key that everybody can read would seal nothing.
    command += ["--set", "gateway.sealKey.create=false", "--include-crds"]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # Nothing tells Kubernetes that these objects belong to a release of Helm: they do not.
    found = "\n".join(
        line for line in found.splitlines() if "managed-by: Helm" not in line and "helm.sh/chart" not in line
    )
    level = "privileged" if "hostNetwork: true" in found else "restricted"
    return _HEAD.replace("LEVEL", level) + found.strip() + "\n"


if __name__ == "__main__":
    try:
        FILE.write_text(rendered(), encoding="utf-8")
    except subprocess.CalledProcessError as error:
        sys.exit(error.stderr)
