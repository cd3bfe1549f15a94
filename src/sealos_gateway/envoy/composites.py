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
    message = api.extension_matcher.ExtensionWithMatcherPerRoute()
    return api.pack(message) if run(message.xds_matcher.on_no_match.action, action_name, filters) else None


def run(message: api.Message, name: str, filters: Iterable[tuple[str, api.Message]]) -> bool:
    """Write into the action of a matcher (xds.core.v3.TypedExtensionConfig) that these filters run, in order; False
    where there are none. One that waits for something goes on behind the place, so it has to be the last."""
    action = api.composite.ExecuteFilterAction()
    for filter_name, packed in filters:
        action.filter_chain.typed_config.add(name=filter_name, typed_config=packed)
    if not action.HasField("filter_chain"):
        return False
    message.name = name
    message.typed_config.CopyFrom(api.pack(action))
    return True
