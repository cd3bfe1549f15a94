"""Rows recomputed and resources pushed for one change: not measured but counted, by a test. Here only the pointer."""

from bench.lab import Lab
from bench.result import Figure, Result, Size


def run(_lab: Lab, _size: Size) -> Result:
    """Nothing to run."""
    figure = Figure(
        "rows recomputed and resources pushed for one change",
        "一次变更重新计算的行数与推送的资源数",
        "equal at 100 and 5,000 hosts",
        "counted by `make test`",
    )
    return Result([figure])
