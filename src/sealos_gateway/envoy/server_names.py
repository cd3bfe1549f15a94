"""Which filter chain takes a TLS connection, by the server name (SNI) that the client sent.

Whatever a client sends as server name becomes the name of a secret that Envoy asks for, so a name that means something
else to xDS must never get that far: `*` would subscribe to every secret (and refuse each of them from then on), and
`xdstp:` ends the process. Hence only letters that occur in names of hosts are let through; for every other name a chain
is chosen that does not exist, and Envoy closes the connection at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from sealos_gateway.envoy import api

#: What a client without a server name asks for: no host can be called that, and it is not xDS's word for "all".
NONE = "-"
_NOT_ALLOWED = r"(?s).*[^A-Za-z0-9._-].*"
_NOBODY = "nobody"


def matcher(default_chain: str, own_chains: Iterable[tuple[str, str]]) -> api.Message:
    """xds.type.matcher.v3.Matcher: names with a filter chain of their own first, then every other server name.

    `own_chains` are pairs of a server name (never a wildcard) and the name of its filter chain.
    """
    fallback = api.matcher.Matcher()
    _on_regex(fallback, _NOT_ALLOWED, _NOBODY)
    fallback.on_no_match.action.CopyFrom(_chain(default_chain))  # also for clients that send no name
    own = dict(own_chains)
    if not own:
        return fallback
    message = api.matcher.Matcher()
    message.matcher_tree.input.CopyFrom(_server_name())
    for name, chain in own.items():
        message.matcher_tree.exact_match_map.map[name].action.CopyFrom(_chain(chain))
    message.on_no_match.matcher.CopyFrom(fallback)
    return message


def _on_regex(message: api.Message, regex: str, chain: str) -> None:
    entry = message.matcher_list.matchers.add()
    entry.predicate.single_predicate.input.CopyFrom(_server_name())
    entry.predicate.single_predicate.value_match.safe_regex.google_re2.SetInParent()
    entry.predicate.single_predicate.value_match.safe_regex.regex = regex
    entry.on_match.action.CopyFrom(_chain(chain))


def _server_name() -> api.Message:
    config = api.network_inputs.ServerNameInput()
    return api.xds_extension.TypedExtensionConfig(name="server-name", typed_config=api.pack(config))


def _chain(name: str) -> api.Message:
    value = api.wrappers_pb2.StringValue(value=name)
    return api.xds_extension.TypedExtensionConfig(name=name, typed_config=api.pack(value))
