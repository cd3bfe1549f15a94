"""Which filter chain takes a TLS connection, by the server name (SNI) that the client sent.

Whatever a client sends as server name becomes the name of a secret that Envoy asks for, so a name that means something
else to xDS must never get that far: `*` would subscribe to every secret (and refuse each of them from then on), and
`xdstp:` ends the process. Hence only letters that occur in names of hosts are let through; for every other name a chain
is chosen that does not exist, and Envoy closes the connection at once.
"""

from __future__ import annotations

from collections.abc import Mapping

from sealos_gateway.envoy import api

#: What a client without a server name asks for: no host can be called that, and it is not xDS's word for "all".
NONE = "-"
_NOT_ALLOWED = r"(?s).*[^A-Za-z0-9._-].*"
_NOBODY, _ANY = "nobody", "*"


def matcher(named: Mapping[str, str], on_demand: str = "") -> api.Message:
    """xds.type.matcher.v3.Matcher: which filter chain is for which server name.

    `named`: names of chains by hostname. Whole names come first, then wildcards (`*.a.com` stands for several labels),
    the most specific first, then `*`, which also takes clients that send no name. What is left goes to the chain
    `on_demand`, which fetches certificates by server name; without it, such connections are closed.
    """
    rest = _wildcards({name: chain for name, chain in named.items() if "*" in name}, on_demand)
    whole = {name: chain for name, chain in named.items() if "*" not in name}
    if not whole:
        return rest
    message = api.matcher.Matcher()
    message.matcher_tree.input.CopyFrom(_server_name())
    for name, chain in whole.items():
        message.matcher_tree.exact_match_map.map[name].action.CopyFrom(_chain(chain))
    message.on_no_match.matcher.CopyFrom(rest)
    return message


def _wildcards(named: Mapping[str, str], on_demand: str) -> api.Message:
    message = api.matcher.Matcher()
    for name in sorted(named.keys() - {_ANY}, key=lambda name: (-len(name), name)):
        _on(message, named[name]).suffix = name.removeprefix("*")
    if _ANY in named:
        message.on_no_match.action.CopyFrom(_chain(named[_ANY]))
        return message
    refused = _on(message, _NOBODY)
    refused.safe_regex.google_re2.SetInParent()
    refused.safe_regex.regex = _NOT_ALLOWED
    message.on_no_match.action.CopyFrom(_chain(on_demand or _NOBODY))  # also for clients that send no name
    return message


def _on(message: api.Message, chain: str) -> api.Message:
    """One more entry of a list, for a chain; the StringMatcher to be filled."""
    entry = message.matcher_list.matchers.add()
    entry.predicate.single_predicate.input.CopyFrom(_server_name())
    entry.on_match.action.CopyFrom(_chain(chain))
    return entry.predicate.single_predicate.value_match


def _server_name() -> api.Message:
    config = api.network_inputs.ServerNameInput()
    return api.xds_extension.TypedExtensionConfig(name="server-name", typed_config=api.pack(config))


def _chain(name: str) -> api.Message:
    value = api.wrappers_pb2.StringValue(value=name)
    return api.xds_extension.TypedExtensionConfig(name=name, typed_config=api.pack(value))
