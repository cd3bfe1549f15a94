"""The Lua programs that stand in filters: files of this room, read once."""

from __future__ import annotations

import functools
from importlib import resources


@functools.cache
def program(*files: str) -> str:
    """The text of files below `envoy/`, one after the other."""
    folder = resources.files("sealos_gateway.envoy")
    return "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in files)


def lua_text(text: str) -> str:
    """A Lua string literal that means exactly this text: everything but plain ASCII is escaped by its byte."""
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:03d}" for b in text.encode()) + '"'
