"""Our policy kinds on a real API server: it takes the definitions, keeps every field, and refuses what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from sealos_gateway import definitions
from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import Kind
from tests.cluster.harness import Api, eventually
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
