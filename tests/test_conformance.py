"""What is told of a run of the suite: the tests among its output, and its report as a table."""

from __future__ import annotations

import re

import pytest

from conformance import modules, suite, table

PRINTED = """\
=== RUN   TestConformance/HTTPRouteWeight
    --- PASS: TestConformance/HTTPRouteWeight (4.20s)
        --- PASS: TestConformance/HTTPRouteWeight/Requests_should_have_a_distribution (1.00s)
    --- FAIL: TestConformance/GatewayModifyListeners (60.00s)
    --- SKIP: TestConformance/MeshBasic (0.00s)
--- FAIL: TestConformance (99.00s)
"""
REPORT = {
    "gatewayAPIVersion": "v1.6.1",
    "profiles": [
        {
            "name": "GATEWAY-TCP",
            "core": {"result": "success", "statistics": {"passed": 12, "failed": 0, "skipped": 0}},
        },
        {
            "name": "GATEWAY-HTTP",
            "core": {"statistics": {"passed": 36, "failed": 1, "skipped": 0}, "failedTests": ["HTTPRouteWeight"]},
            "extended": {
                "statistics": {"Passed": 3, "Failed": 0, "Skipped": 1},
                "supportedFeatures": ["a", "b"],
                "unsupportedFeatures": ["c"],
                "skippedTests": ["HTTPRouteCORS"],
            },
        },
    ],
}


def test_only_whole_tests_are_told() -> None:
    assert list(suite.outcomes(PRINTED.splitlines())) == [
        ("HTTPRouteWeight", "PASS", 4.2),
        ("GatewayModifyListeners", "FAIL", 60.0),
        ("MeshBasic", "SKIP", 0.0),
    ]


def test_a_report_as_rows() -> None:
    assert table.rows(REPORT) == [
        ("GATEWAY-HTTP", "36/1/0", "3/0/1", "2/1", "HTTPRouteWeight, HTTPRouteCORS"),
        ("GATEWAY-TCP", "12/0/0", "0/0/0", "0/0", "–"),
    ]


def test_the_suite_is_asked_for_a_report_only_when_it_is_wanted() -> None:
    chosen = suite.arguments(suite.Wish(tests=("A", "B")), "10.0.0.1")
    assert "-only=A,B" in chosen
    assert not [it for it in chosen if "report" in it]
    assert "-usable-address=10.0.0.1" in chosen


@pytest.mark.parametrize("release", modules.RELEASES, ids=lambda it: it.version)
def test_a_release_is_what_its_modules_are_pinned_to(release: modules.Release) -> None:
    pinned = (modules.HERE / release.pins).read_text("utf-8")
    assert re.findall(rf"{modules.API} => \S+ (\S+)", pinned) == [release.version]
    assert f"{modules.API}/conformance {release.version}" in pinned
