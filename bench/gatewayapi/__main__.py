"""`python -m bench gatewayapi [SCENARIO…] [--size N]`, and `--readme`. Exit status 1 when a bar is not met."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console

from bench import report
from bench.gatewayapi import attached_routes, failover, listener_sets, propagation, route_changes, route_scale
from bench.result import Figure, Result
from conformance import modules
from tests.cluster import harness


@dataclass(frozen=True)
class Scenario:
    """What is run, and the size that the bars are about."""

    run: Callable[[int], Result]
    size: int
    unit: str


SCENARIOS: Final = {
    "attached_routes": Scenario(attached_routes.run, attached_routes.SIZE, "routes"),
    "propagation": Scenario(propagation.run, propagation.SIZE, "routes"),
    "propagation_under_load": Scenario(propagation.run_under_load, propagation.UNDER_LOAD_SIZE, "routes"),
    "route_changes": Scenario(route_changes.run, route_changes.SIZE, "changes"),
    "route_scale": Scenario(route_scale.run, route_scale.SIZE, "routes"),
    "listener_sets": Scenario(listener_sets.run, listener_sets.SIZE, "sets"),
    "failover": Scenario(failover.run, failover.SIZE, "cycles"),
}
_err: Final = Console(stderr=True)


def missing() -> str:
    """Why nothing can be measured here; empty when it can."""
    return harness.missing() or harness.node_missing() or harness.image_missing() or modules.missing()


def _arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench gatewayapi", description="gateway-api-bench on the test cluster (needs root)."
    )
    sizes = ", ".join(f"{name} ({one.size:,} {one.unit})" for name, one in SCENARIOS.items())
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"one or more of {sizes} [default: all]")
    parser.add_argument("--size", type=int, help="another size: does it all run? Nothing is saved, and no bar is held")
    parser.add_argument("--state", default="", help="what else the machine did meanwhile, for the table")
    parser.add_argument("--readme", action="store_true", help="only put the newest result into both READMEs")
    found = parser.parse_args(given)
    if unknown := [name for name in found.scenarios if name not in SCENARIOS]:
        parser.error(f"no such scenario: {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    if found.size is not None and found.size < 1:
        parser.error("--size: at least 1")
    return found


def _measured(name: str, size: int | None) -> Result:
    """A scenario that fails says so in its place and does not stop the others."""
    scenario = SCENARIOS[name]
    _err.print(f"[cyan]{name}[/] with {size or scenario.size:,} {scenario.unit} …")
    try:
        return scenario.run(size or scenario.size)
    except Exception as error:
        _err.print_exception()
        reason = (str(error) or type(error).__name__).splitlines()[0]
        return Result([Figure(name, name, "–", f"failed: {reason}", False)])


def main(given: Sequence[str]) -> int:
    """Measure and print; save unless the size is another one."""
    wish = _arguments(given)
    if wish.readme:
        report.rewrite_gateway_api()
        return 0
    if reason := missing():
        _err.print(f"[red]error:[/] {reason}")
        return 2
    order = list(SCENARIOS)
    rows: dict[str, Result] = {}
    for name in order:
        if not wish.scenarios or name in wish.scenarios:
            rows[name] = _measured(name, wish.size)
            if wish.size is None:  # at once: the next scenario may take an hour, and be stopped
                _err.print(f"written: {report.save_gateway_api(rows, order, wish.state).name}")
    figures = [figure for row in rows.values() for figure in row.figures]
    report.show(figures)
    return 1 if wish.size is None and any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
