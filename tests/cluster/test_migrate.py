"""`sgw migrate` on a real API server: reads the objects, and what they and the controller refer to; writes nothing."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from sealos_gateway.cli import app
from tests.cluster.harness import Api, Cluster
from tests.cluster.test_apiserver import ingress, ingresses, service

NGINX = "nginx.ingress.kubernetes.io/"


def test_what_is_in_a_cluster(api_server: Cluster, admin: Api, namespace: str) -> None:
    admin.create(f"/api/v1/namespaces/{namespace}/services", service())
    made = ingress("shop")
    made["metadata"]["annotations"] = {f"{NGINX}configuration-snippet": "expires 1d;", f"{NGINX}proxy-body-size": "2m"}
    made["spec"]["ingressClassName"] = "nginx"
    admin.create(ingresses(namespace), made)
    data = {"proxy-body-size": "8m", "hsts": "false"}
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


def test_a_kubeconfig_that_leads_nowhere_is_told() -> None:
    result = CliRunner().invoke(app, ["migrate", "--from", "higress", "--kubeconfig", "/no/such/file"])
    assert (result.exit_code, "/no/such/file" in result.output) == (64, True)
