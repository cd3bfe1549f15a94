"""Which filter chain takes a connection, with the matcher read as Envoy reads it."""

from __future__ import annotations

import re

import pytest
from google.protobuf import wrappers_pb2

from sealos_gateway.envoy import api, server_names
from tests.envoy import rules

OWN = {"a.example.com": "own", "b.wild.com": "other"}


def action(on_match: api.Message) -> str:
    value = wrappers_pb2.StringValue()
    assert on_match.action.typed_config.Unpack(value)
    return str(value.value)


def chosen(message: api.Message, name: str) -> str:
    if message.HasField("matcher_tree"):
        found = message.matcher_tree.exact_match_map.map
        return action(found[name]) if name in found else chosen(message.on_no_match.matcher, name)
    for entry in message.matcher_list.matchers:
        wanted = entry.predicate.single_predicate.value_match
        if name.endswith(wanted.suffix) if wanted.suffix else re.fullmatch(wanted.safe_regex.regex, name):
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
@pytest.mark.parametrize("own", [OWN, {"b.wild.com": "other"}])
def test_chains(own: dict[str, str], name: str, chain: str) -> None:
    message = server_names.matcher(own, "common")
    assert not rules.broken(message)
    assert chosen(message, name) == ("common" if chain == "own" and own is not OWN else chain)


def test_no_host_can_be_called_what_a_client_without_a_name_asks_for() -> None:
    assert chosen(server_names.matcher({}, "common"), server_names.NONE) == "common"
    assert "." not in server_names.NONE


WILD = {"*.wild.com": "wild", "own.wild.com": "own", "*.deep.wild.com": "deep", "*.test": "test"}


@pytest.mark.parametrize(
    ("name", "chain"),
    [
        ("own.wild.com", "own"), ("x.wild.com", "wild"), ("x.own.wild.com", "wild"), ("x.deep.wild.com", "deep"),
        ("deep.wild.com", "wild"), ("wild.com", "rest"), ("a.test", "test"), ("a/b.test", "test"), ("", "rest"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("rest", ["nobody", "common", "any"])
def test_the_most_specific_hostname_takes_a_connection(name: str, chain: str, rest: str) -> None:
    named = {**WILD, **({"*": "any"} if rest == "any" else {})}
    message = server_names.matcher(named, "common" if rest == "common" else "")
    assert not rules.broken(message)
    assert chosen(message, name) == (rest if chain == "rest" else chain)
