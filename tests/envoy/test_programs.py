"""Lua programs are read once, however many routes have them."""

from __future__ import annotations

from sealos_gateway.envoy.programs import program


def test_files_follow_each_other_and_are_read_once() -> None:
    both = program("fold.lua", "next.lua")
    assert both == program("fold.lua") + program("next.lua")
    assert both is program("fold.lua", "next.lua")
