"""One run of the suite's program: its arguments, its output as it comes, its report."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from conformance import lab, modules

PROFILES: Final = tuple(f"GATEWAY-{name}" for name in ("HTTP", "GRPC", "TLS", "TCP", "UDP"))
ORGANIZATION: Final = {
    "organization": "sealos", "project": "sealos-gateway", "url": "https://sealos.io",
    "contact": "https://sealos.io",
}  # fmt: skip
_RESULT: Final = re.compile(r"^ {4}--- (PASS|FAIL|SKIP): TestConformance/(\w+) \(([\d.]+)s\)")


class Outcome(NamedTuple):
    """How one test of the suite ended: `PASS`, `FAIL` or `SKIP`."""

    test: str
    result: str
    seconds: float


@dataclass(frozen=True)
class Wish:
    """What is to be run: profiles, or only some tests. `report` is where the official report goes."""

    release: modules.Release = modules.RELEASES[0]
    profiles: Sequence[str] = PROFILES
    tests: Sequence[str] = ()
    version: str = ""
    report: Path | None = None
    more: Sequence[str] = field(default_factory=tuple)


def arguments(wish: Wish, usable: str) -> list[str]:
    """Of the suite's program. Features are not among them: the suite reads those from the GatewayClass."""
    found = ["-test.v", "-test.run=TestConformance", "-test.timeout=3h", f"-gateway-class={lab.CLASS}"]
    found += [f"-conformance-profiles={','.join(wish.profiles)}"]
    found += [f"-usable-address={usable}", f"-unusable-address={lab.UNUSABLE}"]
    found += [f"-only={','.join(wish.tests)}"] if wish.tests else []
    if wish.report:
        found += [f"-{name}={value}" for name, value in ORGANIZATION.items()]
        found += [f"-version={wish.version}", f"-report-output={wish.report}"]
    return [*found, *wish.more]


def run(place: lab.Lab, wish: Wish, tell: Callable[[Outcome], None]) -> int:
    """Run it; every test is told as it ends. Everything printed is in `suite.log`. Returns the exit status."""
    command = [str(modules.BIN / wish.release.program), *arguments(wish, place.usable)]
    environment = os.environ | {"KUBECONFIG": str(place.cluster.kubeconfig)}
    with (place.folder / "suite.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, cwd=modules.HERE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                for outcome in outcomes([line]):
                    tell(outcome)
            return process.wait()
        finally:
            process.kill()
            process.wait()


def outcomes(lines: Sequence[str]) -> Iterator[Outcome]:
    """The tests of the suite among the lines that its program prints; their parts are left out."""
    for line in lines:
        if found := _RESULT.match(line):
            result, test, seconds = found.groups()
            yield Outcome(test, result, float(seconds))
