"""nginx' variables in a value, as a template. A name that is not known here is an error: nothing is ever guessed.

Source: the list of embedded variables of nginx (ngx_http_core_module, ngx_http_proxy_module, ngx_http_ssl_module) and
those that ingress-nginx adds to its locations. In nginx a `$` always starts a variable; there is no way to write one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sealos_gateway.model.template import Of, Part, Template, Variable, joined
from sealos_gateway.nginx.lexer import NginxError, Word

_NAME = re.compile(r"\$(?:\{(?P<braced>[A-Za-z0-9_]+)\}|(?P<capture>[0-9])|(?P<plain>[A-Za-z0-9_]+))")

PATH = Variable(Of.PATH)
_HEADER = Of.REQUEST_HEADER
#: Variables that read one thing.
_ONE = {
    "host": Variable(Of.HOST),
    "server_name": Variable(Of.HOST),
    "http_host": Variable(Of.AUTHORITY),
    "best_http_host": Variable(Of.AUTHORITY),
    "request_method": Variable(Of.METHOD),
    "scheme": Variable(Of.SCHEME),
    "pass_access_scheme": Variable(Of.SCHEME),
    "server_protocol": Variable(Of.PROTOCOL),
    "uri": Variable(Of.PATH),
    "document_uri": Variable(Of.PATH),
    "request_uri": Variable(Of.PATH_AND_QUERY),
    "escaped_request_uri": Variable(Of.ESCAPED_PATH_AND_QUERY),
    "args": Variable(Of.QUERY),
    "query_string": Variable(Of.QUERY),
    "content_type": Variable(_HEADER, "content-type"),
    "content_length": Variable(_HEADER, "content-length"),
    "remote_addr": Variable(Of.CLIENT_ADDRESS),
    "the_real_ip": Variable(Of.CLIENT_ADDRESS),
    "realip_remote_addr": Variable(Of.CLIENT_ADDRESS),
    "remote_port": Variable(Of.CLIENT_PORT),
    "server_addr": Variable(Of.SERVER_ADDRESS),
    "server_port": Variable(Of.SERVER_PORT),
    "pass_server_port": Variable(Of.SERVER_PORT),
    "pass_port": Variable(Of.SERVER_PORT),
    "proxy_add_x_forwarded_for": Variable(Of.FORWARDED_FOR),
    "full_x_forwarded_for": Variable(Of.FORWARDED_FOR),
    "request_id": Variable(Of.REQUEST_ID),
    "req_id": Variable(Of.REQUEST_ID),
    "status": Variable(Of.STATUS),
    "upstream_status": Variable(Of.STATUS),
    "upstream_addr": Variable(Of.UPSTREAM_ADDRESS),
    "hostname": Variable(Of.HOSTNAME),
    "ssl_protocol": Variable(Of.TLS_VERSION),
    "ssl_cipher": Variable(Of.TLS_CIPHER),
    "ssl_server_name": Variable(Of.SERVER_NAME),
    "ssl_client_escaped_cert": Variable(Of.CLIENT_CERTIFICATE),
    "ssl_client_s_dn": Variable(Of.CLIENT_SUBJECT),
    "ssl_client_i_dn": Variable(Of.CLIENT_ISSUER),
    "ssl_client_serial": Variable(Of.CLIENT_SERIAL),
}
#: Variables that are put together.
_SEVERAL: dict[str, tuple[Part, ...]] = {
    "request": (Variable(Of.METHOD), " ", Variable(Of.PATH_AND_QUERY), " ", Variable(Of.PROTOCOL)),
}
#: Families: `$http_user_agent` is the header `user-agent`. Of header names, `_` stands for `-`.
_FAMILIES = {
    "http_": _HEADER,
    "sent_http_": Of.RESPONSE_HEADER,
    "upstream_http_": Of.RESPONSE_HEADER,
    "arg_": Of.QUERY_PARAMETER,
    "cookie_": Of.COOKIE,
}
_HEADERS = (Of.REQUEST_HEADER, Of.RESPONSE_HEADER)

Known = Mapping[str, Template]


def parse(word: Word, known: Known | None = None) -> Template:
    """The value of a word. `known` holds the variables that somebody has set, and wins. Raises NginxError."""
    parts = [part for part in _parts(word, known or {}) if part]
    folded = list(_folded(parts))
    if _IS_ARGS in folded:
        message = "$is_args is understood within $uri$is_args$args only; write $request_uri, or ? before $args"
        raise NginxError(word.at, message)
    return joined(part for part in folded if not isinstance(part, _IsArgs))


def lookup(name: str, known: Known | None = None) -> Template | None:
    """What `$name` stands for; None when nobody knows it."""
    parts = _lookup(name, known or {})
    if parts is None or _IS_ARGS in parts:
        return None
    return joined(part for part in parts if not isinstance(part, _IsArgs))


class _IsArgs:
    """`$is_args`: a question mark where there is a query. Alone it means nothing to us."""


_IS_ARGS = _IsArgs()
_WHOLE = [Variable(Of.PATH), _IS_ARGS, Variable(Of.QUERY)]


def _parts(word: Word, known: Known) -> Iterator[Part | _IsArgs]:
    text, index = word.text, 0
    while (dollar := text.find("$", index)) >= 0:
        yield text[index:dollar]
        found = _NAME.match(text, dollar)
        if found is None:
            message = f"{text[dollar : dollar + 8]!r} is no variable; nginx has no way to write a dollar sign as such"
            raise NginxError(word.at, message)
        index = found.end()
        name = found["braced"] or found["capture"] or found["plain"]
        parts = _lookup(name, known)
        if parts is None:
            raise NginxError(word.at, f"the variable ${name[:60]} is not supported; write {_instead(name)}")
        yield from parts
    yield text[index:]


def _lookup(name: str, known: Known) -> tuple[Part | _IsArgs, ...] | None:
    if name in known:
        return known[name].parts
    if name.isdigit():
        return (Variable(Of.CAPTURE, name),) if len(name) == 1 and name != "0" else None
    lower = name.lower()  # nginx' names are matched without regard to case
    if lower in _ONE:
        return (_ONE[lower],)
    if lower in _SEVERAL:
        return _SEVERAL[lower]
    if lower == "is_args":
        return (_IS_ARGS,)
    for prefix, of in _FAMILIES.items():
        if lower.startswith(prefix) and len(lower) > len(prefix):
            # Cookies and parameters are named by the user's application: their case is kept.
            rest = lower.removeprefix(prefix).replace("_", "-") if of in _HEADERS else name[len(prefix) :]
            return (Variable(of, rest),)
    return None


def _folded(parts: list[Part | _IsArgs]) -> Iterator[Part | _IsArgs]:
    """`$uri$is_args$args` is the path with its query: the one thing people write `$is_args` for."""
    index = 0
    while index < len(parts):
        if parts[index : index + 3] == _WHOLE:
            yield Variable(Of.PATH_AND_QUERY)
            index += 3
        else:
            yield parts[index]
            index += 1


def _instead(name: str) -> str:
    if name.startswith(("geoip", "upstream_", "proxy_", "request_", "ssl_")):
        return "the value itself, or have the application compute it"
    return "one of $host, $request_uri, $uri, $args, $scheme, $request_method, $remote_addr, $http_…, $arg_…, $cookie_…"
