"""`python -m conformance`: start everything, run the suite, show how it went. Exit status 1 when a test failed."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import yaml

from conformance import lab, modules, suite, table

REPORTS = modules.HERE / "reports"
VERSION = f"v{version('sealos-gateway')}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m conformance", description="The official suite on a test cluster.")
    versions = [it.version for it in modules.RELEASES]
    parser.add_argument(
        "--api", choices=versions, default=versions[-1], help="release of the Gateway API [default: %(default)s]"
    )
    parser.add_argument("--channel", choices=modules.CHANNELS, default="experimental", help="of the definitions")
    parser.add_argument("--profiles", default=",".join(suite.PROFILES), help="with commas between them [default: all]")
    parser.add_argument("--test", default="", help="only these tests, with commas between them; no report")
    parser.add_argument("--folder", type=Path, help="keep logs and state here")
    parser.add_argument("--settings", type=Path, help="further settings for the control plane")
    parser.add_argument("more", nargs="*", help="further arguments of the suite, after --")
    return parser.parse_args()


def report_path(version: str, channel: str, profiles: tuple[str, ...]) -> Path:
    """Where the report goes. One of a part of the profiles is not to be published: git does not look there."""
    name = f"{channel}-{VERSION}-default-report.yaml"
    return REPORTS / version / name if profiles == suite.PROFILES else modules.BIN / f"partial-{version}-{name}"


def _tell(counts: Counter[str], outcome: suite.Outcome) -> None:
    counts[outcome.result] += 1
    print(f"{time.strftime('%H:%M:%S')} {outcome.result} {outcome.test} ({outcome.seconds:g} s)", flush=True)


def main() -> int:
    wish = _arguments()
    release = modules.release(wish.api)
    if reason := modules.missing(release):
        print(f"error: {reason}", file=sys.stderr)
        return 2
    settings = yaml.safe_load(wish.settings.read_text("utf-8")) if wish.settings else {}
    profiles = tuple(wish.profiles.split(","))
    tests = tuple(wish.test.split(",")) if wish.test else ()
    report = None if tests else report_path(wish.api, wish.channel, profiles)
    if report:
        report.parent.mkdir(parents=True, exist_ok=True)
    with lab.folder(wish.folder) as folder, lab.cluster(folder, wish.channel, release) as place:
        with lab.control_plane(place, settings):
            if not lab.accepted(place):
                print("error: the GatewayClass is not accepted within 60 s", file=sys.stderr)
                return 1
            counts: Counter[str] = Counter()
            began = time.monotonic()
            status = suite.run(
                place, suite.Wish(release, profiles, tests, VERSION, report, wish.more), lambda it: _tell(counts, it)
            )
            print(f"{dict(counts)} in {time.monotonic() - began:.0f} s")
        if report and report.exists():
            table.show([report])
        elif status and not counts:
            print("\n".join((folder / "suite.log").read_text("utf-8").splitlines()[-15:]), file=sys.stderr)
    return 1 if status else 0


if __name__ == "__main__":
    sys.exit(main())
