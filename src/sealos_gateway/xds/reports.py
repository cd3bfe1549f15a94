"""What a relay tells of its Envoy, and what marks the end of a revision: what plain delta xDS has no word for.

Both travel inside the same stream as everything else. A revision ends with one resource of the type `REVISION`; a relay
publishes nothing before it. A report is a request of the type `REPORT` whose `error_detail.details` holds the JSON
below: Envoy refuses whole responses, a relay has already found out which resource it was.
"""

from __future__ import annotations

from typing import Final

import msgspec

from sealos_gateway.xds.messages import Acked, Event, Rejected

REVISION: Final = "type.googleapis.com/sealos.gateway.v1.Revision"
REPORT: Final = "type.googleapis.com/sealos.gateway.v1.Report"
NAME: Final = "revision"


class Revision(msgspec.Struct, frozen=True):
    """The number is that of this replica: others count differently. `gateway` is whose configuration this is.

    `pieces`: the most resources in one response to the Envoy, by type, where that is set (`Stream`).
    """

    number: int
    gateway: str
    pieces: dict[str, int] = {}


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an Envoy took and refused since the last report, by type; `settled` is the revision it has completely."""

    settled: int = 0
    accepted: dict[str, list[tuple[str, str]]] = {}
    rejected: dict[str, list[tuple[str, str, str]]] = {}

    def events(self) -> list[Event]:
        """As the fleet hears them from an Envoy of its own."""
        found: list[Event] = [Acked(type_, tuple(rows)) for type_, rows in self.accepted.items()]
        return found + [Rejected(type_, *one) for type_, several in self.rejected.items() for one in several]


REVISIONS = msgspec.json.Decoder(Revision)
REPORTS = msgspec.json.Decoder(Report)
