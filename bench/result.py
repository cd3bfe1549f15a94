"""What a row says: figures for the table and every raw number for the file; and the little statistics it takes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One line of the table. `met` is None where there is no bar, or nothing to hold against it."""

    what: str
    what_zh: str
    bar: str
    measured: str
    met: bool | None = None
    #: What others were measured at, on other machines.
    published: str = ""


@dataclass(frozen=True)
class Result:
    """Everything one row has to say."""

    figures: list[Figure]
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Size:
    """How much is measured: `FULL` is what the bars are about, `QUICK` only shows that the bench works."""

    hosts: int
    few_hosts: int
    cold_starts: dict[int, int]  # hosts -> how often
    samples: int
    route_samples: int
    services: int
    service_rounds: int
    used_hosts: int
    rounds: int
    round_seconds: int
    churn_batches: int
    churn_warm_up: int
    server_blocks: tuple[int, ...]
    reloads: int


FULL = Size(
    hosts=100_000, few_hosts=100, cold_starts={20_000: 3, 100_000: 2}, samples=150, route_samples=100, services=1000,
    service_rounds=5, used_hosts=1000, rounds=7, round_seconds=4, churn_batches=400, churn_warm_up=200,
    server_blocks=(1000, 5000, 20_000), reloads=7,
)  # fmt: skip
QUICK = Size(
    hosts=2000, few_hosts=100, cold_starts={500: 1, 2000: 1}, samples=15, route_samples=10, services=100,
    service_rounds=2, used_hosts=100, rounds=2, round_seconds=1, churn_batches=10, churn_warm_up=5,
    server_blocks=(200, 1000), reloads=2,
)  # fmt: skip


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def milliseconds(seconds: float) -> str:
    """`12.3 ms`."""
    return f"{seconds * 1000:.1f} ms"


def megabytes(size: float) -> str:
    """`123 MB`, of a million bytes."""
    return f"{size / 1e6:,.0f} MB"
