"""The directives of nginx' rewrite module: `return`, `rewrite`, `set`, `break`. They are done in order.

Source: src/http/modules/ngx_http_rewrite_module.c of nginx.
"""

from __future__ import annotations

import re

from sealos_gateway.nginx import regex, values, variables
from sealos_gateway.nginx.level import Break, Return, Rewrite, Set
from sealos_gateway.nginx.lexer import NginxError
from sealos_gateway.nginx.parser import Directive

REDIRECTS = (301, 302, 303, 307, 308)
_FLAGS = ("last", "break", "redirect", "permanent")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))")
_ABSOLUTE = ("http://", "https://", "$scheme")


def return_(directive: Directive) -> Return:
    """`return code [text]`, `return code URL`, `return URL`. Raises NginxError."""
    first, *rest = directive.arguments
    if not rest and first.text.startswith(_ABSOLUTE):
        return Return(directive.at, 302, first, True)
    if first.text == "444":
        message = "444 closes a connection in nginx only; write return 403, or deny the client"
        raise NginxError(first.at, message)
    status = values.number(first, 200, 599, "status, and a URL starts with http://, https:// or $scheme")
    value = rest[0] if rest else None
    return Return(directive.at, status, value, status in REDIRECTS and value is not None)


def rewrite(directive: Directive) -> Rewrite:
    """`rewrite regex replacement [flag]`. Raises NginxError."""
    expression, replacement, *rest = directive.arguments
    if reason := regex.problem(expression.text):
        raise NginxError(expression.at, f"the expression {expression.text[:80]!r}: {reason}")
    flag = rest[0].text if rest else ""
    if rest and flag not in _FLAGS:
        raise NginxError(rest[0].at, f"{flag[:20]!r} is no flag of rewrite; write one of {', '.join(_FLAGS)}")
    if flag != "permanent" and replacement.text.startswith(_ABSOLUTE):
        flag = "redirect"
    return Rewrite(directive.at, expression, replacement, flag)


def set_(directive: Directive) -> Set:
    """`set $name value`. Raises NginxError."""
    name, value = directive.arguments
    found = _VARIABLE.fullmatch(name.text)
    if found is None:
        raise NginxError(name.at, f"{name.text[:40]!r} is no name of a variable; write set $name value")
    wanted = found[1] or found[2]
    if variables.lookup(wanted) is not None:
        raise NginxError(name.at, f"${wanted[:60]} is nginx' own variable and cannot be set here; choose another name")
    return Set(wanted, value)


def break_(directive: Directive) -> Break:
    return Break(directive.at)
