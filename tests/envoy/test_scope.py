"""How a request finds its host, as configuration; that it works is shown end to end."""

from __future__ import annotations

import pytest

from sealos_gateway.envoy import api, scope
from tests.envoy import rules


def source(message: api.Message) -> str:
    lua = api.lua.Lua()
    assert message.typed_config.Unpack(lua)
    return str(lua.default_source_code.inline_string)


def test_the_order_of_the_search() -> None:
    found = scope.filters(("websocket",))
    kinds = [it.typed_config.type_url.rpartition(".")[2] for it in found]
    assert kinds == ["Lua", "OnDemand", "Lua", "OnDemand", "Lua", "OnDemand"]
    assert [it.name for it in found].count(scope.FALLBACK) == 5, "the first on-demand filter also loads cold hosts"
    for message in found:
        assert not rules.broken(message)


@pytest.mark.parametrize(("labels", "programs"), [(0, 1), (1, 3), (5, 7)])
def test_each_step_is_a_program(labels: int, programs: int) -> None:
    found = [it.typed_config.type_url.rpartition(".")[2] for it in scope.filters((), labels)]
    assert found == ["Lua", "OnDemand"] * programs


def test_only_what_is_allowed_may_be_upgraded() -> None:
    head = source(scope.filters(("websocket", "SPDY/3.1"))[0])
    assert '["websocket"]=true' in head
    assert '["spdy/3.1"]=true' in head


def test_the_scope_key_is_made_of_the_private_header() -> None:
    message = scope.scoped_routes()
    assert not rules.broken(message)
    extractor = message.scope_key_builder.fragments[0].header_value_extractor
    assert (extractor.name, extractor.element_separator, extractor.index) == (scope.HEADER, ":", 0)


@pytest.mark.parametrize("gateway", ["ingress", "other"])
def test_the_key_begins_with_the_gateway(gateway: str) -> None:
    mutation = api.early_header_mutation.HeaderMutation()
    assert scope.key_mutation(gateway).typed_config.Unpack(mutation)
    assert mutation.mutations[0].append.header.value == f"{gateway}|%REQ(:AUTHORITY)%"
