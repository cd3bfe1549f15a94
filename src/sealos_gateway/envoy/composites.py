"""Places in a chain of filters: what runs in one is decided for each request, and often nothing does.

envoy.extensions.common.matching.v3.ExtensionWithMatcher around envoy.extensions.filters.http.composite.v3.Composite.
"""

from __future__ import annotations

from collections.abc import Iterable

from sealos_gateway.envoy import api


def config() -> api.Message:
    """ExtensionWithMatcher around an empty composite filter; a matcher may be written into it."""
    message = api.extension_matcher.ExtensionWithMatcher()
    message.extension_config.name = "envoy.filters.http.composite"
    message.extension_config.typed_config.CopyFrom(api.pack(api.composite.Composite()))
    return message


def empty(name: str) -> api.Message:
    """An HttpFilter with nothing to do unless a route or a virtual host says what (`filled`)."""
    return api.hcm.HttpFilter(name=name, typed_config=api.pack(config()))


def filled(action_name: str, filters: Iterable[tuple[str, api.Message]]) -> api.Message | None:
    """What `typed_per_filter_config` says of a place where these filters (name, packed configuration) run, in order;
    None where there are none."""
    action = api.composite.ExecuteFilterAction()
    for name, packed in filters:
        action.filter_chain.typed_config.add(name=name, typed_config=packed)
    if not action.HasField("filter_chain"):
        return None
    message = api.extension_matcher.ExtensionWithMatcherPerRoute()
    message.xds_matcher.on_no_match.action.name = action_name
    message.xds_matcher.on_no_match.action.typed_config.CopyFrom(api.pack(action))
    return api.pack(message)
