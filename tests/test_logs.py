"""The two forms of the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from sealos_gateway import logs


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    logger = logging.getLogger()
    before = logger.level, list(logger.handlers)
    yield logger
    logger.level, logger.handlers = before[0], before[1]


@pytest.mark.parametrize("as_json", [True, False])
def test_log_lines(root: logging.Logger, as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure_logging("info", as_json)
    logging.getLogger("x").warning("hello %s", "there")
    logging.getLogger("x").debug("not this")
    (line,) = capsys.readouterr().err.splitlines()
    if as_json:
        found = json.loads(line)
        assert (found["level"], found["logger"], found["message"]) == ("warning", "x", "hello there")
    else:
        assert line.endswith("WARNING hello there")


def test_an_exception_stays_one_json_line(root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure_logging("info", True)
    try:
        raise ValueError("boom\nbang")
    except ValueError:
        logging.getLogger("x").exception("oh")
    (line,) = capsys.readouterr().err.splitlines()
    assert "ValueError: boom" in json.loads(line)["exception"]
