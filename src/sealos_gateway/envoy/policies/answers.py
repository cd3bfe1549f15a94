"""Where a backend's answers lead to: beginnings of Location, domains and paths of cookies; envoy.filters.http.lua.

Envoy has no filter that changes a part of a response header. Only routes that ask for it run the program.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sealos_gateway.envoy import api, programs
from sealos_gateway.model.policy import Policy


def filters(policy: Policy) -> Iterator[tuple[str, api.Message]]:
    """The pairs are data in front of the fixed program `answers.lua`."""
    if not (policy.location or policy.cookies):
        return
    head = f"local locations = {_pairs(policy.location)}\n"
    for attribute in ("domain", "path"):
        changes = ((it.before, it.after) for it in policy.cookies if it.attribute == attribute)
        head += f"local {attribute}s = {_pairs(changes)}\n"
    source = api.base.DataSource(inline_string=head + programs.program("policies/answers.lua"))
    yield "envoy.filters.http.lua", api.pack(api.lua.Lua(default_source_code=source))


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return (
        "{" + ", ".join(f"{{{programs.lua_text(before)}, {programs.lua_text(after)}}}" for before, after in pairs) + "}"
    )
