"""What holds for all tests: property tests have no deadline, because a machine's speed is no property of the code.

What a test set up for logging ends with it: its handler would write to a stream that pytest has closed.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings

from tests.fakes import FakeKube

settings.register_profile("sealos", deadline=None)
settings.load_profile("sealos")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in [h for h in root.handlers if h not in handlers and not type(h).__module__.startswith("_pytest")]:
        root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
async def kube() -> AsyncIterator[FakeKube]:
    """An API server of its own for the test."""
    async with FakeKube().running() as running:
        yield running
