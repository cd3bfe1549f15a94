"""The chart on a real API server and node: every mode answers, upgrades lose nothing, removal leaves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chart import helm
from tests.cluster import harness, release
from tests.cluster.harness import Api, Cluster, eventually
from tests.cluster.load import load
from tests.cluster.release import Release

REASON = harness.node_missing() or harness.image_missing() or helm.missing()
pytestmark = [pytest.mark.skipif(bool(REASON), reason=REASON), pytest.mark.timeout(240)]

HOST = "shop.example.com"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = release.cluster_with_images(tmp_path_factory.mktemp("install"))
    try:
        yield cluster
    finally:
        assert cluster.stop() == 0


@pytest.fixture(scope="module")
def api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    api = Api.from_kubeconfig(cluster.kubeconfig, tmp_path_factory.mktemp("admin"))
    with api.http:
        release.shop(api, "shop", HOST)
        yield api


NewRelease = Callable[..., Release]


@pytest.fixture
def new_release(cluster: Cluster, api: Api, tmp_path: Path) -> Iterator[NewRelease]:
    """`new_release(namespace, level="restricted")`; what a test leaves installed is removed after it."""
    made: list[Release] = []

    def make(namespace: str, level: str = "restricted") -> Release:
        made.append(Release(cluster, api, tmp_path, namespace, level))
        return made[-1]

    yield make
    for one in made:
        if one.installed:
            one.uninstall()


def left(api: Api, gateway: Release) -> set[str]:
    """What is still there of a release that is gone."""
    found = release.objects_of(api, gateway.namespace)
    print(f"still there: {sorted(found)}")
    return found


def test_standalone_answers_and_leaves_nothing_behind(new_release: NewRelease, api: Api) -> None:
    """With as few rights as there can be: two namespaces, and one Secret in them."""
    gateway = new_release("standalone")
    secrets = {"access": "named", "names": [{"namespace": "shop", "names": ["tls"]}]}
    scope = {"namespaces": ["shop", gateway.namespace]}
    gateway.install({"mode": "standalone", "rbac": {"secrets": secrets}, "scope": scope})

    answers(api, gateway.url())
    url = gateway.url(443).replace("http://", "https://")
    eventually(lambda: release.status_of(url, HOST) == 200)
    gateway.uninstall()
    eventually(lambda: not left(api, gateway))


def answers(api: Api, url: str) -> None:
    eventually(lambda: release.status_of(url, HOST) == 200)
    assert release.status_of(url, "nobody.example.com") == 404


def test_daemonset_answers_at_the_ports_of_the_node_without_being_root(new_release: NewRelease, api: Api) -> None:
    gateway = new_release("daemonset", level="privileged")
    gateway.install({"mode": "daemonset"})
    answers(api, f"http://{release.node_address(api)}:80")

    (pod,) = [pod for pod in gateway.pods() if pod["spec"].get("hostNetwork")]
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    gateway.uninstall()
    eventually(lambda: not left(api, gateway))


def test_deployment_answers_at_its_service(new_release: NewRelease, api: Api) -> None:
    gateway = new_release("deployment")
    gateway.install({"mode": "deployment"})
    answers(api, gateway.url())
    # Its certificate was read by name: nothing in the cluster lets the gateway list Secrets.
    url = gateway.url(443).replace("http://", "https://")
    eventually(lambda: release.status_of(url, HOST) == 200)

    seal = api.get(gateway.path("secrets/gw-sealos-gateway-seal"))["data"]
    gateway.install({"mode": "deployment", "gateway": {"replicas": 1}})
    assert api.get(gateway.path("secrets/gw-sealos-gateway-seal"))["data"] == seal
    gateway.uninstall()
    eventually(lambda: not left(api, gateway))


def test_sidecar_answers_in_pods_that_ask_and_others_are_left_alone(new_release: NewRelease, api: Api) -> None:
    gateway = new_release("sidecar")
    gateway.install({"mode": "sidecar", "sidecar": {"accounts": ["asking/default"]}})
    asking = new_release("asking")
    asking.create_pod("plain")
    asking.create_pod("with", {"sealos.io/sidecar": "true"})
    eventually(lambda: asking.ready("with"))

    pod = api.get(asking.path("pods/with"))
    assert [one["name"] for one in pod["spec"]["initContainers"]] == ["sealos-gateway"]
    answers(api, f"http://{pod['status']['podIP']}:15080")
    assert "initContainers" not in api.get(asking.path("pods/plain"))["spec"]

    refused = asking.refused_pod("wrong", {"sealos.io/sidecar": "yes"})
    assert 'neither "true" nor "false"' in refused
    other = new_release("not-listed")
    assert "not-listed/default may not be a node" in other.refused_pod("p", {"sealos.io/sidecar": "true"})

    gateway.uninstall()
    eventually(lambda: not left(api, gateway))
    # Nobody is asked any more: pods that ask start without it.
    asking.create_pod("later", {"sealos.io/sidecar": "true"})


@pytest.mark.parametrize("mode", ["deployment", "standalone"])
def test_an_upgrade_under_load_loses_no_request(new_release: NewRelease, mode: str) -> None:
    """All pods are replaced, the control plane's too; some requests take seconds."""
    gateway = new_release(f"upgrade-{mode}")
    gateway.install({"mode": mode})
    url = gateway.url()
    eventually(lambda: release.status_of(url, HOST) == 200)
    before = {pod["metadata"]["uid"] for pod in gateway.pods()}

    with load(url, HOST) as clients:
        gateway.install({"mode": mode, "settings": {"http": {"max_request_headers": 99}}})
        eventually(lambda: not before & {pod["metadata"]["uid"] for pod in gateway.pods()}, 90)

    assert clients.lost() == {}
    assert clients.total() > 500
