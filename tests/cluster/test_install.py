"""The chart on a real API server and node: every mode answers, upgrades lose nothing, removal leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart import helm
from tests.cluster import harness, release
from tests.cluster.harness import Api, Cluster, eventually
from tests.cluster.load import load
from tests.cluster.release import Release

REASON = harness.node_missing() or helm.missing()
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


def left(api: Api, gateway: Release) -> set[str]:
    """What is still there of a release that is gone."""
    found = release.objects_of(api, gateway.namespace)
    print(f"still there: {sorted(found)}")
    return found


def test_standalone_answers_and_leaves_nothing_behind(cluster: Cluster, api: Api, tmp_path: Path) -> None:
    gateway = Release(cluster, api, tmp_path, "standalone")
    gateway.install({"mode": "standalone"})

    url = gateway.url()
    eventually(lambda: release.status_of(url, HOST) == 200)
    assert release.status_of(url, "nobody.example.com") == 404

    gateway.uninstall()
    eventually(lambda: not left(api, gateway))


def test_an_upgrade_under_load_loses_no_request(cluster: Cluster, api: Api, tmp_path: Path) -> None:
    gateway = Release(cluster, api, tmp_path, "upgrade")
    gateway.install({"mode": "standalone"})
    url = gateway.url()
    eventually(lambda: release.status_of(url, HOST) == 200)
    before = {pod["metadata"]["uid"] for pod in gateway.pods()}

    with load(url, HOST) as clients:
        gateway.install({"mode": "standalone", "settings": {"http": {"max_request_headers": 99}}})
        eventually(lambda: not before & {pod["metadata"]["uid"] for pod in gateway.pods()}, 90)

    assert clients.lost() == {}
    assert clients.total() > 500
    gateway.uninstall()
