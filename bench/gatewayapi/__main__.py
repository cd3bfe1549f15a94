"""`python -m bench gatewayapi [SCENARIO…] [--size N]`, and `--readme`. Exit status 1 when a bar is not met."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console

from bench import report
from bench.gatewayapi import attached_routes, failover, listener_sets, propagation, route_changes, route_scale
from bench.result import Figure, Result
from conformance import modules
from tests.cluster import harness


@dataclass(frozen=True)
class Scenario:
    """What is run, and the size that the bars are about."""

    run: Callable[..., Result]
    size: int
    unit: str
    #: Whether it is handed for how many seconds things change.
    churns: bool = False


SCENARIOS: Final = {
    "attached_routes": Scenario(attached_routes.run, attached_routes.SIZE, "routes"),
    "propagation": Scenario(propagation.run, propagation.SIZE, "routes"),
    "propagation_under_load": Scenario(propagation.run_under_load, propagation.UNDER_LOAD_SIZE, "routes"),
    "route_changes": Scenario(route_changes.run, route_changes.SIZE, "changes"),
    "route_scale": Scenario(route_scale.run, route_scale.SIZE, "routes", churns=True),
    "listener_sets": Scenario(listener_sets.run, listener_sets.SIZE, "sets", churns=True),
    "failover": Scenario(failover.run, failover.SIZE, "cycles"),
}
#: In the definitions of gateway-api-bench; a smaller size has less time, too.
CHURN_SECONDS: Final = 600.0
SMALL_CHURN_SECONDS: Final = 10.0
#: Both need thousands of routes, which take minutes to make: where both are wanted, the first runs within the second.
WITHIN, AROUND = "propagation_under_load", "route_scale"
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
    parser.add_argument("--churn-seconds", type=float, help=f"how long things change [default: {CHURN_SECONDS:.0f}]")
    parser.add_argument("--state", default="", help="what else the machine did meanwhile, for the table")
    parser.add_argument("--readme", action="store_true", help="only put the newest result into both READMEs")
    found = parser.parse_args(given)
    if unknown := [name for name in found.scenarios if name not in SCENARIOS]:
        parser.error(f"no such scenario: {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    if found.size is not None and found.size < 1:
        parser.error("--size: at least 1")
    return found


@dataclass
class Session:
    """What is measured, one scenario after the other; a scenario that fails says so in its place."""

    wish: argparse.Namespace
    rows: dict[str, Result] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """What is to be measured, in order."""
        return [name for name in SCENARIOS if self._wanted(name) and not (name == WITHIN and self._together)]

    def _wanted(self, name: str) -> bool:
        return not self.wish.scenarios or name in self.wish.scenarios

    @property
    def _together(self) -> bool:
        return self.wish.size is None and self._wanted(WITHIN) and self._wanted(AROUND)

    @property
    def _churn_seconds(self) -> float:
        usual = CHURN_SECONDS if self.wish.size is None else SMALL_CHURN_SECONDS
        return usual if self.wish.churn_seconds is None else float(self.wish.churn_seconds)

    def measure(self, name: str) -> None:
        """One of them, and what runs within it."""
        scenario = SCENARIOS[name]
        size = self.wish.size or scenario.size
        more: dict[str, Any] = {"churn_seconds": self._churn_seconds} if scenario.churns else {}
        if name == AROUND and self._together:
            more["meanwhile"] = lambda where, world: self._keep(WITHIN, lambda: propagation.under_load(where, world))
        self._keep(name, lambda: scenario.run(size, **more), f"with {size:,} {scenario.unit}")

    def _keep(self, name: str, run: Callable[[], Result], words: str = "") -> None:
        _err.print(f"[cyan]{name}[/] {words} …")
        began = time.monotonic()
        try:
            self.rows[name] = run()
        except Exception as error:
            _err.print_exception()
            reason = (str(error) or type(error).__name__).splitlines()[0]
            self.rows[name] = Result([Figure(name, name, "–", f"failed: {reason}", False)])
        _err.print(f"{name}: {time.monotonic() - began:.0f} s")
        if self.wish.size is None:  # at once: the next scenario may take an hour, and be stopped
            path = report.save_gateway_api(self.rows, list(SCENARIOS), self.wish.state)
            _err.print(f"written: {path.name}")


def main(given: Sequence[str]) -> int:
    """Measure and print; save unless the size is another one."""
    wish = _arguments(given)
    if wish.readme:
        report.rewrite_gateway_api()
        return 0
    if reason := missing():
        _err.print(f"[red]error:[/] {reason}")
        return 2
    session = Session(wish)
    for name in session.names:
        session.measure(name)
    figures = [session.rows[name] for name in SCENARIOS if name in session.rows]
    shown = [figure for row in figures for figure in row.figures]
    report.show(shown)
    return 1 if wish.size is None and any(figure.met is False for figure in shown) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
