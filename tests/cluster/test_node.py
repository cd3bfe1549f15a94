"""The node of the test cluster: pods are local processes, and everything about them is as in a real cluster."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cluster import harness
from tests.cluster.harness import Api, Cluster, Object, eventually

pytestmark = pytest.mark.skipif(bool(harness.node_missing()), reason=harness.node_missing())

IMAGES = {
    "test/shell": {"entrypoint": ["/bin/sh", "-c"]},
    "test/web": {"entrypoint": [sys.executable, "-m", "http.server", "--directory", "/www"], "args": ["8080"]},
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    images = tmp_path_factory.mktemp("images") / "images.json"
    images.write_text(json.dumps(IMAGES))
    cluster = Cluster(tmp_path_factory.mktemp("node"), f"--images={images}")
    try:
        yield cluster
    finally:
        assert cluster.stop() == 0


@pytest.fixture(scope="module")
def api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    api = Api.from_kubeconfig(cluster.kubeconfig, tmp_path_factory.mktemp("admin"))
    with api.http:
        yield api


@pytest.fixture
def space(api: Api, request: pytest.FixtureRequest) -> Iterator[str]:
    """The path of a namespace of the test's own; afterwards it is left to its deletion."""
    name = request.node.name.replace("_", "-")[:60].rstrip("-")
    api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield f"/api/v1/namespaces/{name}"
    api.call("DELETE", f"/api/v1/namespaces/{name}")


def pod(container: Object, **spec: object) -> Object:
    whole = {"terminationGracePeriodSeconds": 5, **spec, "containers": [{"name": "main", **container}]}
    return {"metadata": {"name": "p", "labels": {"app": "web"}}, "spec": whole}


def shell(script: str, **container: object) -> Object:
    return {"image": "test/shell:1", "args": [script], **container}


def web(**container: object) -> Object:
    return {"image": "test/web", "volumeMounts": [{"name": "www", "mountPath": "/www"}], **container}


def is_ready(found: Object) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in found["status"].get("conditions", []))


def status_of(api: Api, space: str) -> Object:
    status: Object = api.get(f"{space}/pods/p")["status"]
    return status


def run_to_end(api: Api, space: str, container: Object, **spec: object) -> str:
    """What a pod printed that runs once."""
    api.create(f"{space}/pods", pod(container, restartPolicy="Never", **spec))
    eventually(lambda: status_of(api, space)["phase"] in ("Succeeded", "Failed"))
    text = api.http.get(f"{space}/pods/p/log").text
    assert status_of(api, space)["phase"] == "Succeeded", text
    return text


