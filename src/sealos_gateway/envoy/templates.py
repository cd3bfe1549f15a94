"""Templates in Envoy's own format: command operators for variables, and literals that can never become one.

Source: Envoy's substitution formatter ("command operators"). A literal `%` is written `%%`, so no text of a user is
ever read as an operator; names of headers and parameters are checked here again, because they stand inside one.
"""

from __future__ import annotations

import re

from sealos_gateway.envoy import scope
from sealos_gateway.model.template import Of, Template, Variable

_CLIENT = "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"
_OPERATORS = {
    Of.AUTHORITY: "REQ(:AUTHORITY)",
    Of.METHOD: "REQ(:METHOD)",
    Of.SCHEME: "REQ(X-FORWARDED-PROTO)",
    Of.PROTOCOL: "PROTOCOL",
    Of.PATH: "PATH(NQ:PATH)",
    Of.PATH_AND_QUERY: "REQ(:PATH)",
    Of.QUERY: "QUERY_PARAMS(ORIG)",
    Of.CLIENT_ADDRESS: _CLIENT,
    Of.CLIENT_PORT: "DOWNSTREAM_REMOTE_PORT",
    Of.SERVER_ADDRESS: "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    Of.SERVER_PORT: "DOWNSTREAM_LOCAL_PORT",
    Of.FORWARDED_FOR: "REQ(X-FORWARDED-FOR)",  # Envoy has appended the client before routes see it
    Of.REQUEST_ID: "REQ(X-REQUEST-ID)",
    Of.STATUS: "RESP(:STATUS)",
    Of.UPSTREAM_ADDRESS: "UPSTREAM_HOST",
    Of.HOSTNAME: "HOSTNAME",
    Of.TLS_VERSION: "DOWNSTREAM_TLS_VERSION",
    Of.TLS_CIPHER: "DOWNSTREAM_TLS_CIPHER",
    Of.SERVER_NAME: "REQUESTED_SERVER_NAME",
    Of.CLIENT_CERTIFICATE: "DOWNSTREAM_PEER_CERT",
    Of.CLIENT_SUBJECT: "DOWNSTREAM_PEER_SUBJECT",
    Of.CLIENT_ISSUER: "DOWNSTREAM_PEER_ISSUER",
    Of.CLIENT_SERIAL: "DOWNSTREAM_PEER_SERIAL",
}
_NAMED = {Of.REQUEST_HEADER: "REQ", Of.RESPONSE_HEADER: "RESP", Of.QUERY_PARAMETER: "QUERY_PARAM"}
_NAME = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class TemplateError(ValueError):
    """A variable that Envoy cannot fill in at this place."""


def text(template: Template, name: str = "") -> str:
    """The template as a format string. Raises TemplateError for a variable that no operator gives (cookies, captures).

    `name` is the host that the template is for; empty where it stands for several, and the request must say which.
    An absent value is the empty text where Envoy formats headers; a header that ends up empty is not sent.
    """
    return "".join(
        part.replace("%", "%%") if isinstance(part, str) else _operator(part, name) for part in template.parts
    )


def substitution(template: Template) -> str:
    """The template as the `substitution` of a regex rewrite: literals and captures. Raises TemplateError for others."""
    return "".join(part.replace("\\", "\\\\") if isinstance(part, str) else _group(part) for part in template.parts)


def _operator(variable: Variable, name: str) -> str:
    if variable.of is Of.HOST:
        return name or f"%DYNAMIC_METADATA({scope.FALLBACK}:{scope.NAME})%"
    if operator := _OPERATORS.get(variable.of):
        return f"%{operator}%"
    if (function := _NAMED.get(variable.of)) and _NAME.fullmatch(variable.name):
        return f"%{function}({variable.name})%"
    raise TemplateError(f"Envoy has nothing to fill in {variable}")


def _group(variable: Variable) -> str:
    if variable.of is Of.CAPTURE and variable.name.isdecimal():
        return f"\\{variable.name}"
    raise TemplateError(f"Envoy cannot fill in {variable} where it rewrites by a regular expression")
