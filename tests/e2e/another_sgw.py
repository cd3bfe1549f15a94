"""`sgw` as another version might be, or on a machine whose clock is set: `another_sgw.py order|rendering|FILE …`.

The same answers put together in another order; or rendered otherwise; or a file with the seconds that the clock is off.
"""

from __future__ import annotations

import random
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sealos_gateway import clock
from sealos_gateway.envoy import routes
from sealos_gateway.files.source import Source
from sealos_gateway.resources.update import Update


def in_another_order() -> None:
    """Objects arrive in chance order, in several revisions' worth of work."""
    load = Source.load

    def shuffled(self: Source) -> Update:
        found = load(self)
        puts = list(found.puts)
        random.Random(7).shuffle(puts)
        return Update(tuple(puts), found.drops)

    Source.load = shuffled  # type: ignore[method-assign]


def rendered_otherwise() -> None:
    plain = routes.route_configuration

    def changed(*arguments: Any) -> Any:
        message = plain(*arguments)
        header = message.response_headers_to_add.add()
        header.header.key, header.header.value = "x-version", "next"
        return message

    setattr(routes, "route_configuration", changed)  # noqa: B010


def with_clock(file: str) -> None:
    """What the file says is read at every look at the wall clock, so that it can be set while we run."""
    plain = clock.SystemClock.now

    def now(self: clock.SystemClock) -> datetime:
        return plain(self) + timedelta(seconds=float(Path(file).read_text() or 0))

    setattr(clock.SystemClock, "now", now)  # noqa: B010


if __name__ == "__main__":
    what = sys.argv.pop(1)
    {"order": in_another_order, "rendering": rendered_otherwise}.get(what, lambda: with_clock(what))()
    from sealos_gateway.__main__ import main

    main()
