"""How a request finds its host: the scope key, and what happens when no scope has exactly that key.

The connection manager writes `<gateway>|<authority>` into a private header, and Envoy selects the scope whose key is
what comes before the first colon there: the port that a client wrote stays in the request and has no say. For a host
that is known and spelled as configured, nothing else runs. Otherwise a chain of small filters tries, in this order, the
name in lower case and without a dot at its end, the wildcard one label above, and the any-host scope; before each
attempt an on-demand filter loads what the key names. The first one notes the name (`NAME`), for hosts that stand for
several. Every route configuration switches those filters off (`ROUTE_CONFIG`) and marks its virtual host as known
(`KNOWN`): the mark is what the Lua code looks at, because a request to a cold host has its filters already when the
route arrives. Decisions and measurements: docs/decisions/002-scope-filter.md, docs/decisions/036-host-as-written.md.

A consequence for every policy filter: requests to cold, wildcard and differently spelled hosts build their filter
chain before the route is known. A filter that is off in the listener and switched on by a route would be skipped for
them. So a policy filter gets its *configuration* from the route, when headers reach it
(docs/decisions/025-policy-filters.md).
"""

from __future__ import annotations

import json

from sealos_gateway.envoy import api, programs

HEADER = "x-sealos-scope"
FALLBACK = "sealos.scope"
ON_DEMAND = "sealos.on_demand"
#: Key of the dynamic metadata under `FALLBACK` that is the name asked for, in lower case and without a port: for
#: requests to wildcards and to any host, and for names that are spelled in another way than configured.
NAME = "name"


def key_mutation(gateway: str) -> api.Message:
    """Overwrite the private header before anything reads it, so that no client can choose its scope."""
    message = api.early_header_mutation.HeaderMutation()
    append = message.mutations.add().append
    append.header.key, append.header.value = HEADER, f"{gateway}|%REQ(:AUTHORITY)%"
    append.append_action = api.base.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    return api.named("sealos.scope_key", message)


def scoped_routes() -> api.Message:
    """envoy.extensions.filters.network.http_connection_manager.v3.ScopedRoutes over ADS."""
    message = api.hcm.ScopedRoutes(name="hosts", rds_config_source=api.ads())
    extractor = message.scope_key_builder.fragments.add().header_value_extractor
    extractor.name, extractor.element_separator, extractor.index = HEADER, ":", 0
    message.scoped_rds.scoped_rds_config_source.CopyFrom(api.ads())
    return message


def filters(upgrade_types: tuple[str, ...], labels: int = 1) -> list[api.Message]:
    """The HTTP filters that find the host, in order; they come before every policy filter.

    `upgrade_types` is what the connection manager lets through: it looks only where the route is known already. A
    wildcard stands for one label (Ingress), or for up to `labels` of them (Gateway API). With 0 there is neither a
    wildcard nor an any-host scope to be found: each step is a program with a virtual machine per thread, about 0.2 MB.
    """
    allowed = ", ".join(f"[{json.dumps(name.lower())}]=true" for name in upgrade_types)
    fold, last = _lua("fold.lua", f"local allowed = {{{allowed}}}\n"), _lua("next.lua")
    steps = [last, last] if labels == 1 else [_lua("wider.lua")] * labels + [_lua("any.lua")] * bool(labels)
    found = [_filter(FALLBACK, fold), _filter(ON_DEMAND, _on_demand())]
    for step in steps:
        found += [_filter(FALLBACK, step), _filter(FALLBACK, _on_demand())]
    return found


def _filter(name: str, message: api.Message) -> api.Message:
    return api.hcm.HttpFilter(name=name, typed_config=api.pack(message))


def _lua(file: str, head: str = "") -> api.Message:
    return api.lua.Lua(default_source_code=api.base.DataSource(inline_string=head + programs.program(file)))


def _on_demand() -> api.Message:
    message = api.on_demand.OnDemand()
    message.odcds.source.CopyFrom(api.ads())
    return message


def _known() -> api.Message:
    metadata = api.base.Metadata()
    metadata.filter_metadata[FALLBACK].update({"known": True})
    return metadata


#: Belongs into `typed_per_filter_config` of every route configuration …
ROUTE_CONFIG = (FALLBACK, api.pack(api.route_components.FilterConfig(disabled=True)))
#: … together with this metadata on its virtual host.
KNOWN = _known()
