"""What tests may do to a part of the test cluster: kill it, keep it away, have it back with everything it knew."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cluster.harness import Api, Cluster, eventually

INGRESSES = "/apis/networking.k8s.io/v1/ingresses"


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster that only this test has."""
    cluster = Cluster(tmp_path / "data", "--api-only")
    try:
        yield cluster
    finally:
        assert cluster.stop() == 0


def test_a_killed_api_server_stays_away_while_held_and_forgets_old_versions(
    own_cluster: Cluster, tmp_path: Path
) -> None:
    api = Api.from_kubeconfig(own_cluster.kubeconfig, tmp_path)
    with api.http:
        before = api.get(INGRESSES)["metadata"]["resourceVersion"]
        api.create("/api/v1/namespaces", {"metadata": {"name": "kept"}})

        own_cluster.hold("kube-apiserver")
        os.kill(own_cluster.pid("kube-apiserver"), signal.SIGKILL)
        eventually(lambda: not api.alive())
        with pytest.raises(httpx.ConnectError):
            api.http.get("/readyz")

        own_cluster.release("kube-apiserver")
        eventually(api.alive)
        assert api.get("/api/v1/namespaces/kept")["metadata"]["name"] == "kept"
        with api.watch(INGRESSES, resourceVersion=before) as events:
            event = next(events)
        assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
