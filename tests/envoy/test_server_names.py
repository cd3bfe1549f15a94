"""Which filter chain takes a connection, with the matcher read as Envoy reads it."""

from __future__ import annotations

import re

import pytest
from google.protobuf import wrappers_pb2

from sealos_gateway.envoy import api, server_names
from tests.envoy import rules

OWN = [("a.example.com", "own"), ("b.wild.com", "other")]


def action(on_match: api.Message) -> str:
    value = wrappers_pb2.StringValue()
    assert on_match.action.typed_config.Unpack(value)
    return str(value.value)


def chosen(message: api.Message, name: str) -> str:
    if message.HasField("matcher_tree"):
        found = message.matcher_tree.exact_match_map.map
        return action(found[name]) if name in found else chosen(message.on_no_match.matcher, name)
    for entry in message.matcher_list.matchers:
        if re.fullmatch(entry.predicate.single_predicate.value_match.safe_regex.regex, name):
            return action(entry.on_match)
    return action(message.on_no_match)


@pytest.mark.parametrize(
    ("name", "chain"),
    [
        ("a.example.com", "own"),
        ("b.wild.com", "other"),
        ("x.wild.com", "common"),
        ("wild.com", "common"),
        ("b.example.com", "common"),
        ("", "common"),
        ("B.Example.COM", "common"),
        ("*", "nobody"),
        ("*.wild.com", "nobody"),
        ("xdstp://x", "nobody"),
        ("a/b", "nobody"),
        ("rsa/a.example.com", "nobody"),
        ("a b", "nobody"),
        ("a\nb", "nobody"),
        ("b\u00fccher.de", "nobody"),
    ],
)
@pytest.mark.parametrize("own", [OWN, OWN[1:]])
def test_chains(own: list[tuple[str, str]], name: str, chain: str) -> None:
    message = server_names.matcher("common", own)
    assert not rules.broken(message)
    assert chosen(message, name) == ("common" if chain == "own" and own is not OWN else chain)


def test_no_host_can_be_called_what_a_client_without_a_name_asks_for() -> None:
    assert chosen(server_names.matcher("common", []), server_names.NONE) == "common"
    assert "." not in server_names.NONE
