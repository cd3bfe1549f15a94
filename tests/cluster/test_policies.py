"""Our policy kinds on a real API server: it takes the definitions, keeps every field, and refuses what is wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from sealos_gateway import definitions
from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import Kind
from tests.cluster.harness import Api, Cluster, eventually
from tests.e2e.harness import Gateway
from tests.resources.test_policies import BY_NAME, sample

pytestmark = pytest.mark.timeout(120)
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture(scope="module")
def defined(admin: Api) -> None:
    """The definitions of the repository, established."""
    for kind in kinds.POLICIES:
        page = definitions.pages()[f"{kind.group}_{kind.plural}.yaml"]
        name = f"{kind.plural}.{kind.group}"
        params = {"fieldManager": "test", "fieldValidation": "Strict"}
        headers = {"content-type": "application/apply-patch+yaml"}
        admin.call("PATCH", f"{CRDS}/{name}", yaml.safe_load(page), params=params, headers=headers)
        eventually(lambda name=name: _established(admin.get(f"{CRDS}/{name}")))  # type: ignore[misc]


def _established(found: dict[str, Any]) -> bool:
    listed = found.get("status", {}).get("conditions") or ()
    conditions = {it["type"]: it["status"] for it in listed}
    return conditions.get("Established") == "True" and conditions.get("NonStructuralSchema", "False") == "False"


def post(admin: Api, kind: Kind, namespace: str, one: dict[str, Any]) -> httpx.Response:
    url = f"/apis/{kind.api_version}/namespaces/{namespace}/{kind.plural}"
    return admin.http.post(url, json=one, params={"fieldValidation": "Strict"})


def placed(kind: Kind, namespace: str, **spec: Any) -> dict[str, Any]:
    one = sample(kind)
    return {**one, "metadata": {"name": "web", "namespace": namespace}, "spec": {**one["spec"], **spec}}


@pytest.mark.usefixtures("defined")
@pytest.mark.parametrize("kind", kinds.POLICIES, ids=lambda kind: kind.name)
def test_the_api_server_keeps_every_field(admin: Api, namespace: str, kind: Kind) -> None:
    answer = post(admin, kind, namespace, placed(kind, namespace))
    assert answer.status_code == 201, answer.text
    assert kinds.from_builtins(kind, answer.json()).spec == kinds.from_builtins(kind, sample(kind)).spec  # type: ignore[attr-defined]


INVALID = Path(__file__).with_name("invalid_policies.yaml")


@pytest.mark.usefixtures("defined")
@pytest.mark.parametrize("case", yaml.safe_load(INVALID.read_text()), ids=lambda case: str(case["field"]))
def test_what_is_wrong_is_refused(admin: Api, namespace: str, case: dict[str, Any]) -> None:
    kind = BY_NAME[case["kind"]]
    answer = post(admin, kind, namespace, placed(kind, namespace, **case["spec"]))
    assert answer.status_code in (400, 422), answer.text
    assert case["field"] in answer.json()["message"]


@pytest.mark.usefixtures("defined")
def test_status_is_written_beside_that_of_others(
    api_server: Cluster, admin: Api, namespace: str, tmp_path: Path
) -> None:
    """A policy that is closed, is mended, and loses its target: each time its status says so, and the route follows."""
    kind, host = kinds.SECURITY_POLICY, f"{namespace}.test"
    service = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    admin.create(f"/api/v1/namespaces/{namespace}/services", service)
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    spec = {"ingressClassName": "sealos", "rules": [{"host": host, "http": {"paths": paths}}]}
    ingresses = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses"
    admin.create(ingresses, {"metadata": {"name": "old"}, "spec": spec})
    target = {"group": "networking.k8s.io", "kind": "Ingress", "name": "old"}
    one = {"targetRefs": [target], "basicAuth": {"secretRef": {"name": "users"}}}
    identity = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": "login"}}
    place = f"/apis/{kind.api_version}/namespaces/{namespace}/{kind.plural}"
    admin.create(place, {**identity, "spec": one})
    theirs = {"ancestorRef": target, "controllerName": "example.com/other", "conditions": []}
    admin.apply(f"{place}/login/status", {**identity, "status": {"ancestors": [theirs]}}, manager="other")

    def told() -> dict[str, str]:
        entries = admin.get(f"{place}/login")["status"]["ancestors"]
        assert theirs["controllerName"] in [it["controllerName"] for it in entries]
        return {it["controllerName"]: it["conditions"][0]["reason"] for it in entries if it["conditions"]}

    settings = {"kubernetes": {"lease_namespace": namespace}}
    source = ["--kubeconfig", str(api_server.kubeconfig), "--namespace", namespace]
    with Gateway(tmp_path, settings=settings, source=source) as gateway:
        ours = "sealos.io/gateway-controller"
        eventually(lambda: told() == {ours: "Invalid"})
        assert asyncio.run(gateway.get(host)).text.startswith("refused")
        secrets = f"/api/v1/namespaces/{namespace}/secrets"
        admin.create(secrets, {"metadata": {"name": "users"}, "stringData": {"auth": "ann:{PLAIN}secret"}})
        eventually(lambda: told() == {ours: "Accepted"}, 60)
        eventually(lambda: asyncio.run(gateway.get(host)).status_code == 401)
        admin.call("DELETE", f"{ingresses}/old")
        eventually(lambda: told() == {ours: "TargetNotFound"})
