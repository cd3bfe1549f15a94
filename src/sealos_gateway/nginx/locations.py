"""Where `return` and `rewrite` send a request: answers, redirects, and new paths."""

from __future__ import annotations

import re

from sealos_gateway.model.policy import Rewrite
from sealos_gateway.model.template import Of, Part, Template, Variable, joined
from sealos_gateway.model.traffic import Redirect, Respond
from sealos_gateway.nginx import headers, level, regex, variables
from sealos_gateway.nginx.conditions import Condition
from sealos_gateway.nginx.lexer import NginxError, Position
from sealos_gateway.nginx.way import Rewritten, Way, filled, without_captures

#: What Envoy takes as the body of an answer of its own.
LONGEST_BODY = 4096
_HOST = re.compile(r"(?P<host>[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_SCHEME = re.compile(r"(https?)://")


def answered(step: level.Return, way: Way) -> Way:
    """The way ends with an answer. Raises NginxError."""
    if step.value is None:
        return way._replace(answer=Respond(step.status), ended=True)
    value = filled(variables.parse(step.value, way.known), way.groups)
    if step.redirect:
        return _redirected(value, step.status, way, step.value.at, keep_query=False)
    without_captures(value, step.value.at)
    body = value.literal
    if body is None:
        raise NginxError(step.value.at, "the text of a return cannot hold variables; write it out")
    if len(body.encode("utf-8", "replace")) > LONGEST_BODY:
        raise NginxError(step.value.at, f"the text is longer than {LONGEST_BODY} bytes; have a backend answer it")
    return way._replace(answer=Respond(step.status, body), ended=True)


def rewritten(step: level.Rewrite, way: Way) -> Way:
    """The way where the expression was found: a redirect, or a new path. Raises NginxError."""
    at = step.replacement.at
    value = filled(variables.parse(step.replacement, way.known), way.groups)
    if step.flag in ("redirect", "permanent"):
        status = 301 if step.flag == "permanent" else 302
        if value.parts and isinstance(value.parts[-1], str) and value.parts[-1].endswith("?"):
            return _redirected(joined((*value.parts[:-1], value.parts[-1][:-1])), status, way, at, keep_query=False)
        return _redirected(value, status, way, at, keep_query=True)
    if way.in_server:
        message = "a path cannot be rewritten before its rule is found; write it as configuration-snippet"
        raise NginxError(step.at, message)
    _only_a_path(value, at)
    condition = way.groups.condition
    assert condition is not None
    rewrite = Rewrite(pattern=_whole(condition), substitution=_substitution(value, condition))
    begins = value.parts[0] if value.parts and isinstance(value.parts[0], str) else ""
    path = Rewritten(rewrite, step.flag in ("", "last"), begins)
    return way._replace(path=path, ended=step.flag in ("last", "break"))


def _only_a_path(value: Template, at: Position) -> None:
    for part in value.parts:
        if isinstance(part, str) and ("?" in part or any(char <= " " or char == "\x7f" for char in part)):
            message = "a new path cannot hold ?, spaces or control characters; the query stays as it is"
            raise NginxError(at, message)
        if isinstance(part, Variable) and part.of is not Of.CAPTURE:
            raise NginxError(at, f"a new path cannot hold the {part}; write captured groups and text only")
    first = value.parts[0] if value.parts else ""
    if isinstance(first, str) and not first.startswith("/"):
        raise NginxError(at, "a new path starts with /")


def _redirected(value: Template, status: int, way: Way, at: Position, keep_query: bool) -> Way:
    """A redirect to `value`: as it is, unless it has captures or keeps the request's own query."""
    headers.check(value, at, on_request=False)
    whole = any(variable.of in (Of.PATH_AND_QUERY, Of.QUERY) for variable in value.variables)
    if keep_query and whole:
        raise NginxError(at, "nginx would append the query a second time; write ? at the end of this URL")
    captures = any(variable.of is Of.CAPTURE for variable in value.variables)
    if way.path is not None and any(variable.of in (Of.PATH, Of.QUERY) for variable in value.variables):
        raise NginxError(at, "the path has been rewritten before; write the redirect before the rewrite")
    if not captures and not keep_query:
        return way._replace(answer=Redirect(status, location=value), ended=True)
    redirect = _redirect(value, status, way.groups.condition, at, keep_query)
    return way._replace(answer=redirect, ended=True)


def _redirect(value: Template, status: int, condition: Condition | None, at: Position, keep_query: bool) -> Redirect:
    scheme, host, port, keep_port, path = _pieces(value, at)
    rest = path.literal
    if rest is not None:
        query = not keep_query
        return Redirect(status, scheme, host, port, rest or "/", strip_query=query, keep_port=keep_port)
    if condition is None or condition.negate or condition.variable.of is not Of.PATH:
        message = "only groups of $uri can be used in a redirect; test $uri, which is the path without its query"
        raise NginxError(at, message)
    return Redirect(
        status, scheme, host, port, strip_query=not keep_query, keep_port=keep_port,
        pattern=_whole(condition), substitution=_substitution(path, condition),
    )  # fmt: skip


def _pieces(value: Template, at: Position) -> tuple[str, str, int, bool, Template]:
    """Scheme, host, port, whether the client's port stays, path; empty where they are those of the request."""
    parts = list(value.parts)
    scheme, host, port = "", "", 0
    if parts and parts[0] == Variable(Of.SCHEME) and len(parts) > 1 and str(parts[1]).startswith("://"):
        parts[:2] = [str(parts[1])[3:]]
    elif parts and isinstance(parts[0], str) and (found := _SCHEME.match(parts[0])):
        scheme = found[1]
        parts[0] = parts[0][found.end() :]
    else:
        return scheme, host, port, False, _path(parts, at)
    if parts and not parts[0]:
        del parts[0]
    if parts and isinstance(parts[0], Variable) and parts[0].of in (Of.HOST, Of.AUTHORITY):
        return scheme, host, port, parts[0].of is Of.AUTHORITY, _path(parts[1:], at)
    before, slash, after = str(parts[0] if parts else "").partition("/")
    named = _HOST.fullmatch(before)
    if named is None:
        raise NginxError(at, "the host of this URL must be a name or $host, so that the path can be put together")
    return scheme, named["host"], int(named["port"] or 0), False, _path([slash + after, *parts[1:]], at)


def _path(parts: list[Part], at: Position) -> Template:
    for part in parts:
        if isinstance(part, str) and "?" in part:
            raise NginxError(at, "a query cannot be put together with the request's own; write ? at the end of the URL")
        if isinstance(part, Variable) and part.of is not Of.CAPTURE:
            raise NginxError(at, f"the path of this URL cannot hold the {part}; write captured groups and text only")
    return joined(parts)


def _whole(condition: Condition) -> str:
    """nginx replaces the whole path when the expression is found somewhere in it; a router replaces what it matches."""
    return f"(?{'i' if condition.ignore_case else ''}s)^.*?(?:{condition.value}).*$"


def _substitution(value: Template, condition: Condition) -> str:
    """`\\1` for `$1`; a group that the expression does not have is empty."""
    count = regex.groups(condition.value)
    texts = (
        part.replace("\\", "\\\\") if isinstance(part, str) else f"\\{part.name}" if int(part.name) <= count else ""
        for part in value.parts
    )
    return "".join(texts)
