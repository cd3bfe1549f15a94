"""Header changes as Envoy's lists of headers to add and to remove, on routes and on weighted clusters."""

from __future__ import annotations

from sealos_gateway.envoy import api, conditional
from sealos_gateway.model.policy import HeaderAction, HeaderChange, HeaderChanges

_APPEND = api.base.HeaderValueOption
ACTIONS = {
    HeaderAction.SET: _APPEND.OVERWRITE_IF_EXISTS_OR_ADD,
    HeaderAction.ADD: _APPEND.APPEND_IF_EXISTS_OR_ADD,
    HeaderAction.ADD_IF_ABSENT: _APPEND.ADD_IF_ABSENT,
    HeaderAction.REPLACE: _APPEND.OVERWRITE_IF_EXISTS,
}


def literals(changes: HeaderChanges | None) -> list[tuple[str, str]]:
    """Headers whose values are known beforehand."""
    found = ((change.name, change.value.literal) for change in (changes.changes if changes else ()))
    return [(name, value) for name, value in found if value is not None]


def request(message: api.Message, changes: HeaderChanges | None, name: str = "") -> None:
    """Write changes of request headers into a Route or a ClusterWeight; what is for some responses only is none.

    `name`, here and below: the host, as in `templates.text`.
    """
    always = tuple(one for one in (changes.changes if changes else ()) if one.always)
    _write(message.request_headers_to_add, message.request_headers_to_remove, HeaderChanges(always), name)


def mutation(changes: HeaderChanges, name: str = "") -> api.Message:
    """The same as envoy.extensions.filters.http.header_mutation.v3.HeaderMutation, for the filters behind it."""
    message = api.header_mutation.HeaderMutation()
    for change in (one for one in changes.changes if one.always):
        one = message.mutations.request_mutations.add()
        if change.action is HeaderAction.REMOVE:
            one.remove = change.name
        else:
            option(one.append, change, name)
    return message


def response(message: api.Message, changes: HeaderChanges | None, name: str = "") -> None:
    """Write changes of response headers into a Route or a ClusterWeight."""
    _write(message.response_headers_to_add, message.response_headers_to_remove, changes, name)


def _write(to_add: api.Message, to_remove: api.Message, changes: HeaderChanges | None, name: str) -> None:
    for change in changes.changes if changes else ():
        if change.action is HeaderAction.REMOVE:
            to_remove.append(change.name)
        else:
            option(to_add.add(), change, name)


def option(message: api.Message, change: HeaderChange, name: str = "") -> None:
    """envoy.config.core.v3.HeaderValueOption. An empty value is meant: without the flag Envoy would drop the header."""
    message.header.key = change.name
    message.header.value = conditional.text(change, name)
    message.append_action = ACTIONS[change.action]
    message.keep_empty_value = not change.value.parts
