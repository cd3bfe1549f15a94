"""Values of headers that are for some responses only: by status, by content type, over HTTPS.

Every part of the value is a CEL expression (Envoy's operator `%CEL(…)%`) that is empty where the response is another
one, and Envoy adds no header whose value is empty. So no filter is needed, and no program runs. Names: Envoy's
"attributes". Texts of users stand in the expression with everything but letters, digits and spaces written as escapes.
"""

from __future__ import annotations

from sealos_gateway.envoy import scope, templates
from sealos_gateway.model.policy import HeaderChange
from sealos_gateway.model.template import Of, Template, Variable

_ATTRIBUTES = {
    Of.HOST: f"metadata.filter_metadata['{scope.FALLBACK}']['{scope.NAME}']",
    Of.AUTHORITY: "request.host",
    Of.METHOD: "request.method",
    Of.PATH: "request.url_path",
    Of.PATH_AND_QUERY: "request.path",
    Of.QUERY: "request.query",
    Of.PROTOCOL: "request.protocol",
    Of.STATUS: "response.headers[':status']",
    Of.SCHEME: "request.headers['x-forwarded-proto']",
    Of.REQUEST_ID: "request.headers['x-request-id']",
    Of.FORWARDED_FOR: "request.headers['x-forwarded-for']",
}
_MAPS = {Of.REQUEST_HEADER: "request.headers", Of.RESPONSE_HEADER: "response.headers"}


def text(change: HeaderChange, name: str = "") -> str:
    """The value as a format string; `name` as in `templates.text`. Raises templates.TemplateError.

    A variable that no attribute gives cannot be made conditional: then the header is for every response.
    """
    if change.always or not can(change.value):
        return templates.text(change.value, name)
    when = " && ".join(_tests(change))
    parts = (_quoted(part) if isinstance(part, str) else _attribute(part, name) for part in change.value.parts)
    return "".join(f"%CEL({when} ? {part} : '')%" for part in parts)


def can(value: Template) -> bool:
    """Whether the value can be given to some responses only."""
    return all(variable.of in _ATTRIBUTES or variable.of in _MAPS for variable in value.variables)


def _tests(change: HeaderChange) -> list[str]:
    found = []
    if change.secure:
        found.append(f"{_ATTRIBUTES[Of.SCHEME]} == 'https'")
    if change.statuses:
        found.append(f"response.headers[':status'] in [{', '.join(_quoted(str(s)) for s in change.statuses)}]")
    if change.content_types:
        # The parameters of a content type (charset) have no say.
        types = "|".join(one.replace("\\", "\\\\") for one in map(_literal_regex, change.content_types))
        found.append("'content-type' in response.headers")
        found.append(f"response.headers['content-type'].matches('^(?:{types})[ \\\\t]*(?:;|$)')")
    return found


def _attribute(variable: Variable, host: str) -> str:
    if variable.of is Of.HOST and host:
        return _quoted(host)
    if variable.of in _MAPS:
        name = _quoted(variable.name)
        return f"({name} in {_MAPS[variable.of]} ? {_MAPS[variable.of]}[{name}] : '')"
    return _ATTRIBUTES[variable.of]


def _quoted(text: str) -> str:
    """A string of CEL that neither the formatter nor CEL can read as anything else."""
    return "'" + "".join(ch if ch.isascii() and (ch.isalnum() or ch in " -_=") else _escape(ch) for ch in text) + "'"


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _literal_regex(text: str) -> str:
    return "".join(ch if ch.isalnum() and ch.isascii() else f"\\x{{{ord(ch):x}}}" for ch in text)
