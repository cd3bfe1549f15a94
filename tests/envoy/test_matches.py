"""What a match means to Envoy, held against what the model says it means."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sealos_gateway.envoy import api, matches
from sealos_gateway.model.request import Request
from sealos_gateway.model.request import matches as taken
from sealos_gateway.model.traffic import Conditions, Match, PathKind, TextKind, TextMatch
from tests.envoy import rules


def rendered(match: Match) -> Any:
    message = api.route_components.RouteMatch()
    matches.fill(message, match)
    assert not rules.broken(message)
    return message


@pytest.mark.parametrize(
    ("match", "field", "value"),
    [
        (Match(PathKind.EXACT, "/a"), "path", "/a"),
        (Match(PathKind.PREFIX, "/"), "prefix", "/"),
        (Match(PathKind.PREFIX, "/a"), "path_separated_prefix", "/a"),
        (Match(PathKind.TEXT_PREFIX, "/a"), "prefix", "/a"),
    ],
)
def test_paths(match: Match, field: str, value: str) -> None:
    message = rendered(match)
    assert message.WhichOneof("path_specifier") == field
    assert getattr(message, field) == value


def test_letter_case_of_texts_and_of_patterns() -> None:
    assert not rendered(Match(PathKind.PREFIX, "/a", ignore_case=True)).case_sensitive.value
    message = rendered(Match(PathKind.REGEX, "/a.*", ignore_case=True))
    assert message.safe_regex.regex == "(?i)/a.*"
    assert not message.HasField("case_sensitive")


def conditions(**found: Any) -> Match:
    return Match(PathKind.PREFIX, "/", conditions=Conditions(**found))


def test_methods_headers_and_parameters() -> None:
    message = rendered(conditions(
        methods=("GET", "HEAD"),
        headers=(TextMatch("x-a", value="1"), TextMatch("x-b", TextKind.PRESENT, invert=True)),
        queries=(TextMatch("q", TextKind.PREFIX, "z"),),
    ))  # fmt: skip
    method, first, second = message.headers
    assert method.string_match.safe_regex.regex == "GET|HEAD"
    assert (first.name, first.string_match.exact) == ("x-a", "1")
    assert (second.present_match, second.invert_match) == (True, True)
    assert message.query_parameters[0].string_match.prefix == "z"


@pytest.mark.parametrize("header", ["id=7", "a=b; id=7", "id=7; a=b", "a=b;id=7;c", "xid=7", "id=77", "a=id=7", ""])
@pytest.mark.parametrize("wanted", [TextMatch("id", value="7"), TextMatch("id", TextKind.PREFIX, "7"),
                                    TextMatch("id", TextKind.PRESENT)])  # fmt: skip
def test_a_cookie_is_found_among_others_as_the_model_finds_it(header: str, wanted: TextMatch) -> None:
    message = rendered(conditions(cookies=(wanted,)))
    found = re.fullmatch(message.headers[0].string_match.safe_regex.regex, header) is not None
    assert found == taken(conditions(cookies=(wanted,)), Request("/", headers=(("cookie", header),)))
