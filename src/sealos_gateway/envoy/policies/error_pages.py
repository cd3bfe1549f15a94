"""Answers that are replaced by what another backend says: a Lua filter that asks it.

Envoy's own custom_response filter would send the request through the routes of its host again, so the page would be a
route that clients could call. The Lua filter asks the cluster directly, and only when there is something to replace.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from sealos_gateway.envoy import api, headers, names, programs
from sealos_gateway.envoy.actions import Context
from sealos_gateway.model.policy import Policy


def filters(policy: Policy, context: Context) -> Iterator[tuple[str, api.Message]]:
    """The statuses, the cluster and the headers are data in front of the fixed program `error_pages.lua`."""
    wanted = policy.error_pages
    if wanted is None:
        return
    statuses = ", ".join(f"[{json.dumps(str(status))}]=true" for status in wanted.statuses)
    sent = ", ".join(
        f"[{programs.lua_text(name)}]={programs.lua_text(value)}" for name, value in headers.literals(wanted.headers)
    )
    cluster = programs.lua_text(names.backend(wanted.backend, context.domain))
    head = f"local statuses = {{{statuses}}}\nlocal cluster = {cluster}\nlocal sent = {{{sent}}}\n"
    source = api.base.DataSource(inline_string=head + programs.program("policies/error_pages.lua"))
    yield "envoy.filters.http.lua", api.pack(api.lua.Lua(default_source_code=source))
