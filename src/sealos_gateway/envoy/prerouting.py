"""Before a route is chosen: services that are asked about every request of a host, one after the other.

envoy.extensions.filters.http.ext_authz.v3.ExtAuthz. A connection manager has so many empty places as a host may need
(`http_filters`), and the virtual host says what stands in them (`fill`): a filter that waits inside a composite filter
would go on behind it, so each has a place of its own. When a service has changed the request, the route is looked for
again. The private header that finds the host is neither shown nor to be changed: the host stays what it was.
"""

from __future__ import annotations

import re

from sealos_gateway.envoy import api, composites, names, scope
from sealos_gateway.envoy.policies import limits
from sealos_gateway.model.authorization import Authorization

_FILTER = "sealos.prerouting"
_AUTHZ = "envoy.filters.http.ext_authz"
#: What no service may write: which listener a request is for is decided, and messages are framed by Envoy.
_KEPT = (
    "host", ":authority", ":scheme", ":status", "content-length", "transfer-encoding", "connection", "keep-alive", "te",
    "trailer", "upgrade", "proxy-connection",
)  # fmt: skip
#: What an answer says of its own body, which is not that of the request; it counts only where it is named.
_OF_ANSWERS = ("content-type", "content-encoding", "content-language")
_UNREACHABLE = 503


def http_filters(number: int) -> list[api.Message]:
    """So many places, with nothing in them unless the virtual host says what."""
    return [composites.empty(_name(index)) for index in range(number)]


def fill(virtual_host: api.Message, asked: tuple[Authorization, ...], domain: str) -> None:
    """Write into an envoy.config.route.v3.VirtualHost who is asked."""
    for index, one in enumerate(asked):
        steps = [(_AUTHZ, api.pack(_authz(one, domain)))]
        if one.body_bytes:
            # Left to itself, ext_authz shows the beginning of a body that is longer, and lets it pass.
            steps.insert(0, limits.at_most(one.body_bytes))
        virtual_host.typed_per_filter_config[_name(index)].CopyFrom(composites.filled(_FILTER, steps))


def _name(index: int) -> str:
    return f"{_FILTER}.{index}"


def _authz(wanted: Authorization, domain: str) -> api.Message:
    message = api.ext_authz.ExtAuthz(transport_api_version=api.config_source.ApiVersion.V3, clear_route_cache=True)
    message.status_on_error.code = _UNREACHABLE
    message.disallowed_headers.patterns.add(exact=scope.HEADER)
    for name in wanted.asks_with:
        message.allowed_headers.patterns.add(exact=name, ignore_case=True)
    if wanted.body_bytes:
        message.with_request_body.max_request_bytes = wanted.body_bytes
    if wanted.grpc:
        _grpc(message, wanted, domain)
    else:
        _http(message, wanted, domain)
    return message


def _grpc(message: api.Message, wanted: Authorization, domain: str) -> None:
    service = message.grpc_service
    service.envoy_grpc.cluster_name = names.backend(wanted.backend, domain)
    service.envoy_grpc.authority = _host(wanted, domain)
    service.timeout.CopyFrom(api.seconds(wanted.timeout))
    _mutations(message, _KEPT)
    # It may change what routes are matched by, but for the host.
    message.decoder_header_mutation_rules.allow_expression.CopyFrom(_pattern(":path|:method"))


def _http(message: api.Message, wanted: Authorization, domain: str) -> None:
    service = message.http_service
    service.server_uri.uri = f"http://{_host(wanted, domain)}"
    service.server_uri.cluster = names.backend(wanted.backend, domain)
    service.server_uri.timeout.CopyFrom(api.seconds(wanted.timeout))
    service.path_prefix = wanted.path_prefix
    upstream = service.authorization_response.allowed_upstream_headers.patterns
    for name in wanted.gives:
        upstream.add(exact=name, ignore_case=True)
    if not wanted.gives:
        upstream.add(safe_regex=_pattern("[^:].*"))
    _mutations(message, _KEPT if wanted.gives else (*_KEPT, *_OF_ANSWERS))


def _mutations(message: api.Message, kept: tuple[str, ...]) -> None:
    """Headers that start with x-envoy- are kept as well, as Envoy has it."""
    text = "|".join(re.escape(name) for name in kept)
    message.decoder_header_mutation_rules.disallow_expression.CopyFrom(_pattern(f"{text}|x-sealos-.*"))


def _pattern(text: str) -> api.Message:
    return api.regex.RegexMatcher(regex=text)


def _host(wanted: Authorization, domain: str) -> str:
    key = wanted.backend
    return f"{key.service}.{key.namespace}.svc.{domain}"
