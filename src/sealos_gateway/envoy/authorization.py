"""A service that is asked about requests: envoy.extensions.filters.http.ext_authz.v3.ExtAuthz, and what runs before it.

It is asked in two places: before a route is chosen (`prerouting`), where what it makes of the request decides about the
route, and at the end of a route (`forwarding`), where it does not: neither path nor method, which the route was chosen
by, can be changed there. A service that fails lets nobody pass. Where one of its addresses cannot be reached, or
refuses, another one is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sealos_gateway.envoy import api, headers, names, retries, scope
from sealos_gateway.envoy.policies import limits
from sealos_gateway.model.authorization import Authorization
from sealos_gateway.model.policy import Policy

Filters = Iterator[tuple[str, api.Message]]

#: What no service may write: which listener a request is for is decided, and messages are framed by Envoy.
_KEPT = (
    "host", ":authority", ":scheme", ":status", "content-length", "transfer-encoding", "connection", "keep-alive", "te",
    "trailer", "upgrade", "proxy-connection",
)  # fmt: skip
#: The same of a route that was chosen.
_MATCHED = (":path", ":method")
#: What an answer says of its own body, which is not that of the request; it counts only where it is named.
_OF_ANSWERS = ("content-type", "content-encoding", "content-language")
_UNREACHABLE = 503


def before_routes(wanted: Authorization, domain: str) -> Filters:
    """The route is looked for again, with what the service made of the request."""
    message = _authz(wanted, domain, ())
    message.clear_route_cache = True
    if wanted.grpc:
        message.decoder_header_mutation_rules.allow_expression.CopyFrom(_pattern("|".join(_MATCHED)))
    yield from _filters(wanted, message)


def of_route(policy: Policy, domain: str, name: str = "") -> Filters:
    """The route stays what it is. `name` is the host, as in `templates.text`."""
    wanted = policy.authorization
    if wanted is None:
        return
    if wanted.sees_changes and policy.request_headers is not None:
        yield "envoy.filters.http.header_mutation", api.pack(headers.mutation(policy.request_headers, name))
    message = _authz(wanted, domain, _MATCHED)
    message.disallowed_headers.patterns.add(exact=retries.HEADER)
    yield from _filters(wanted, message)


def _filters(wanted: Authorization, message: api.Message) -> Filters:
    if wanted.body_bytes:
        # Left to itself, ext_authz shows the beginning of a body that is longer, and lets it pass.
        yield limits.at_most(wanted.body_bytes)
    yield "envoy.filters.http.ext_authz", api.pack(message)


def _authz(wanted: Authorization, domain: str, kept: tuple[str, ...]) -> api.Message:
    message = api.ext_authz.ExtAuthz(transport_api_version=api.config_source.ApiVersion.V3)
    message.status_on_error.code = _UNREACHABLE
    message.disallowed_headers.patterns.add(exact=scope.HEADER)
    for name in wanted.asks_with:
        message.allowed_headers.patterns.add(exact=name, ignore_case=True)
    if wanted.body_bytes:
        message.with_request_body.max_request_bytes = wanted.body_bytes
    if wanted.grpc:
        _grpc(message.grpc_service, wanted, domain)
    else:
        _http(message.http_service, wanted, domain)
        kept = kept if wanted.gives else (*kept, *_OF_ANSWERS)
    # Headers that start with x-envoy- are kept as well, as Envoy has it.
    text = "|".join(re.escape(name) for name in (*_KEPT, *kept))
    message.decoder_header_mutation_rules.disallow_expression.CopyFrom(_pattern(f"{text}|x-sealos-.*"))
    return message


def _grpc(service: api.Message, wanted: Authorization, domain: str) -> None:
    service.envoy_grpc.cluster_name = names.backend(wanted.backend, domain)
    service.envoy_grpc.authority = _host(wanted, domain)
    service.timeout.CopyFrom(api.seconds(wanted.timeout))
    service.retry_policy.CopyFrom(retries.QUESTIONS)


def _http(service: api.Message, wanted: Authorization, domain: str) -> None:
    service.server_uri.uri = f"http://{_host(wanted, domain)}"
    service.server_uri.cluster = names.backend(wanted.backend, domain)
    service.server_uri.timeout.CopyFrom(api.seconds(wanted.timeout))
    service.path_prefix = wanted.path_prefix
    service.retry_policy.CopyFrom(retries.QUESTIONS)
    upstream = service.authorization_response.allowed_upstream_headers.patterns
    for name in wanted.gives:
        upstream.add(exact=name, ignore_case=True)
    if not wanted.gives:
        upstream.add(safe_regex=_pattern("[^:].*"))


def _pattern(text: str) -> api.Message:
    return api.regex.RegexMatcher(regex=text)


def _host(wanted: Authorization, domain: str) -> str:
    key = wanted.backend
    return f"{key.service}.{key.namespace}.svc.{domain}"
