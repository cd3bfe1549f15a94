"""Metrics as a scraper sees them, and the two forms of the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

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


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    logger = logging.getLogger()
    before = logger.level, list(logger.handlers)
    yield logger
    logger.level, logger.handlers = before[0], before[1]


@pytest.mark.parametrize("as_json", [True, False])
def test_log_lines(root: logging.Logger, as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    observe.configure_logging("info", as_json)
    logging.getLogger("x").warning("hello %s", "there")
    logging.getLogger("x").debug("not this")
    (line,) = capsys.readouterr().err.splitlines()
    if as_json:
        found = json.loads(line)
        assert (found["level"], found["logger"], found["message"]) == ("warning", "x", "hello there")
    else:
        assert line.endswith("WARNING hello there")


def test_an_exception_stays_one_json_line(root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    observe.configure_logging("info", True)
    try:
        raise ValueError("boom\nbang")
    except ValueError:
        logging.getLogger("x").exception("oh")
    (line,) = capsys.readouterr().err.splitlines()
    assert "ValueError: boom" in json.loads(line)["exception"]
