"""The last filters before the router: what backends are told about the client, and the router about the method.

Header mutations only; no program runs. Where a route has a service that is asked about its requests, this comes last.
"""

from __future__ import annotations

from collections.abc import Iterable

from sealos_gateway.envoy import api, composites, retries, scope, tracing

WEBSOCKET = "websocket"
#: What only some requests need (`with_last`).
EXCEPTIONS = "sealos.exceptions"
_MUTATION = "envoy.filters.http.header_mutation"

_Filters = list[tuple[str, api.Message]]


def filters(trusted: bool, traced: bool) -> list[api.Message]:
    """In order. `trusted`: proxies in front are believed; `traced`: there is a collector of traces."""
    return [_headers(trusted, traced), _exceptions()]


def _headers(trusted: bool, traced: bool) -> api.Message:
    """For every request; here the private header has done its work.

    Without trusted proxies in front, what the client says of itself is overwritten.
    """
    message = api.header_mutation.HeaderMutation()
    add = message.mutations.request_mutations.add
    add().remove = scope.HEADER
    if traced:
        add().remove = tracing.WANTED
    actions = api.base.HeaderValueOption
    overwrite, if_absent = actions.OVERWRITE_IF_EXISTS_OR_ADD, actions.ADD_IF_ABSENT
    unless_trusted = if_absent if trusted else overwrite
    for key, value, action in (
        ("x-real-ip", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", overwrite),
        ("x-forwarded-for", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", unless_trusted),
        ("x-forwarded-host", "%REQ(:AUTHORITY)%", unless_trusted),
        (retries.HEADER, retries.SENT, overwrite),
    ):
        append = add().append
        append.header.key, append.header.value, append.append_action = key, value, action
    return api.hcm.HttpFilter(name="sealos.forwarding_headers", typed_config=api.pack(message))


def _exceptions() -> api.Message:
    """What only some requests need: other requests pass this filter untouched. The first that fits is done.

    It is one filter, and not in a chain of its own for upgrades: that would be every filter twice, and each program in
    Lua costs memory per thread.
    """
    config = composites.config()
    _match(config.xds_matcher, [])
    return api.hcm.HttpFilter(name=EXCEPTIONS, typed_config=api.pack(config))


def with_last(filters: Iterable[tuple[str, api.Message]]) -> api.Message:
    """What a route's `typed_per_filter_config[EXCEPTIONS]` has to be, where these filters (name, packed configuration)
    come last of all.

    They have no place of their own: an empty one would cost every request of every host. And they are not among the
    policies: this place is the only one behind all others, and in a chain none may stand behind one that waits.
    """
    message, last = api.extension_matcher.ExtensionWithMatcherPerRoute(), list(filters)
    _match(message.xds_matcher, last)
    composites.run(message.xds_matcher.on_no_match.action, "sealos.last", last)
    return api.pack(message)


def _match(matcher: api.Message, last: _Filters) -> None:
    """Write both cases into an xds.type.matcher.v3.Matcher, each with `last` behind it."""
    add = matcher.matcher_list.matchers.add
    harmful, upgrade = add(), add()
    for method in retries.IDEMPOTENT:
        _header_is(harmful.predicate.not_matcher.or_matcher.predicate.add(), ":method", method)
    _mutate(harmful.on_match, "sealos.not_repeated", _not_repeated(), last)
    _header_is(upgrade.predicate, "upgrade", WEBSOCKET)
    _mutate(upgrade.on_match, "sealos.websocket_key", _websocket_key(), last)


def _not_repeated() -> api.Message:
    """No second try of a method that may do harm (`retries`)."""
    message = api.header_mutation.HeaderMutation()
    message.mutations.request_mutations.add().remove = retries.HEADER
    return message


def _websocket_key() -> api.Message:
    """WebSocket over HTTP/2 (what browsers do once we offer it) knows no key, and backends with HTTP/1.1 ask for one.

    Envoy does not add it (its issue 8547). What it says is of no use between us and a backend, so it never changes.
    """
    message = api.header_mutation.HeaderMutation()
    append = message.mutations.request_mutations.add().append
    append.header.key, append.header.value = "sec-websocket-key", "c2VhbG9zLWdhdGV3YXktMQ=="
    append.append_action = api.base.HeaderValueOption.ADD_IF_ABSENT
    return message


def _header_is(predicate: api.Message, header: str, value: str) -> None:
    """A header with this value; methods as they are (RFC 9110, 9.1), other values in whichever case."""
    single = predicate.single_predicate
    single.input.name = header
    single.input.typed_config.CopyFrom(api.pack(api.http_inputs.HttpRequestHeaderMatchInput(header_name=header)))
    single.value_match.exact, single.value_match.ignore_case = value, header != ":method"


def _mutate(on_match: api.Message, name: str, message: api.Message, last: _Filters) -> None:
    if last:
        composites.run(on_match.action, name, [(_MUTATION, api.pack(message)), *last])
        return
    action = api.composite.ExecuteFilterAction()
    action.typed_config.name = name
    action.typed_config.typed_config.CopyFrom(api.pack(message))
    on_match.action.name = name
    on_match.action.typed_config.CopyFrom(api.pack(action))
