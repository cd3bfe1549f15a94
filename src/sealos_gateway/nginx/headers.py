"""The directives that change headers, as changes whose values are still words: variables are known only at the end.

Sources: ngx_http_headers_module, ngx_http_proxy_module, and headers-more-nginx-module (its parser of `Name: value`
ends a name at white space, too, so `"X-Name value"` sets X-Name).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sealos_gateway.model.header_names import FRAMING, TOKEN
from sealos_gateway.model.policy import HeaderAction, HeaderChange
from sealos_gateway.model.template import Of, Template
from sealos_gateway.nginx import values, variables
from sealos_gateway.nginx.lexer import NginxError, Position, Word
from sealos_gateway.nginx.parser import Directive

#: The statuses for which `add_header` (without `always`) and `expires` do anything.
SAFE_STATUSES = (200, 201, 204, 206, 301, 302, 303, 304, 307, 308)
_MORE = re.compile(r"\s*([^:\s]+)[:\s]*(.*)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
#: The gateway speaks with itself in these.
_PRIVATE = ("x-envoy-", "x-sealos-")
_EPOCH = "Thu, 01 Jan 1970 00:00:01 GMT"
_MAX = "Thu, 31 Dec 2037 23:55:55 GMT"
_RESPONSE_ONLY = (Of.RESPONSE_HEADER, Of.STATUS, Of.UPSTREAM_ADDRESS)


class Change(NamedTuple):
    """A header change with a value that is still a word; `on_request` says which message it is for."""

    on_request: bool
    action: HeaderAction
    name: str
    value: Word | None = None
    statuses: tuple[int, ...] = ()
    content_types: tuple[str, ...] = ()

    def resolved(self, known: variables.Known) -> HeaderChange:
        """The change with its value. Raises NginxError."""
        value = template(self.value, known, self.on_request) if self.value else Template()
        return HeaderChange(self.action, self.name, value, self.statuses, self.content_types)


def template(word: Word, known: variables.Known, on_request: bool) -> Template:
    """A header value. Raises NginxError for what cannot be in one."""
    found = variables.parse(word, known)
    if any(variable.of is Of.CAPTURE for variable in found.variables):
        raise NginxError(word.at, "a header value cannot hold a captured group; have the application compute it")
    check(found, word.at, on_request)
    return found


def check(value: Template, at: Position, on_request: bool) -> None:
    """Raises NginxError for what a header cannot hold."""
    if any(isinstance(part, str) and _CONTROL.search(part) for part in value.parts):
        raise NginxError(at, "a header value cannot hold line breaks or other control characters; remove them")
    for variable in value.variables:
        if variable.of is Of.COOKIE:
            raise NginxError(at, f"a header value cannot hold the {variable}; have the application compute it")
        if on_request and variable.of in _RESPONSE_ONLY:
            raise NginxError(at, f"a request header cannot hold the {variable}: there is no response yet")


def name_of(text: str, at: Position) -> str:
    """A header name in lower case. Raises NginxError for what is none, or may not be changed."""
    name = text.lower()
    if not TOKEN.fullmatch(name):
        raise NginxError(at, f"{text[:40]!r} is no header name; write letters, digits and dashes")
    if name in FRAMING or name.startswith(_PRIVATE):
        raise NginxError(at, f"the header {name} belongs to the gateway and cannot be changed; remove this line")
    return name


def add_header(directive: Directive) -> Iterator[Change]:
    """`add_header name value [always];`"""
    name, value, *rest = directive.arguments
    if rest and rest[0].text != "always":
        raise NginxError(rest[0].at, f"{rest[0].text[:40]!r} is not expected here; quote a value that holds spaces")
    # nginx keeps one of these two, and appends every other.
    action = HeaderAction.SET if name.text.lower() in ("last-modified", "etag") else HeaderAction.ADD
    yield Change(False, action, name_of(name.text, name.at), value, () if rest else SAFE_STATUSES)


def expires(directive: Directive) -> tuple[Change, ...]:
    """`expires time | epoch | max | off;`. A date cannot be computed per response: max-age says the same, and whoever
    reads it has to leave an Expires that the backend sent aside (RFC 9111, 5.3)."""
    words = directive.arguments
    if len(words) > 1 or words[0].text.startswith("@"):
        raise NginxError(words[0].at, "expires takes one time here; write expires 30d")
    text, at = words[0].text, words[0].at
    date = ""
    if text == "off":
        return ()
    if text == "epoch" or text.startswith("-"):
        control, date = "no-cache", _EPOCH
        if text != "epoch":
            values.seconds(Word(text[1:], at))
    elif text == "max":
        control, date = "max-age=315360000", _MAX
    else:
        control = f"max-age={int(values.seconds(words[0]))}"
    fixed = (Change(False, HeaderAction.SET, "expires", Word(date, at), SAFE_STATUSES),) if date else ()
    return (*fixed, Change(False, HeaderAction.SET, "cache-control", Word(control, at), SAFE_STATUSES))


def proxy_hide_header(directive: Directive) -> Iterator[Change]:
    """`proxy_hide_header name;`"""
    (word,) = directive.arguments
    yield Change(False, HeaderAction.REMOVE, name_of(word.text, word.at))


def proxy_set_header(directive: Directive) -> Iterator[Change]:
    """`proxy_set_header name value;`: an empty value removes. What upgrades need, the gateway does by itself."""
    name, value = directive.arguments
    lower = name.text.lower()
    if lower in ("connection", "upgrade") or (lower == "x-real-ip" and value.text == "$remote_addr"):
        return
    action = HeaderAction.SET if value.text else HeaderAction.REMOVE
    yield Change(True, action, name_of(name.text, name.at), value if value.text else None)


class _Options(NamedTuple):
    statuses: tuple[int, ...]
    content_types: tuple[str, ...]
    add: bool
    if_present: bool
    headers: tuple[Word, ...]


def more(directive: Directive) -> Iterator[Change]:
    """The four `more_…_headers` directives. Raises NginxError."""
    on_request = "input" in directive.name
    clear = "clear" in directive.name
    options = _options(directive, on_request, clear)
    for word in options.headers:
        name, value = _split(word)
        action = _action(options, value, clear)
        if name.endswith("*"):
            raise NginxError(word.at, f"{name[:40]!r}: names that end in * are not supported; write the names out")
        given = Word(value, word.at) if value and not clear else None
        name = name_of(name, word.at)
        yield Change(on_request, action, name, given, options.statuses, options.content_types)


def _action(options: _Options, value: str, clear: bool) -> HeaderAction:
    if clear or not value:
        return HeaderAction.REMOVE
    if options.add:
        return HeaderAction.ADD
    return HeaderAction.REPLACE if options.if_present else HeaderAction.SET


def _split(word: Word) -> tuple[str, str]:
    found = _MORE.fullmatch(word.text)
    if found is None:
        raise NginxError(word.at, 'a header is missing: write "Name: value"')
    return found[1], found[2].rstrip()


def _options(directive: Directive, on_request: bool, clear: bool) -> _Options:
    statuses: list[int] = []
    types: list[str] = []
    add = if_present = False
    headers: list[Word] = []
    words = iter(directive.arguments)
    for word in words:
        if word.text == "-s" and not on_request:
            listed = _listed(next(words, None), word)
            statuses += [values.number(one, 100, 999, "status") for one in listed]
        elif word.text == "-t" and not (on_request and not clear):
            types += [one.text for one in _listed(next(words, None), word)]
        elif word.text == "-a" and not on_request and not clear:
            add = True
        elif word.text == "-r" and on_request and not clear:
            if_present = True
        elif word.text.startswith("-"):
            raise NginxError(word.at, f"{directive.name} has no option {word.text[:10]} here; remove it")
        else:
            headers.append(word)
    if clear and (statuses or types):
        raise NginxError(directive.at, f"{directive.name} takes no -s and -t here; write it without them")
    if not headers:
        raise NginxError(directive.at, f'a header is missing: write {directive.name} "Name: value"')
    return _Options(tuple(statuses), tuple(types), add, if_present, tuple(headers))


def _listed(word: Word | None, option: Word) -> list[Word]:
    """An option's value: a list separated by spaces."""
    found = [] if word is None else [Word(text, word.at) for text in word.text.split()]
    if not found:
        raise NginxError(option.at, f"after {option.text} comes a value, such as -s '404 500' or -t 'text/html'")
    return found


def host(changes: Iterable[Change], known: variables.Known) -> Template | None:
    """The Host header for the backend, where one of the changes sets it to something else. Raises NginxError."""
    words = [change.value for change in changes if change.on_request and change.name == "host"]
    if not words or words[-1] is None:
        return None
    wanted = template(words[-1], known, on_request=True)
    own = (variables.lookup("host", known), variables.lookup("host"), variables.lookup("http_host"))
    return None if wanted in own else wanted
