"""`sgw migrate` on a real API server: reads the objects, and what they and the controller refer to; writes nothing."""

from __future__ import annotations

import json

import pytest
import yaml
from typer.testing import CliRunner

from conformance import lab, modules
from sealos_gateway import definitions
from sealos_gateway.cli import app
from sealos_gateway.migrate import reading
from sealos_gateway.migrate.gateway_api import conversion, writing
from sealos_gateway.migrate.gateway_api.conversion import Wanted
from sealos_gateway.resources import kinds
from sealos_gateway.settings import Settings
from tests import objects
from tests.cluster.harness import Api, Cluster
from tests.cluster.test_apiserver import ingress, ingresses, service
from tests.migrate.families import SAME, SERVICES

NGINX = "nginx.ingress.kubernetes.io/"


def test_what_is_in_a_cluster(api_server: Cluster, admin: Api, namespace: str) -> None:
    admin.create(f"/api/v1/namespaces/{namespace}/services", service())
    made = ingress("shop")
    made["metadata"]["annotations"] = {f"{NGINX}configuration-snippet": "expires 1d;", f"{NGINX}proxy-body-size": "2m"}
    made["spec"]["ingressClassName"] = "nginx"
    admin.create(ingresses(namespace), made)
    data = {"proxy-body-size": "8m", "hsts": "true"}
    admin.create(f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": "controller"}, "data": data})
    before = admin.get(f"{ingresses(namespace)}/shop")

    options = ["--kubeconfig", str(api_server.kubeconfig), "--namespace", namespace, "-o", "json"]
    options += ["--configmap", f"{namespace}/controller"]
    result = CliRunner().invoke(app, ["migrate", "--from", "ingress-nginx", *options])

    said = json.loads(result.stdout)
    assert (result.exit_code, said["severity"], said["ingresses"], said["works"]) == (1, "differs", 1, 2)
    assert {(it["object"], it["field"]) for it in said["findings"]} == {
        (f"Ingress {namespace}/shop", f"metadata.annotations[{NGINX}configuration-snippet]"),
        (f"ConfigMap {namespace}/controller", "proxy-body-size"),
    }
    assert admin.get(f"{ingresses(namespace)}/shop") == before


@pytest.fixture(scope="module")
def defined(admin: Api) -> None:
    """The definitions of the Gateway API and of our policies."""
    own = [yaml.safe_load(definitions.pages()[f"{kind.group}_{kind.plural}.yaml"]) for kind in kinds.POLICIES]
    lab.install(admin, [*modules.definitions("standard"), *own])


@pytest.mark.skipif(bool(modules.missing()), reason=f"no Gateway API: {modules.missing()}")
@pytest.mark.usefixtures("defined")
def test_the_api_server_takes_what_is_written(admin: Api) -> None:
    """Every object of every family, unknown fields refused; it comes back as it was written."""
    for name in ("shop", "other", "sealos-gateway"):
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        admin.apply(f"/api/v1/namespaces/{name}", body, "test")  # other tests of this cluster may have made it
    for case, several in SAME.items():
        settings = reading.settings_for("ingress-nginx", Settings(), [])
        made = conversion.convert(objects.pipeline(*SERVICES, *several, settings=settings), Wanted("ingress-nginx"))
        for one in yaml.safe_load_all(writing.text(made.objects)):
            kind = kinds.BY_NAME[one["apiVersion"], one["kind"]]
            url = f"/apis/{one['apiVersion']}/namespaces/{one['metadata']['namespace']}/{kind.plural}"
            params = {"fieldValidation": "Strict", "dryRun": "All"}
            answer = admin.http.post(url, json=one, params=params)
            assert answer.status_code == 201, f"{case}: {one['kind']} {one['metadata']['name']}: {answer.text}"
            assert covers(answer.json()["spec"], one["spec"]), (case, one["kind"])


def covers(found: object, wanted: object) -> bool:
    """Whether all that was written is there; the server fills in defaults."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(name in found and covers(found[name], it) for name, it in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(covers, found, wanted))
    return found == wanted


def test_a_kubeconfig_that_leads_nowhere_is_told() -> None:
    result = CliRunner().invoke(app, ["migrate", "--from", "higress", "--kubeconfig", "/no/such/file"])
    assert (result.exit_code, "/no/such/file" in result.output) == (64, True)
