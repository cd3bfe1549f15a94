"""Who may pass: Lua for passwords (htpasswd), for an external service that is asked as nginx does, and for the number
of requests that a client may have in progress.

Envoy's own filters fall short of what an Ingress user writes: `basic_auth` takes unsalted SHA-1 only and no realm;
`ext_authz` keeps the method, appends the path, has no cache and no redirect to a login page
(docs/decisions/029-access-filter.md). The filters stand once in the connection manager, as named chains of a composite
filter, so that all routes of a worker share one Lua state; a route names the chain and says what it wants by metadata.
What the program must know of `satisfy any` and networks is a note left by an RBAC filter (`networks.noted`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from sealos_gateway.envoy import api, names, programs
from sealos_gateway.envoy.actions import Context
from sealos_gateway.envoy.policies import networks, verifiers
from sealos_gateway.model.policy import BasicAuth, ExternalAuth, HeaderChanges, Policy
from sealos_gateway.model.template import Template
from sealos_gateway.model.traffic import Redirect, Route

FILTER = "sealos.access"
#: Which programs a chain runs: names of files, in order. They are few, and not one for each case: every program costs a
#: virtual machine per thread in each connection manager, and Gateways with TLS have one for each hostname.
_RUN_POLICIES, _RUN_OWN_NAME = "policies", "own_name"
_CHAINS = {
    _RUN_POLICIES: (("authority.lua", "connections.lua"), ("digests.lua", "access.lua")),
    _RUN_OWN_NAME: (("authority.lua", "own_name.lua"),),
}
#: A host with or without a port (RFC 3986, 3.2.2 and 3.2.3), as `authority.lua` has it, and `fold.lua` for other hosts.
_AUTHORITY = r"(?:[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?"
_COMPOSITE = "envoy.extensions.filters.http.composite.v3.Composite"
_ACTION = "envoy.extensions.filters.http.composite.v3.ExecuteFilterAction"
_WITH_MATCHER = "envoy.extensions.common.matching.v3.ExtensionWithMatcher"
_PER_ROUTE = "envoy.extensions.common.matching.v3.ExtensionWithMatcherPerRoute"
_TYPE = "type.googleapis.com/"


def http_filter() -> api.Message:
    """The filter as it stands in every connection manager: it refuses what is no host, and lets all else pass unless a
    route names its chain. What a route names replaces the matcher here, so each chain begins with the same check."""
    chains = {name: {"typed_config": [_lua(*files) for files in programs]} for name, programs in _CHAINS.items()}
    composite = _struct(_COMPOSITE, {"named_filter_chains": chains})
    config = {
        "extension_config": {"name": "envoy.filters.http.composite", "typed_config": composite},
        "xds_matcher": {"matcher_list": {"matchers": [{"predicate": _NO_HOST, "on_match": _named(_RUN_OWN_NAME)}]}},
    }
    return api.hcm.HttpFilter(name=FILTER, typed_config=api.pack_struct(_WITH_MATCHER, config))


def fill(message: api.Message, route: Route, context: Context) -> None:
    """Write into an envoy.config.route.v3.Route what its policy says of who may pass."""
    if isinstance(route.action, Redirect) and route.action.location is None and not route.action.keep_port:
        same_host(message)
    policy = route.policy
    if policy is None:
        return
    asks, limit = policy.basic_auth is not None or policy.external_auth is not None, policy.connections
    if limit is not None:
        zone = {"zone": str(route.origin), "most": limit.most, "status": limit.status}
        message.metadata.filter_metadata[FILTER].update({"connections": zone})
    if asks or limit is not None:
        message.typed_per_filter_config[FILTER].CopyFrom(_POLICIES)
    if asks:
        message.metadata.filter_metadata[FILTER].update(_access(route, policy, context))


def same_host(message: api.Message) -> None:
    """A redirect of an envoy.config.route.v3.Route to the very host that was asked for, where only the request says
    which: left to itself, Envoy would keep the port that the client wrote."""
    if not message.redirect.host_redirect:
        message.typed_per_filter_config[FILTER].CopyFrom(_OWN_NAME)


def filters(policy: Policy) -> Iterator[tuple[str, api.Message]]:
    """Notes that the programs read: whether a client is exempt from the limit of requests in progress."""
    if policy.connections is not None and policy.connections.exempt:
        yield "connections", networks.noted(policy.connections.exempt, "connections_")


def _access(route: Route, policy: Policy, context: Context) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if policy.basic_auth is not None:
        wanted |= _basic(policy.basic_auth)
    if policy.external_auth is not None:
        wanted["external"] = _external(policy.external_auth, context)
    if policy.satisfy_any:
        wanted["any"] = True
    # Equal configurations are one in the program's memory, whichever routes they belong to.
    wanted["id"] = hashlib.blake2b(json.dumps(wanted, sort_keys=True).encode(), digest_size=12).hexdigest()
    wanted["place"] = str(route.match)
    return wanted


def redact(message: api.Message) -> None:
    """Take the digests of passwords out of a RouteConfiguration that people will see."""
    for host in message.virtual_hosts:
        for route in host.routes:
            if FILTER in route.metadata.filter_metadata and "users" in route.metadata.filter_metadata[FILTER]:
                route.metadata.filter_metadata[FILTER].update({"users": "[redacted]"})


def _basic(wanted: BasicAuth) -> dict[str, Any]:
    realm = wanted.realm.replace("\\", "\\\\").replace('"', '\\"')
    users = verifiers.lines(wanted.users)
    slow = {"hasher": names.PASSWORDS} if f":{verifiers.SLOW}:" in users else {}
    return {"realm": realm, "users": users, **slow}


def _external(wanted: ExternalAuth, context: Context) -> dict[str, Any]:
    found: dict[str, Any] = {
        "cluster": names.backend(wanted.backend, context.domain),
        "authority": wanted.host,
        "path": _parts(wanted.path),
        "timeout": int(wanted.timeout * 1000),
    }
    if wanted.method:
        found["method"] = wanted.method
    if wanted.signin is not None:
        found["signin"] = _parts(wanted.signin)
    if wanted.redirect is not None:
        found["redirect"] = _parts(wanted.redirect)
    if wanted.copy_response:
        found["copied"] = list(wanted.copy_response)
    if wanted.request_headers is not None:
        found["headers"] = _headers(wanted.request_headers)
    if wanted.always_set_cookie:
        found["always"] = True
    if wanted.cache_key is not None:
        found["key"] = _parts(wanted.cache_key)
        found["cache"] = {str(status) if status else "any": seconds for status, seconds in wanted.cache}
    return found


def _headers(changes: HeaderChanges) -> list[dict[str, Any]]:
    return [{"name": change.name, "value": _parts(change.value)} for change in changes.changes]


def _parts(template: Template) -> list[Any]:
    return [
        part if isinstance(part, str) else {"of": part.of.value, **({"name": part.name} if part.name else {})}
        for part in template.parts
    ]


def _lua(*files: str) -> dict[str, Any]:
    source = programs.program(*(f"policies/{name}" for name in files))
    config = {
        "@type": f"{_TYPE}envoy.extensions.filters.http.lua.v3.Lua",
        "default_source_code": {"inline_string": source},
        # The route is chosen, and with it the policies: no header that is written here may change it.
        "clear_route_cache": False,
    }
    return {"name": "envoy.filters.http.lua", "typed_config": config}


def _struct(type_name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"@type": f"{_TYPE}xds.type.v3.TypedStruct", "type_url": f"{_TYPE}{type_name}", "value": value}


def _named(chain: str) -> dict[str, Any]:
    return {"action": {"name": FILTER, "typed_config": _struct(_ACTION, {"filter_chain_name": chain})}}


def _run(chain: str) -> api.Message:
    return api.pack_struct(_PER_ROUTE, {"xds_matcher": {"on_no_match": _named(chain)}})


_HEADER_INPUT = {"@type": f"{_TYPE}envoy.type.matcher.v3.HttpRequestHeaderMatchInput", "header_name": ":authority"}
_NO_HOST = {
    "not_matcher": {
        "single_predicate": {
            "input": {"name": "authority", "typed_config": _HEADER_INPUT},
            "value_match": {"safe_regex": {"google_re2": {}, "regex": _AUTHORITY}},
        }
    }
}


_POLICIES, _OWN_NAME = _run(_RUN_POLICIES), _run(_RUN_OWN_NAME)
