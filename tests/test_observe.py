"""Metrics as a scraper sees them."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sealos_gateway import observe
from sealos_gateway.xds.fleet import Fleet
from tests import objects


def samples(metrics: observe.Metrics) -> dict[str, float]:
    found = text_string_to_metric_families(metrics.text().decode())
    return {
        it.name + "".join(f" {value}" for value in it.labels.values()): it.value
        for family in found
        for it in family.samples
    }


def test_what_the_tables_hold() -> None:
    made = objects.pipeline(objects.web("a.com"), objects.web("b c", "other"), objects.service("idle"))
    found = samples(observe.Metrics(made, Fleet()))
    assert found["sgw_objects Ingress"] == 2
    assert found["sgw_objects Service"] == 1
    assert found["sgw_objects Service of Gateways"] == 0
    assert found["sgw_hosts"] == 1
    assert found["sgw_problems ServiceNotFound"] == 1
    assert found["sgw_problems InvalidHost"] == 1
    assert found["sgw_revision"] == made.snapshot.revision
    assert found["sgw_acknowledged_revision"] == 0


def test_what_was_fed() -> None:
    metrics = observe.Metrics(objects.pipeline(), Fleet())
    metrics.settled(0.002)
    found = samples(metrics)
    assert found["sgw_settle_seconds_count"] == 1
    assert found["sgw_settle_seconds_sum"] == pytest.approx(0.002)
