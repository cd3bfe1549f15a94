"""The Lua programs that stand in filters: files of this room, read once."""

from __future__ import annotations

import functools
from importlib import resources


@functools.cache
def program(*files: str) -> str:
    """The text of files below `envoy/`, one after the other."""
    folder = resources.files("sealos_gateway.envoy")
    return "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in files)
