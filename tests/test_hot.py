"""The hosts that had traffic lately, over a restart."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from sealos_gateway.envoy import names
from sealos_gateway.hot import HotHosts
from sealos_gateway.pipeline import Pipeline
from tests import objects

SITES = [objects.ingress(f"web-{n}", objects.rule(f"h{n}.com", objects.path("/", f"web-{n}"))) for n in range(4)]
LOADED = [f"ingress|h{number}.com" for number in range(4)]


def cluster(number: int) -> str:
    return f"outbound|80||web-{number}.shop.svc.cluster.local"


def scopes(*numbers: int) -> frozenset[str]:
    return frozenset(names.scope(names.parse_host(LOADED[number])) for number in numbers)


@pytest.fixture
def made() -> Pipeline:
    return objects.pipeline(*SITES, *(objects.service(f"web-{number}") for number in range(4)))


def after(made: Pipeline, path: Path, most: int, *used: int) -> frozenset[str]:
    """What a fresh process considers hot after one that saw traffic to these clusters."""
    seen = HotHosts(path, most, made.snapshot)
    seen.update(LOADED, frozenset(cluster(number) for number in used))
    seen.save()
    fresh = HotHosts(path, most, made.snapshot)
    fresh.load()
    return fresh.by_type()[names.SCOPE]


def test_hosts_with_traffic_are_remembered(made: Pipeline, tmp_path: Path) -> None:
    assert after(made, tmp_path / "hot.json", 10, 1, 2) == scopes(1, 2)


def test_at_most_so_many_and_the_latest(made: Pipeline, tmp_path: Path) -> None:
    assert after(made, tmp_path / "hot.json", 2, 0, 1, 2) == scopes(1, 2)


def test_none_when_none_are_wanted(made: Pipeline, tmp_path: Path) -> None:
    assert after(made, tmp_path / "hot.json", 0, 0, 1, 2) == frozenset()


def test_their_clusters_come_along(made: Pipeline, tmp_path: Path) -> None:
    hot = HotHosts(tmp_path / "hot.json", 10, made.snapshot)
    hot.update(LOADED, frozenset({cluster(3)}))
    assert hot.by_type() == {names.SCOPE: scopes(3), names.CLUSTER: {cluster(3)}}


def test_a_host_that_is_gone_is_not_hot(made: Pipeline, tmp_path: Path) -> None:
    hot = HotHosts(tmp_path / "hot.json", 10, made.snapshot)
    hot.update([*LOADED, "ingress|never.com"], frozenset({cluster(3), cluster(1)}))
    objects.drop(made, SITES[3])
    assert hot.by_type()[names.SCOPE] == scopes(1)


def test_a_time_without_traffic_forgets_nothing(made: Pipeline, tmp_path: Path) -> None:
    hot = HotHosts(tmp_path / "hot.json", 10, made.snapshot)
    hot.update(LOADED, frozenset({cluster(3)}))
    hot.update(LOADED, frozenset())
    assert hot.by_type()[names.SCOPE] == scopes(3)


def test_everything_is_every_host_and_cluster(made: Pipeline, tmp_path: Path) -> None:
    found = HotHosts(tmp_path / "hot.json", 1, made.snapshot).everything()
    assert found == {names.SCOPE: scopes(0, 1, 2, 3), names.CLUSTER: {cluster(number) for number in range(4)}}


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b'{"hosts": [1]}', b'{"hosts": ["no bar", "|", "x|y|z"]}'])
def test_a_damaged_file_means_that_nothing_is_hot(made: Pipeline, tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "hot.json"
    path.write_bytes(text)
    hot = HotHosts(path, 10, made.snapshot)
    hot.load()
    assert hot.by_type() == {names.SCOPE: frozenset(), names.CLUSTER: frozenset()}


def test_a_folder_that_cannot_be_written_is_one_warning(
    made: Pipeline, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hot = HotHosts(tmp_path / "gone" / "hot.json", 10, made.snapshot)
    with caplog.at_level(logging.WARNING):
        for number in (1, 2):
            hot.update(LOADED, frozenset({cluster(number)}))
            hot.save()
    assert len(caplog.records) == 1
    assert "cannot be written" in caplog.text


def test_nothing_is_written_that_is_not_new(made: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "hot.json"
    hot = HotHosts(path, 10, made.snapshot)
    hot.save()
    assert not path.exists()
    hot.update(LOADED, frozenset({cluster(1)}))
    hot.save()
    path.unlink()
    hot.save()
    assert not path.exists()