def test_a_deployment_answers_at_every_address_of_its_service(api: Api, space: str) -> None:
    api.create(f"{space}/configmaps", {"metadata": {"name": "www"}, "data": {"hello.txt": "hello"}})
    template = pod(
        web(readinessProbe={"httpGet": {"path": "/hello.txt", "port": 8080}, "periodSeconds": 1}),
        volumes=[{"name": "www", "configMap": {"name": "www"}}],
    )
    deployments = space.replace("/api/v1", "/apis/apps/v1") + "/deployments"
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    api.create(deployments, {"metadata": {"name": "web"}, "spec": spec})
    ports = [{"port": 80, "targetPort": 8080}]
    service = {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": ports}
    api.create(f"{space}/services", {"metadata": {"name": "web"}, "spec": service})

    eventually(lambda: api.get(f"{deployments}/web")["status"].get("readyReplicas") == 2)
    eventually(lambda: bool(api.get(f"{space}/services/web")["status"]["loadBalancer"]))
    made = api.get(f"{space}/services/web")
    urls = [f"http://{made['spec']['clusterIP']}", f"http://{made['status']['loadBalancer']['ingress'][0]['ip']}"]
    urls += [f"http://{one['status']['podIP']}:8080" for one in api.get(f"{space}/pods")["items"]]
    assert len(set(urls)) == 4
    eventually(lambda: all(answer(f"{url}/hello.txt") == "hello" for url in urls))


def answer(url: str) -> str:
    try:
        return httpx.get(url, timeout=2, trust_env=False).text
    except httpx.TransportError:
        return ""


def test_an_unknown_image_is_refused_with_an_event(api: Api, space: str) -> None:
    api.create(f"{space}/pods", pod({"image": "example.com/unknown:1"}))

    eventually(lambda: any("refused: no local command" in e.get("message", "") for e in events(api, space)))
    assert status_of(api, space)["phase"] == "Pending"


def events(api: Api, space: str) -> list[Object]:
    items: list[Object] = api.get(f"{space}/events")["items"]
    return items


def test_a_failing_liveness_probe_restarts_the_container(api: Api, space: str) -> None:
    probe = {"exec": {"command": ["/bin/sh", "-c", "test -e /tmp/alive"]}, "periodSeconds": 1, "failureThreshold": 1}
    script = "touch /tmp/alive; sleep 2; rm /tmp/alive; sleep 60"
    api.create(f"{space}/pods", pod(shell(script, livenessProbe=probe), terminationGracePeriodSeconds=0))

    eventually(lambda: status_of(api, space).get("containerStatuses", [{}])[0].get("restartCount", 0) >= 1)
    assert any("Liveness probe failed" in e.get("message", "") for e in events(api, space))


def test_readiness_follows_a_tcp_probe(api: Api, space: str) -> None:
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    volumes = [{"name": "www", "emptyDir": {}}]
    container = web(command=["/bin/sh", "-c", f"sleep 2; exec {sys.executable} -m http.server 8080"])
    api.create(f"{space}/pods", pod({**container, "readinessProbe": probe}, volumes=volumes))

    eventually(lambda: bool(status_of(api, space).get("containerStatuses", [{}])[0].get("started")))
    assert not is_ready(api.get(f"{space}/pods/p"))
    eventually(lambda: is_ready(api.get(f"{space}/pods/p")))


def test_a_deleted_pod_has_its_grace_to_end(api: Api, space: str, tmp_path: Path) -> None:
    mounted = {"volumeMounts": [{"name": "out", "mountPath": "/out"}]}
    script = "trap 'sleep 1; echo ended > /out/last; exit 0' TERM; echo up > /out/last; while :; do sleep 0.1; done"
    volumes = [{"name": "out", "hostPath": {"path": str(tmp_path)}}]
    api.create(f"{space}/pods", pod(shell(script, **mounted), volumes=volumes))
    eventually(lambda: (tmp_path / "last").exists())

    api.call("DELETE", f"{space}/pods/p")
    assert "deletionTimestamp" in api.get(f"{space}/pods/p")["metadata"]
    eventually(lambda: api.http.get(f"{space}/pods/p").status_code == 404)
    assert (tmp_path / "last").read_text() == "ended\n"


def test_a_deleted_namespace_takes_everything_with_it(api: Api) -> None:
    path = "/api/v1/namespaces/short-lived"
    api.create("/api/v1/namespaces", {"metadata": {"name": "short-lived"}})
    api.create(f"{path}/configmaps", {"metadata": {"name": "c"}})

    api.call("DELETE", path)
    eventually(lambda: api.http.get(path).status_code == 404)
    assert api.get(f"{path}/configmaps")["items"] == []


def test_a_restricted_pod_has_few_rights_and_its_own_files(api: Api, space: str) -> None:
    security = {
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "runAsNonRoot": True,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
    }
    script = (
        "id -u; grep -E 'CapBnd|CapEff|NoNewPrivs' /proc/self/status | tr -d ' \\t'; "
        "touch /etc/mine 2>/dev/null || echo readonly; touch /scratch/mine && echo scratch; hostname; echo $WHERE; "
        "cat /var/run/secrets/kubernetes.io/serviceaccount/namespace"
    )
    env = [{"name": "WHERE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]
    mounts = [{"name": "scratch", "mountPath": "/scratch"}]
    container = shell(script, securityContext=security, env=env, volumeMounts=mounts)
    printed = run_to_end(api, space, container, volumes=[{"name": "scratch", "emptyDir": {}}]).split()

    assert printed == [
        "65532",
        "CapEff:0000000000000000",
        "CapBnd:0000000000000400",
        "NoNewPrivs:1",
        "readonly",
        "scratch",
        "p",
        "node-1",
        space.rpartition("/")[2],
    ]
    assert not Path("/scratch").exists()


def test_pods_find_services_by_name(api: Api, space: str) -> None:
    script = f"{sys.executable} -c \"import socket; print(socket.gethostbyname('kubernetes.default.svc'))\""
    address = run_to_end(api, space, shell(script)).strip()

    assert address == api.get("/api/v1/namespaces/default/services/kubernetes")["spec"]["clusterIP"]


def test_pods_reach_the_api_server_with_their_account(api: Api, space: str) -> None:
    program = (
        "import os, ssl, urllib.request as u; d = '/var/run/secrets/kubernetes.io/serviceaccount/'; "
        "r = u.Request('https://kubernetes.default.svc/version', headers="
        "{'Authorization': 'Bearer ' + open(d + 'token').read()}); "
        "print(u.urlopen(r, context=ssl.create_default_context(cafile=d + 'ca.crt')).status)"
    )
    assert run_to_end(api, space, {"image": "test/shell", "command": [sys.executable, "-c", program]}) == "200\n"


def test_a_daemon_set_on_the_host_network_answers_at_the_node(api: Api, space: str) -> None:
    template = pod(web(args=["8099"]), hostNetwork=True, volumes=[{"name": "www", "emptyDir": {}}])
    path = space.replace("/api/v1", "/apis/apps/v1") + "/daemonsets"
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    api.create(path, {"metadata": {"name": "d"}, "spec": spec})
    addresses = api.get("/api/v1/nodes/node-1")["status"]["addresses"]
    node = next(a["address"] for a in addresses if a["type"] == "InternalIP")

    eventually(lambda: "Directory listing" in answer(f"http://{node}:8099/"))


def test_pods_live_on_while_the_api_server_is_dead(cluster: Cluster, api: Api, space: str) -> None:
    api.create(f"{space}/pods", pod(web(), volumes=[{"name": "www", "emptyDir": {}}]))
    eventually(lambda: is_ready(api.get(f"{space}/pods/p")))
    address = status_of(api, space)["podIP"]
    eventually(lambda: "Directory listing" in answer(f"http://{address}:8080/"))

    cluster.hold("kube-apiserver")
    os.kill(cluster.pid("kube-apiserver"), signal.SIGKILL)
    eventually(lambda: answer(f"{api.server}/version") == "")
    assert "Directory listing" in answer(f"http://{address}:8080/")

    cluster.release("kube-apiserver")
    eventually(api.alive)
    assert status_of(api, space)["containerStatuses"][0]["restartCount"] == 0
