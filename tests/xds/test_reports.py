"""Reports are events again on the other side."""

import msgspec

from sealos_gateway.xds.messages import Acked, Rejected
from sealos_gateway.xds.reports import REPORTS, Report


def test_a_report_travels_and_becomes_events() -> None:
    sent = Report(3, {"routes": [("a", "1"), ("b", "2")]}, {"routes": [("c", "3", "no")]})
    assert REPORTS.decode(msgspec.json.encode(sent)).events() == [
        Acked("routes", (("a", "1"), ("b", "2"))),
        Rejected("routes", "c", "3", "no"),
    ]


def test_a_report_of_nothing_is_short() -> None:
    assert msgspec.json.encode(Report()) == b"{}"
