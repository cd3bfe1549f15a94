"""Places in a chain of filters."""

from __future__ import annotations

from sealos_gateway.envoy import api, composites


def test_a_place_has_nothing_in_it() -> None:
    found = composites.empty("somewhere")
    assert found.name == "somewhere"
    config = api.extension_matcher.ExtensionWithMatcher.FromString(found.typed_config.value)
    assert config.extension_config.name == "envoy.filters.http.composite"
    assert not config.HasField("xds_matcher")


def test_filters_run_in_order_in_a_place() -> None:
    steps = [(name, api.pack(api.router.Router())) for name in ("first", "second")]
    packed = composites.filled("what", steps)
    assert packed is not None
    config = api.extension_matcher.ExtensionWithMatcherPerRoute.FromString(packed.value)
    chosen = config.xds_matcher.on_no_match.action
    assert chosen.name == "what"
    action = api.composite.ExecuteFilterAction.FromString(chosen.typed_config.value)
    assert [it.name for it in action.filter_chain.typed_config] == ["first", "second"]


def test_without_filters_nothing_is_said() -> None:
    assert composites.filled("what", ()) is None
