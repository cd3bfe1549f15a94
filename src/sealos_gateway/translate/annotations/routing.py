"""Where requests go: rewriting, redirects, further hosts, canaries, Host towards the backend."""

from __future__ import annotations

from sealos_gateway.model.header_names import token
from sealos_gateway.model.policy import HeaderAction, HeaderChange, Rewrite
from sealos_gateway.model.template import Of, Template, literal
from sealos_gateway.model.traffic import Redirect
from sealos_gateway.nginx import regex, variables
from sealos_gateway.nginx.lexer import NginxError, Position, Word
from sealos_gateway.resources.annotations import routing
from sealos_gateway.resources.annotations.entry import Annotation
from sealos_gateway.translate import hosts
from sealos_gateway.translate.annotations.draft import Canary, Draft
from sealos_gateway.translate.annotations.values import Values

#: What Envoy can fill into a header of a response it makes itself.
_NOT_IN_LOCATION = (Of.CAPTURE, Of.COOKIE, Of.RESPONSE_HEADER, Of.STATUS, Of.UPSTREAM_ADDRESS)


def read(values: Values, draft: Draft) -> None:
    """`rewrite-target`, `use-regex`, redirects, `server-alias`, `canary` …"""
    _rewrite(values, draft)
    _redirect(values, draft)
    draft.force_ssl = values.boolean(routing.FORCE_SSL_REDIRECT) or False
    draft.www = values.boolean(routing.WWW_REDIRECT) or False
    draft.aliases = values.read(routing.SERVER_ALIAS, hosts.listed, "a list of hosts, separated by commas") or ()
    if values.boolean(routing.CANARY):
        draft.canary = _canary(values)
    vhost = template(values, routing.UPSTREAM_VHOST, (Of.CAPTURE, Of.COOKIE, Of.RESPONSE_HEADER, Of.STATUS))
    if vhost is not None:
        draft.policy["rewrite"] = Rewrite(host=vhost)


def template(values: Values, entry: Annotation, without: tuple[Of, ...]) -> Template | None:
    """A text with nginx variables, without some that nothing can be filled in for there."""
    text = values.text(entry)
    if not text:
        return None
    try:
        found = variables.parse(Word(text, Position(1, 1)))
    except NginxError as error:
        values.complain(entry, str(error))
        return None
    if odd := [variable for variable in found.variables if variable.of in without]:
        values.complain(entry, f"the {odd[0]} is not known there")
        return None
    if not text.isprintable():
        values.complain(entry, "it holds a control character")
        return None
    return found


def _rewrite(values: Values, draft: Draft) -> None:
    draft.use_regex = values.boolean(routing.USE_REGEX) or False
    others = tuple(of for of in Of if of is not Of.CAPTURE)
    target = template(values, routing.REWRITE_TARGET, others)
    if target is not None and "?" in "".join(part for part in target.parts if isinstance(part, str)):
        values.complain(routing.REWRITE_TARGET, "a query cannot be added while the path is rewritten")
        target = None
    draft.rewrite_target = target
    prefix = template(values, routing.FORWARDED_PREFIX, tuple(Of))
    if prefix is not None and target is not None:
        draft.request_headers.append(HeaderChange(HeaderAction.SET, "x-forwarded-prefix", prefix))


def _redirect(values: Values, draft: Draft) -> None:
    found: Redirect | None = None
    for entry, code_entry, usual in (
        (routing.PERMANENT_REDIRECT, routing.PERMANENT_CODE, 301),
        (routing.TEMPORAL_REDIRECT, routing.TEMPORAL_CODE, 302),
    ):
        location = template(values, entry, _NOT_IN_LOCATION)
        code = values.whole(code_entry, 300, 308)
        if location is not None:
            found = Redirect(code or usual, location=location)
    draft.redirect = found
    root = values.read(routing.APP_ROOT, lambda text: text if text.startswith("/") else None, "a path")
    if root is not None:
        relative = values.boolean(routing.RELATIVE_REDIRECTS)
        draft.app_root = (
            Redirect(302, location=literal(root)) if relative else Redirect(302, path=root, strip_query=True)
        )


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
