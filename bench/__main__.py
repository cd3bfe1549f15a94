"""`python -m bench [ROW…] [--quick]`, and `python -m bench --readme`. Exit status 1 when a bar is not met.

`python -m bench gatewayapi` measures on a test cluster (`bench.gatewayapi`).
"""

import argparse
import signal
import sys
from types import FrameType

from rich.console import Console

from bench import lab, report
from bench.result import FULL, QUICK, Figure, Result
from bench.rows import (
    annotations,
    batches,
    churn,
    cold_start,
    counting,
    mass_restart,
    memory,
    new_host,
    nginx_reload,
    relay_memory,
    route_change,
    services,
    throughput,
)

ROWS = {
    "new_host": new_host.run,
    "route_change": route_change.run,
    "counting": counting.run,
    "services": services.run,
    "batches": batches.run,
    "mass_restart": mass_restart.run,
    "cold_start": cold_start.run,
    "memory": memory.run,
    "relay_memory": relay_memory.run,
    "throughput": throughput.run,
    "annotations": annotations.run,
    "churn": churn.run,
    "nginx_reload": nginx_reload.run,
}
_err = Console(stderr=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the bars with real processes.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"one or more of {', '.join(ROWS)} [default: all]")
    parser.add_argument("--quick", action="store_true", help="small numbers, two minutes, no file: does it all run?")
    parser.add_argument("--readme", action="store_true", help="only put the newest result into both READMEs")
    found = parser.parse_args()
    if unknown := [row for row in found.rows if row not in ROWS]:
        parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    return found


def _measure(names: list[str], quick: bool) -> dict[str, Result]:
    """All rows in one lab. A row that fails says so in its place and does not stop the others."""
    rows: dict[str, Result] = {}
    with lab.lab() as place:
        for name in names:
            _err.print(f"[cyan]{name}[/] …")
            try:
                rows[name] = ROWS[name](place, QUICK if quick else FULL)
            except Exception as error:
                _err.print_exception()
                reason = (str(error) or type(error).__name__).splitlines()[0]
                rows[name] = Result([Figure(name, name, "–", f"failed: {reason}", False)])
    return rows


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Measure and print; save unless quick."""
    if sys.argv[1:2] == ["gatewayapi"]:
        from bench.gatewayapi.__main__ import main as gateway_api  # noqa: PLC0415  (it needs what tests need)

        signal.signal(signal.SIGTERM, _interrupt)
        return gateway_api(sys.argv[2:])
    arguments = _arguments()
    if arguments.readme:
        try:
            report.rewrite_readmes(report.newest())
        except report.ReadmeError as error:
            _err.print(f"[red]error:[/] {error}")
            return 1
        return 0
    signal.signal(signal.SIGTERM, _interrupt)  # so that every process of ours is ended
    order = list(ROWS)
    rows = _measure([name for name in order if not arguments.rows or name in arguments.rows], arguments.quick)
    figures = [figure for row in rows.values() for figure in row.figures]
    report.show(figures)
    if not arguments.quick:
        _err.print(f"written: bench/results/{report.save(rows, order).name}")
    return 1 if any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
