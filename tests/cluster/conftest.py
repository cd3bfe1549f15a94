"""Fixtures of the tests that need a real API server: one for all, a namespace for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import harness
from tests.cluster.harness import Api, Cluster

HERE = Path(__file__).parent
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = harness.missing()
    for item in items:
        if item.path.is_relative_to(HERE):
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(90))


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """etcd and kube-apiserver, nothing else."""
    cluster = Cluster(tmp_path_factory.mktemp("api"), "--api-only")
    try:
        yield cluster
    finally:
        assert cluster.stop() == 0


@pytest.fixture(scope="session")
def admin(api_server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The cluster's administrator, known by a client certificate."""
    api = Api.from_kubeconfig(api_server.kubeconfig, tmp_path_factory.mktemp("admin"))
    with api.http:
        yield api


@pytest.fixture
def namespace(admin: Api) -> str:
    """A namespace of the test's own. It stays: without controllers nothing would finish its deletion."""
    name = f"test-{next(_numbers)}"
    admin.create("/api/v1/namespaces", {"metadata": {"name": name}})
    return name
