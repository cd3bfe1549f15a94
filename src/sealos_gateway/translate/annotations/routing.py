"""Where requests go: rewriting, redirects, further hosts, canaries, Host towards the backend."""

from __future__ import annotations

from sealos_gateway.model.header_names import token
from sealos_gateway.model.policy import HeaderAction, HeaderChange, Rewrite
from sealos_gateway.model.problem import Problem
from sealos_gateway.model.template import Of, literal
from sealos_gateway.model.traffic import Redirect
from sealos_gateway.nginx import regex
from sealos_gateway.resources.annotations import every, routing
from sealos_gateway.resources.annotations.entry import Verdict
from sealos_gateway.translate import hosts
from sealos_gateway.translate.annotations import templates
from sealos_gateway.translate.annotations.draft import Canary, Draft
from sealos_gateway.translate.annotations.values import Values

_OF_CANARIES = (
    routing.CANARY, routing.CANARY_WEIGHT, routing.CANARY_TOTAL, routing.CANARY_HEADER, routing.CANARY_VALUE,
    routing.CANARY_PATTERN, routing.CANARY_COOKIE, routing.USE_REGEX, routing.REWRITE_TARGET,
)  # fmt: skip
#: What Envoy can fill into a header of a response it makes itself.
_IN_LOCATION = frozenset(Of) - {
    Of.CAPTURE, Of.COOKIE, Of.RESPONSE_HEADER, Of.STATUS, Of.UPSTREAM_ADDRESS, Of.ESCAPED_PATH_AND_QUERY
}  # fmt: skip
_IN_HOST = _IN_LOCATION | {Of.UPSTREAM_ADDRESS}


def read(values: Values, draft: Draft) -> None:
    """`rewrite-target`, `use-regex`, redirects, `server-alias`, `canary` …"""
    _rewrite(values, draft)
    _redirect(values, draft)
    draft.force_ssl = values.boolean(routing.FORCE_SSL_REDIRECT) or False
    draft.www = values.boolean(routing.WWW_REDIRECT) or False
    wanted = "a list of hosts, separated by commas"
    draft.aliases = values.read(routing.SERVER_ALIAS, hosts.listed, wanted, lines=True) or ()
    if values.boolean(routing.CANARY):
        draft.canary = _canary(values)
        _tell_of_inheritance(values, draft)
    vhost = templates.optional(values, routing.UPSTREAM_VHOST, _IN_HOST)
    if vhost is not None:
        draft.policy["rewrite"] = Rewrite(host=vhost)


def _rewrite(values: Values, draft: Draft) -> None:
    draft.use_regex = values.boolean(routing.USE_REGEX) or False
    target = templates.optional(values, routing.REWRITE_TARGET, (Of.CAPTURE,))
    if target is not None and "?" in "".join(part for part in target.parts if isinstance(part, str)):
        values.complain(routing.REWRITE_TARGET, "a query cannot be added while the path is rewritten")
        target = None
    draft.rewrite_target = target
    prefix = templates.optional(values, routing.FORWARDED_PREFIX, ())
    if prefix is not None and target is not None:
        draft.request_headers.append(HeaderChange(HeaderAction.SET, "x-forwarded-prefix", prefix))


def _redirect(values: Values, draft: Draft) -> None:
    found: Redirect | None = None
    for entry, code_entry, usual in (
        (routing.PERMANENT_REDIRECT, routing.PERMANENT_CODE, 301),
        (routing.TEMPORAL_REDIRECT, routing.TEMPORAL_CODE, 302),
    ):
        location = templates.optional(values, entry, _IN_LOCATION)
        code = values.whole(code_entry, 300, 308)
        if location is not None:
            found = Redirect(code or usual, location=location)
    draft.redirect = found
    root = values.read(routing.APP_ROOT, lambda text: text if text.startswith("/") else None, "a path")
    if root is not None:
        relative = values.boolean(routing.RELATIVE_REDIRECTS)
        draft.app_root = (
            Redirect(302, location=literal(root))
            if relative
            else Redirect(302, path=root, strip_query=True, keep_port=True)
        )


def _tell_of_inheritance(values: Values, draft: Draft) -> None:
    """A canary's own words about anything but itself count for nothing: nobody shall rely on them."""
    names = (name for name in draft.ingress.metadata.annotations or () if name.startswith(every.DOMAINS))
    entries = ((name, every.find(name)) for name in names)
    idle = sorted(
        name for name, entry in entries if entry and entry not in _OF_CANARIES and entry.verdict is not Verdict.NOTHING
    )
    if idle:
        message = f"a canary inherits everything from the Ingress that has its path; without effect: {', '.join(idle)}"
        values.problems.append(Problem(values.origin, "metadata.annotations", "CanaryInherits", message))


def _canary(values: Values) -> Canary:
    total = values.whole(routing.CANARY_TOTAL, 1, 1_000_000) or 100
    weight = values.whole(routing.CANARY_WEIGHT, 0, total) or 0
    pattern = values.text(routing.CANARY_PATTERN) or ""
    if pattern and (reason := regex.problem(pattern)):
        values.complain(routing.CANARY_PATTERN, reason)
        pattern = ""
    return Canary(
        weight=weight,
        total=total,
        header=(values.read(routing.CANARY_HEADER, _token, "a header name") or "").lower(),
        value=values.text(routing.CANARY_VALUE) or "",
        pattern=pattern,
        cookie=values.read(routing.CANARY_COOKIE, _token, "a cookie name") or "",
    )


def _token(text: str) -> str | None:
    return token(text)
