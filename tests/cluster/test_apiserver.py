"""The API server of the test cluster is a real one: every behaviour the gateway relies on, seen once from outside."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.harness import Api, Cluster, Object

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


def ingresses(namespace: str) -> str:
    return f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses"


def ingress(name: str) -> Object:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {"host": f"{name}.test", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    return {"metadata": {"name": name}, "spec": {"rules": [rule]}}


def service() -> Object:
    return {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}


def endpoint_slice(address: str) -> Object:
    return {
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"port": 8080}],
        "endpoints": [{"addresses": [address]}],
    }


def test_services_get_an_address_and_slices_are_validated(admin: Api, namespace: str) -> None:
    made = admin.create(f"/api/v1/namespaces/{namespace}/services", service())
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"

    assert made["spec"]["clusterIP"].startswith("100.")
    assert "may not be in the loopback range" in admin.denied("POST", slices, endpoint_slice("127.0.0.1"))["message"]
    assert admin.create(slices, endpoint_slice("100.65.0.9"))["endpoints"][0]["addresses"] == ["100.65.0.9"]


def test_a_secret_comes_back_as_it_was(admin: Api, namespace: str) -> None:
    data = {"tls.crt": b64encode(b"certificate").decode(), "tls.key": b64encode(b"key").decode()}
    path = f"/api/v1/namespaces/{namespace}/secrets"
    admin.create(path, {"metadata": {"name": "tls"}, "type": "kubernetes.io/tls", "data": data})

    assert admin.get(f"{path}/tls")["data"] == data


def test_a_watch_tells_changes_and_bookmarks(admin: Api, namespace: str) -> None:
    start = admin.get(ingresses(namespace))["metadata"]["resourceVersion"]
    admin.create(ingresses(namespace), ingress("a"))
    admin.call("DELETE", f"{ingresses(namespace)}/a")

    bookmarks = {"allowWatchBookmarks": "true", "timeoutSeconds": "4"}
    with admin.watch(ingresses(namespace), resourceVersion=start, **bookmarks) as events:
        added, deleted = next(events), next(events)
        # A change elsewhere: the watch does not tell it, but its bookmark moves past it.
        elsewhere = admin.create(ingresses("default"), ingress(namespace))
        bookmark = next(events)

    assert [added["type"], deleted["type"], bookmark["type"]] == ["ADDED", "DELETED", "BOOKMARK"]
    assert int(bookmark["object"]["metadata"]["resourceVersion"]) >= int(elsewhere["metadata"]["resourceVersion"])


def test_a_watch_can_begin_with_the_list(admin: Api, namespace: str) -> None:
    names = {"a", "b", "c"}
    for name in names:
        admin.create(ingresses(namespace), ingress(name))
    streaming = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}

    with admin.watch(ingresses(namespace), **streaming) as events:
        listed = {next(events)["object"]["metadata"]["name"] for _ in names}
        end = next(events)

    assert listed == names
    assert end["type"] == "BOOKMARK"
    assert end["object"]["metadata"]["annotations"] == {INITIAL_EVENTS_END: "true"}


def test_a_list_comes_in_pages(admin: Api, namespace: str) -> None:
    for name in ("a", "b", "c"):
        admin.create(ingresses(namespace), ingress(name))
    first = admin.get(ingresses(namespace), limit="2")
    second = admin.get(ingresses(namespace), limit="2", **{"continue": first["metadata"]["continue"]})

    assert [item["metadata"]["name"] for item in first["items"] + second["items"]] == ["a", "b", "c"]
    assert "continue" not in second["metadata"]


def test_status_is_applied_by_its_manager_only(admin: Api, namespace: str) -> None:
    admin.create(ingresses(namespace), ingress("a"))
    path = f"{ingresses(namespace)}/a/status"
    identity = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "a"}}
    address = {"ip": "192.0.2.7"}
    applied = admin.apply(path, identity | {"status": {"loadBalancer": {"ingress": [address]}}}, manager="gateway")

    assert applied["status"]["loadBalancer"]["ingress"] == [address]
    assert applied["spec"]["rules"][0]["host"] == "a.test"
    owned = [entry for entry in applied["metadata"]["managedFields"] if entry["manager"] == "gateway"]
    assert [(entry["operation"], entry["subresource"]) for entry in owned] == [("Apply", "status")]


def test_a_stale_lease_update_conflicts(admin: Api, namespace: str) -> None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    lease = admin.create(path, {"metadata": {"name": "leader"}, "spec": {"holderIdentity": "one"}})
    admin.call("PUT", f"{path}/leader", lease | {"spec": {"holderIdentity": "two"}})

    status = admin.denied("PUT", f"{path}/leader", lease | {"spec": {"holderIdentity": "three"}})
    assert (status["code"], status["reason"]) == (409, "Conflict")


@pytest.fixture
def robot(admin: Api, namespace: str) -> Iterator[Api]:
    """A service account that has no rights, known by a token of its own."""
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    admin.create(accounts, {"metadata": {"name": "robot"}})
    token = admin.create(f"{accounts}/robot/token", {"spec": {"expirationSeconds": 600}})["status"]["token"]
    api = admin.with_token(token)
    with api.http:
        yield api


def test_rights_come_from_roles(admin: Api, robot: Api, namespace: str) -> None:
    assert robot.denied("GET", ingresses(namespace))["reason"] == "Forbidden"

    rights = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rule = {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["list"]}
    admin.create(f"{rights}/roles", {"metadata": {"name": "reader"}, "rules": [rule]})
    subject = {"kind": "ServiceAccount", "name": "robot", "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    admin.create(f"{rights}/rolebindings", {"metadata": {"name": "r"}, "subjects": [subject], "roleRef": role})

    assert robot.get(ingresses(namespace))["items"] == []
    assert robot.denied("POST", ingresses(namespace), ingress("a"))["reason"] == "Forbidden"


def test_a_token_is_reviewed(admin: Api, robot: Api, namespace: str) -> None:
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    status = admin.create(path, {"spec": {"token": robot.token}})["status"]

    assert status["authenticated"]
    assert status["user"]["username"] == f"system:serviceaccount:{namespace}:robot"
    assert "authenticated" not in admin.create(path, {"spec": {"token": robot.token + "x"}})["status"]


def test_the_second_context_of_the_kubeconfig_is_a_token(api_server: Cluster, tmp_path: Path) -> None:
    api = Api.from_kubeconfig(api_server.kubeconfig, tmp_path, context="token")
    with api.http:
        assert api.get("/api/v1/namespaces/default")["metadata"]["name"] == "default"


def test_a_custom_resource_has_a_schema_a_status_and_cel_rules(admin: Api, namespace: str) -> None:
    pipe_spec = {
        "type": "object",
        "properties": {"low": {"type": "integer"}, "high": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "self.low <= self.high", "message": "low is above high"}],
    }
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": pipe_spec, "status": status}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    group = f"{namespace}.example.com"
    names = {"kind": "Pipe", "plural": "pipes", "singular": "pipe"}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    made = admin.create(definitions, {"metadata": {"name": f"pipes.{group}"}, "spec": spec})
    with admin.watch(definitions, resourceVersion=made["metadata"]["resourceVersion"]) as events:
        next(event for event in events if established(event["object"], f"pipes.{group}"))

    path = f"/apis/{group}/v1/namespaces/{namespace}/pipes"
    identity = {"apiVersion": f"{group}/v1", "kind": "Pipe", "metadata": {"name": "p"}}
    refused = admin.denied("POST", path, identity | {"spec": {"low": 2, "high": 1}})
    assert "low is above high" in refused["message"]
    admin.create(path, identity | {"spec": {"low": 1, "high": 2}})
    applied = admin.apply(f"{path}/p/status", identity | {"status": {"flow": "yes"}}, manager="gateway")
    assert (applied["spec"], applied["status"]) == ({"low": 1, "high": 2}, {"flow": "yes"})


def established(definition: Object, name: str) -> bool:
    if definition["metadata"]["name"] != name:
        return False
    conditions = definition.get("status", {}).get("conditions", [])
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)
