"""What a route does with a request: forward, split, redirect, answer; rewriting, timeouts, retries, mirrors.

Everything that Envoy's RouteAction can do is here; what needs a filter is in `policies`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sealos_gateway.envoy import api, headers, names, retries, templates, tracing
from sealos_gateway.envoy.policies import affinity
from sealos_gateway.model.policy import HeaderAction, Mirror, Policy, Rewrite
from sealos_gateway.model.template import Of, Template, Variable
from sealos_gateway.model.traffic import Forward, Match, PathKind, Redirect, Respond, Route, Split, Target

_CODES = {301: 0, 302: 1, 303: 2, 307: 3, 308: 4}


@dataclass(frozen=True)
class Context:
    """What rendering needs to know besides a route: the cluster's domain, the port of redirects to HTTPS, tracing.

    `name` is the host whose routes these are, empty where it stands for several (wildcards, any host).
    """

    domain: str
    https_port: int = 443
    tracing: tracing.Options | None = None
    name: str = ""


def fill(message: api.Message, route: Route, context: Context) -> None:
    """Write the action of `route` into an envoy.config.route.v3.Route that has its match."""
    match route.action:
        case Forward(backend):
            message.route.cluster = names.backend(backend, context.domain)
            _forwarding(message, route, context)
        case Split(targets):
            split(message.route, targets, context)
            _forwarding(message, route, context)
        case Redirect(code) if route.action.location is not None:
            message.direct_response.status = code
            location = message.response_headers_to_add.add(append_action=headers.ACTIONS[HeaderAction.SET])
            location.header.key, location.header.value = "location", templates.text(route.action.location, context.name)
        case Redirect():
            _redirect(message.redirect, route.action, route.match, context)
        case Respond(status, body):
            message.direct_response.status = status
            if body:
                message.direct_response.body.inline_string = body
    if route.policy is not None:
        asked = route.policy.authorization
        if asked is None or not asked.sees_changes:  # else they are made before it is asked (`authorization`)
            headers.request(message, route.policy.request_headers, context.name)
        headers.response(message, route.policy.response_headers, context.name)
        if context.tracing is not None and route.policy.tracing is not None:
            tracing.fill_route(message, route.policy.tracing, context.tracing, context.name)


def split(message: api.Message, targets: tuple[Target, ...], context: Context) -> None:
    """Weighted clusters of a RouteAction. Targets that do not exist are answered elsewhere (`variants`)."""
    for target in targets:
        if target.backend is None:
            continue
        name = names.backend(target.backend, context.domain)
        one = message.weighted_clusters.clusters.add(name=name, weight=api.uint(target.weight))
        headers.request(one, target.request_headers, context.name)
        headers.response(one, target.response_headers, context.name)


def _forwarding(message: api.Message, route: Route, context: Context) -> None:
    action, policy = message.route, route.policy
    action.timeout.SetInParent()  # zero: no time limit for a whole response, streams may last
    if policy is None:
        return
    _timeouts(action, policy)
    retries.fill(message, policy)
    if policy.rewrite is not None:
        rewrite(action, policy.rewrite, route.match, context.name)
    for mirror in policy.mirrors:
        _mirror(action, mirror, context)
    if policy.affinity is not None and not policy.affinity.persistent:
        affinity.hashed(action, policy.affinity, route.match)
    for template in policy.hash_by:
        _hash(action.hash_policy.add(), template)


def _timeouts(action: api.Message, policy: Policy) -> None:
    times = policy.timeouts
    if times is None:
        return
    if times.request is not None:
        action.timeout.CopyFrom(api.seconds(times.request))
    if times.idle is not None:
        action.idle_timeout.CopyFrom(api.seconds(times.idle))


def rewrite(action: api.Message, wanted: Rewrite, match: Match, name: str = "") -> None:
    """Change path and Host on the way to the backend; the query stays as it is."""
    if wanted.prefix is not None:
        _prefix(action, wanted.prefix, match)
    elif wanted.path is not None:
        _regex(action.regex_rewrite, "^.*$", wanted.path.replace("\\", "\\\\"))
    elif wanted.pattern:
        _regex(action.regex_rewrite, wanted.pattern, wanted.substitution)
    if wanted.host is not None:
        if (text := wanted.host.literal) is not None:
            action.host_rewrite_literal = text
        else:
            action.host_rewrite = templates.text(wanted.host, name)


def _prefix(action: api.Message, prefix: str, match: Match) -> None:
    """Whole elements are replaced: `/a` by `/` makes `/a/b` to `/b`, not to `//b`. RouteAction or RedirectAction."""
    if match.kind is not PathKind.PREFIX:
        _regex(action.regex_rewrite, "^.*$", prefix.replace("\\", "\\\\"))
    elif match.path == "/":
        action.prefix_rewrite = prefix.rstrip("/") + "/"
    elif kept := prefix.rstrip("/"):
        action.prefix_rewrite = kept
    else:
        case = "(?i)" if match.ignore_case else ""
        _regex(action.regex_rewrite, f"{case}^{re.escape(match.path)}/*", "/")


def _regex(message: api.Message, pattern: str, substitution: str) -> None:
    message.pattern.regex, message.substitution = pattern, substitution


def _redirect(message: api.Message, wanted: Redirect, match: Match, context: Context) -> None:
    message.response_code = _CODES[wanted.code]
    if wanted.scheme == "https" and not wanted.port:
        message.https_redirect = True
    elif wanted.scheme:
        message.scheme_redirect = wanted.scheme
    if host := wanted.host or (not wanted.keep_port and context.name):
        message.host_redirect = host
    if wanted.port:
        message.port_redirect = wanted.port
    message.strip_query = wanted.strip_query
    if wanted.path is not None:
        message.path_redirect = wanted.path
    elif wanted.prefix is not None:
        if match.kind is PathKind.PREFIX:
            _prefix(message, wanted.prefix, match)
        else:
            message.path_redirect = wanted.prefix
    elif wanted.pattern:
        _regex(message.regex_rewrite, wanted.pattern, wanted.substitution)


def _mirror(action: api.Message, mirror: Mirror, context: Context) -> None:
    one = action.request_mirror_policies.add(cluster=names.backend(mirror.backend, context.domain))
    one.disable_shadow_host_suffix_append = True
    if mirror.host:
        one.host_rewrite_literal = mirror.host
    if mirror.numerator < mirror.denominator:
        share = one.runtime_fraction.default_value
        share.numerator = round(mirror.numerator * 1_000_000 / mirror.denominator)
        share.denominator = 2  # MILLION


def _hash(message: api.Message, template: Template) -> None:
    """Envoy hashes properties one by one; literal text in between has no influence on the choice."""
    variable = next((part for part in template.parts if isinstance(part, Variable)), None)
    match variable:
        case Variable(Of.REQUEST_HEADER, name):
            message.header.header_name = name
        case Variable(Of.COOKIE, name):
            message.cookie.name = name
        case Variable(Of.QUERY_PARAMETER, name):
            message.query_parameter.name = name
        case Variable(Of.CLIENT_ADDRESS):
            message.connection_properties.source_ip = True
        case Variable(Of.PATH_AND_QUERY | Of.PATH):
            message.header.header_name = ":path"
        case Variable(Of.HOST | Of.AUTHORITY):
            message.header.header_name = ":authority"
        case _:
            raise templates.TemplateError(f"hash by {template}")
