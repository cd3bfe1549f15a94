"""Every object of the chart is one that the API server takes, field by field; the static manifest is applied."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.chart import helm
from tests.chart.test_chart import EVERYTHING, LEAST, MODES
from tests.cluster.harness import Api, Object

pytestmark = [pytest.mark.skipif(bool(helm.missing()), reason=helm.missing()), pytest.mark.timeout(120)]
HOSTING: Object = {
    "gateway": {"state": {"hostPath": "/var/lib/gw"}, "sysctls": {"net.core.somaxconn": "1"}, "sysctlsOnHost": True,
                "autoscaling": {"enabled": True}},
    "sidecar": {"accounts": ["shop/web"]},
    "gatewayApi": {"dataPlanes": True},
    "rbac": {"secrets": {"access": "named", "names": [{"namespace": "gateways", "names": ["x"]}], "watch": True}},
    "scope": {"namespaces": ["gateways"]},
}  # fmt: skip


def plurals(admin: Api) -> dict[tuple[str, str], tuple[str, bool]]:
    """Of every kind: the path of its group, with its plural, and whether it is namespaced."""
    groups = {"v1": "/api/v1"}
    for group in admin.get("/apis")["groups"]:
        groups[group["preferredVersion"]["groupVersion"]] = f"/apis/{group['preferredVersion']['groupVersion']}"
    return {
        (version, one["kind"]): (f"{path}|{one['name']}", one["namespaced"])
        for version, path in groups.items()
        for one in admin.get(path)["resources"]
        if "/" not in one["name"]
    }


def apply(admin: Api, known: dict[tuple[str, str], tuple[str, bool]], one: Object, **parameters: str) -> None:
    place, namespaced = known[one["apiVersion"], one["kind"]]
    path, _, plural = place.partition("|")
    inside = f"/namespaces/{one['metadata']['namespace']}" if namespaced else ""
    url = f"{path}{inside}/{plural}/{one['metadata']['name']}"
    query = {"fieldManager": "test", "fieldValidation": "Strict", **parameters}
    admin.call("PATCH", url, one, params=query, headers={"content-type": "application/apply-patch+yaml"})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("values", [LEAST, EVERYTHING, HOSTING], ids=["defaults", "everything", "hosting"])
def test_every_object_is_valid(admin: Api, tmp_path: Path, mode: str, values: Object) -> None:
    if mode == "standalone":
        values = {name: value for name, value in values.items() if name != "gatewayApi"}
    known = plurals(admin)
    apply(admin, known, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": helm.NAMESPACE}})
    objects = helm.render(tmp_path, {**values, "mode": mode})
    assert len(objects) > 10
    for one in objects:
        apply(admin, known, one, dryRun="All")


def test_the_static_manifest_is_applied(admin: Api) -> None:
    text = (helm.ROOT / "deploy" / "static" / "install.yaml").read_text()
    objects = [one for one in yaml.safe_load_all(text) if one]
    assert objects[0]["kind"] == "Namespace"
    known = plurals(admin)
    for one in objects:
        apply(admin, known, one)
    namespace = objects[0]["metadata"]["name"]
    found = admin.get(f"/apis/apps/v1/namespaces/{namespace}/daemonsets")["items"]
    assert [one["metadata"]["name"] for one in found] == ["sealos-gateway"]
