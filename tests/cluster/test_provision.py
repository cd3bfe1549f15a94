"""Gateways get data planes in a real cluster: made, reached by the control plane, changed, removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance import lab, modules
from tests.cluster import harness
from tests.cluster.harness import Api, Cluster, Object, eventually

_MISSING = harness.node_missing() or harness.image_missing() or modules.missing()
pytestmark = pytest.mark.skipif(bool(_MISSING), reason=_MISSING)

SPACE = "/api/v1/namespaces/shop"
APPS = "/apis/apps/v1/namespaces/shop"
GATEWAYS = f"{lab.GROUP}/namespaces/shop/gateways"
PROFILES = "/apis/gateway.sealos.io/v1alpha1/namespaces/shop/gatewayprofiles"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("provision")


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[Cluster]:
    (folder / "images.json").write_text(json.dumps(lab.IMAGES))
    running = Cluster(folder / "cluster", f"--images={folder / 'images.json'}")
    try:
        yield running
    finally:
        assert running.stop() == 0


@pytest.fixture(scope="module")
def api(cluster: Cluster, folder: Path) -> Iterator[Api]:
    """A cluster with the definitions of the Gateway API and ours, and our control plane."""
    api = Api.from_kubeconfig(cluster.kubeconfig, folder)
    with api.http:
        own = [yaml.safe_load(file.read_text()) for file in lab.DEFINITIONS.glob("*.yaml")]
        lab.install(api, [*modules.definitions("standard"), *own])
        api.create("/api/v1/namespaces", {"metadata": {"name": "shop"}})
        spec = {"controllerName": lab.CONTROLLER}
        api.create(
            f"{lab.GROUP}/gatewayclasses", {"metadata": {"name": "sealos"}, "spec": spec, **kind("GatewayClass")}
        )
        with lab.control_plane(lab.Lab(cluster, api, folder)):
            yield api


def kind(name: str) -> Object:
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": name}


def gateway(api: Api, name: str, **spec: Any) -> None:
    listeners = [{"name": "http", "port": 80, "protocol": "HTTP"}]
    whole = {"gatewayClassName": "sealos", "listeners": listeners, **spec}
    api.create(GATEWAYS, {**kind("Gateway"), "metadata": {"name": name}, "spec": whole})


def patch(api: Api, path: str, change: Object) -> None:
    api.call("PATCH", path, change, headers={"content-type": "application/merge-patch+json"})


def exists(api: Api, path: str) -> bool:
    return api.http.get(path).status_code == 200


def address(api: Api, name: str) -> str:
    if not exists(api, f"{SPACE}/services/{name}"):
        return ""
    points = api.get(f"{SPACE}/services/{name}")["status"]["loadBalancer"].get("ingress", [{}])
    return str(points[0].get("ip", ""))


def programmed(api: Api, name: str) -> bool:
    """Whether a node of the Gateway serves its configuration, and an address is known."""
    status = api.get(f"{GATEWAYS}/{name}")["status"]
    return any(it["type"] == "Programmed" and it["status"] == "True" for it in status["conditions"])


def reason(api: Api, name: str) -> str:
    """Why a Gateway is not served, or that it is."""
    conditions = api.get(f"{GATEWAYS}/{name}")["status"]["conditions"]
    return str(next(it["reason"] for it in conditions if it["type"] == "Programmed"))


def words(api: Api, name: str) -> str:
    """In words why a Gateway is not served, or that it is."""
    conditions = api.get(f"{GATEWAYS}/{name}")["status"]["conditions"]
    return str(next(it["message"] for it in conditions if it["type"] == "Programmed"))


@pytest.mark.timeout(180)
def test_a_gateway_gets_a_data_plane_and_loses_it(api: Api) -> None:
    gateway(api, "edge", infrastructure={"labels": {"team": "a"}, "annotations": {"note": "b"}})
    eventually(lambda: programmed(api, "edge"), 60)
    (known,) = api.get(f"{GATEWAYS}/edge")["status"]["addresses"]
    assert known == {"type": "IPAddress", "value": address(api, "edge-sealos")}
    for path in (f"{SPACE}/services", f"{SPACE}/serviceaccounts", f"{SPACE}/pods", f"{APPS}/deployments"):
        (found,) = api.get(path, labelSelector="gateway.networking.k8s.io/gateway-name=edge")["items"]
        assert found["metadata"]["labels"]["team"] == "a"
        assert found["metadata"]["annotations"]["note"] == "b"

    api.call("DELETE", f"{GATEWAYS}/edge")
    # The cluster's own collector removes what a Gateway owned, and looks for new kinds of owners twice a minute only.
    eventually(lambda: not exists(api, f"{SPACE}/services/edge-sealos"), 90)
    eventually(lambda: not exists(api, f"{APPS}/deployments/edge-sealos"))


def test_another_port_is_a_port_of_the_service_and_no_new_pod(api: Api) -> None:
    gateway(api, "ports")
    eventually(lambda: programmed(api, "ports"), 60)
    (before,) = api.get(f"{SPACE}/pods", labelSelector="gateway.networking.k8s.io/gateway-name=ports")["items"]
    listeners = [{"name": "a", "port": 80, "protocol": "HTTP"}, {"name": "b", "port": 5300, "protocol": "UDP"}]
    patch(api, f"{GATEWAYS}/ports", {"spec": {"listeners": listeners}})
    eventually(lambda: len(api.get(f"{SPACE}/services/ports-sealos")["spec"]["ports"]) == 2)
    (after,) = api.get(f"{SPACE}/pods", labelSelector="gateway.networking.k8s.io/gateway-name=ports")["items"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


def test_a_profile_changes_what_runs(api: Api) -> None:
    profile = {"apiVersion": "gateway.sealos.io/v1alpha1", "kind": "GatewayProfile", "metadata": {"name": "p"}}
    api.create(PROFILES, {**profile, "spec": {"replicas": 2}})
    reference = {"group": "gateway.sealos.io", "kind": "GatewayProfile", "name": "p"}
    gateway(api, "shaped", infrastructure={"parametersRef": reference})
    eventually(lambda: exists(api, f"{APPS}/deployments/shaped-sealos"))
    assert api.get(f"{APPS}/deployments/shaped-sealos")["spec"]["replicas"] == 2
    patch(api, f"{PROFILES}/p", {"spec": {"workload": "DaemonSet"}})
    eventually(lambda: exists(api, f"{APPS}/daemonsets/shaped-sealos"))
    eventually(lambda: not exists(api, f"{APPS}/deployments/shaped-sealos"))


def test_the_server_refuses_a_profile_that_makes_no_sense(api: Api) -> None:
    profile = {"apiVersion": "gateway.sealos.io/v1alpha1", "kind": "GatewayProfile", "metadata": {"name": "bad"}}
    status = api.denied("POST", PROFILES, {**profile, "spec": {"workload": "StatefulSet"}})
    assert "spec.workload" in status["message"]


def test_a_profile_that_the_server_cannot_convert_is_told_and_hurts_nobody(api: Api) -> None:
    """The API server answers 500 to a quantity that is none: nothing that it has to do with others."""
    profile = {"apiVersion": "gateway.sealos.io/v1alpha1", "kind": "GatewayProfile", "metadata": {"name": "potato"}}
    api.create(PROFILES, {**profile, "spec": {"resources": {"limits": {"memory": "potato"}}}})
    reference = {"group": "gateway.sealos.io", "kind": "GatewayProfile", "name": "potato"}
    gateway(api, "poor", infrastructure={"parametersRef": reference})
    eventually(lambda: "Deployment poor-sealos" in words(api, "poor"))
    assert "quantities must match" in words(api, "poor")
    gateway(api, "beside")
    eventually(lambda: reason(api, "beside") != "Pending", 5)
    patch(api, f"{PROFILES}/potato", {"spec": {"resources": {"limits": {"memory": "1Gi"}}}})
    eventually(lambda: programmed(api, "poor"), 60)


def test_what_somebody_deletes_is_made_again(api: Api) -> None:
    gateway(api, "firm")
    eventually(lambda: bool(address(api, "firm-sealos")))
    api.call("DELETE", f"{SPACE}/services/firm-sealos")
    eventually(lambda: bool(address(api, "firm-sealos")))


def test_a_service_of_somebody_else_is_left_alone(api: Api) -> None:
    api.create(f"{SPACE}/services", {"metadata": {"name": "taken-sealos"}, "spec": {"ports": [{"port": 9}]}})
    gateway(api, "taken")
    eventually(lambda: exists(api, f"{APPS}/deployments/taken-sealos"))
    eventually(lambda: "not ours" in words(api, "taken"))
    found = api.get(f"{SPACE}/services/taken-sealos")
    assert "labels" not in found["metadata"]
    assert found["spec"]["ports"][0]["port"] == 9


def test_an_address_that_is_asked_for_and_one_that_cannot_be_had(api: Api, cluster: Cluster, folder: Path) -> None:
    wanted = lab.Lab(cluster, api, folder).usable
    gateway(api, "fixed", addresses=[{"value": lab.UNUSABLE}])
    eventually(lambda: reason(api, "fixed") == "AddressNotUsable")
    assert address(api, "fixed-sealos") == ""
    patch(api, f"{GATEWAYS}/fixed", {"spec": {"addresses": [{"value": wanted}]}})
    eventually(lambda: address(api, "fixed-sealos") == wanted)


def test_a_class_in_use_outlives_its_deletion(api: Api) -> None:
    path, gateway_path = f"{lab.GROUP}/gatewayclasses/second", f"{GATEWAYS}/last"
    spec = {"controllerName": lab.CONTROLLER}
    api.create(f"{lab.GROUP}/gatewayclasses", {**kind("GatewayClass"), "metadata": {"name": "second"}, "spec": spec})
    gateway(api, "last", gatewayClassName="second")
    eventually(lambda: bool(api.get(path)["metadata"].get("finalizers")))
    api.call("DELETE", path)
    assert api.get(path)["metadata"]["deletionTimestamp"]
    api.call("DELETE", gateway_path)
    eventually(lambda: not exists(api, path))


@pytest.mark.timeout(120)
def test_a_class_that_is_forced_away_leaves_nobody_saying_that_he_is_served(api: Api) -> None:
    path, route = f"{lab.GROUP}/gatewayclasses/forced", f"{lab.GROUP}/namespaces/shop/httproutes/forced"
    spec = {"controllerName": lab.CONTROLLER}
    made = {**kind("GatewayClass"), "metadata": {"name": "forced"}, "spec": spec}
    api.create(f"{lab.GROUP}/gatewayclasses", made)
    gateway(api, "forced", gatewayClassName="forced")
    parents = {"parentRefs": [{"name": "forced"}], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}
    api.create(route.rpartition("/")[0], {**kind("HTTPRoute"), "metadata": {"name": "forced"}, "spec": parents})
    eventually(lambda: programmed(api, "forced"), 60)
    eventually(lambda: len(api.get(route)["status"]["parents"]) == 1)
    known = api.get(f"{GATEWAYS}/forced")["status"]["addresses"]

    api.call("DELETE", path)
    patch(api, path, {"metadata": {"finalizers": None}})
    eventually(lambda: not exists(api, path))
    eventually(lambda: reason(api, "forced") == "Pending")
    eventually(lambda: api.get(route)["status"]["parents"] == [])
    status = api.get(f"{GATEWAYS}/forced")["status"]
    told = {it["type"]: it["status"] for it in status["conditions"]}
    assert told == {"Accepted": "Unknown", "Programmed": "Unknown"}
    assert (status["addresses"], status.get("listeners", [])) == (known, [])
    api.create(f"{lab.GROUP}/gatewayclasses", made)
    eventually(lambda: programmed(api, "forced"), 30)
    eventually(lambda: len(api.get(route)["status"]["parents"]) == 1)


def test_the_class_is_accepted(api: Api) -> None:
    def condition(type_: str = "Accepted") -> Object:
        found = api.get(f"{lab.GROUP}/gatewayclasses/sealos")["status"]["conditions"]
        chosen: Object = next((it for it in found if it["type"] == type_), {"status": "", "reason": ""})
        return chosen

    eventually(lambda: condition()["status"] == "True")
    eventually(lambda: condition("SupportedVersion")["status"] == "True")
    patch(api, f"{lab.GROUP}/gatewayclasses/sealos", {"spec": {"description": "another generation"}})
    eventually(lambda: condition()["observedGeneration"] == 2)
    reference = {"group": "gateway.sealos.io", "kind": "GatewayProfile", "name": "absent", "namespace": "shop"}
    patch(api, f"{lab.GROUP}/gatewayclasses/sealos", {"spec": {"parametersRef": reference}})
    eventually(lambda: condition()["reason"] == "InvalidParameters")
    patch(api, f"{lab.GROUP}/gatewayclasses/sealos", {"spec": {"parametersRef": None}})
    eventually(lambda: condition()["status"] == "True")
