"""Which directives are understood: where they may stand, what they take, and what is made of them.

`read` turns directives into a level. Their values are still words: what a variable is, only `flow` knows.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import NamedTuple

from sealos_gateway.model.statements import Tuning
from sealos_gateway.nginx import conditions, headers, hints, rewrites, values
from sealos_gateway.nginx.level import AccessRule, If, Level, Mistake, Step
from sealos_gateway.nginx.lexer import NginxError, Word
from sealos_gateway.nginx.parser import Directive

_PLACES = {"s": "in a server-snippet", "l": "in a configuration-snippet", "i": "in an if", "I": "in an if of a server"}
#: The place of an `if` within each place.
_WITHIN = {"s": "I", "l": "i"}


class _Reading:
    """A level that is being read."""

    def __init__(self, where: str, mistakes: list[Mistake]) -> None:
        self.where, self.mistakes = where, mistakes
        self.steps: list[Step] = []
        self.added: list[headers.Change] = []
        self.expires: tuple[headers.Change, ...] | None = None
        self.hidden: list[headers.Change] = []
        self.more: list[headers.Change] = []
        self.to_backend: list[headers.Change] = []
        self.access: list[AccessRule] = []
        self.tuning: dict[str, float | int | bool] = {}
        self.default_type = ""

    def level(self) -> Level:
        return Level(
            tuple(self.steps), tuple(self.added), self.expires, tuple(self.hidden), tuple(self.more),
            tuple(self.to_backend), tuple(self.access), Tuning(**self.tuning), self.default_type,  # type: ignore[arg-type]
        )  # fmt: skip


class Rule(NamedTuple):
    """Where a directive may stand (letters of `_PLACES`), how many arguments it takes, and what is made of it."""

    where: str
    least: int
    most: int
    take: Callable[[Directive, _Reading], None]


def read(directives: Iterable[Directive], where: str, mistakes: list[Mistake]) -> Level:
    """The directives of one block at `where` (`s` or `l`); whatever is not understood goes to `mistakes`."""
    reading = _Reading(where, mistakes)
    for directive in directives:
        try:
            _rule(directive, where).take(directive, reading)
        except NginxError as error:
            mistakes.append(Mistake(error.at, error.message))
    return reading.level()


def _rule(directive: Directive, where: str) -> Rule:
    name = directive.name
    rule = RULES.get(name)
    if rule is None:
        raise NginxError(directive.at, hints.instead_of(name))
    if where not in rule.where:
        raise NginxError(directive.at, f"{name} cannot stand {_PLACES[where]}, in nginx neither; move it out of there")
    if (directive.block is not None) != (name == "if"):
        wrong = "takes a block: write { … } after it" if name == "if" else "takes no block: end it with ;"
        raise NginxError(directive.at, f"{name} {wrong}")
    count = len(directive.arguments)
    if not rule.least <= count <= rule.most:
        few = f"{rule.least}" if rule.least == rule.most else f"{rule.least} to {rule.most}"
        raise NginxError(directive.at, f"{name} takes {few} arguments, not {count}; quote a value that holds spaces")
    return rule


def _if(directive: Directive, reading: _Reading) -> None:
    # The block is read even if the test is wrong: all mistakes are told at once.
    body = read(directive.block or (), _WITHIN[reading.where], reading.mistakes)
    reading.steps.append(If(directive.at, conditions.read(directive), body))


def _step(make: Callable[[Directive], Step]) -> Callable[[Directive, _Reading], None]:
    return lambda directive, reading: reading.steps.append(make(directive))


def _add_header(directive: Directive, reading: _Reading) -> None:
    reading.added += headers.add_header(directive)


def _expires(directive: Directive, reading: _Reading) -> None:
    reading.expires = headers.expires(directive)


def _hide(directive: Directive, reading: _Reading) -> None:
    reading.hidden += headers.proxy_hide_header(directive)


def _more(directive: Directive, reading: _Reading) -> None:
    reading.more += headers.more(directive)


def _to_backend(directive: Directive, reading: _Reading) -> None:
    reading.to_backend += headers.proxy_set_header(directive)


def _access(directive: Directive, reading: _Reading) -> None:
    (word,) = directive.arguments
    reading.access.append(AccessRule(directive.name == "allow", _network(word)))


def _network(word: Word) -> str:
    if word.text == "all":
        return ""
    try:
        return str(ipaddress.ip_network(word.text, strict=False))
    except ValueError:
        message = f"{word.text[:60]!r} is no address; write 192.0.2.1, 192.0.2.0/24, 2001:db8::/32 or all"
        raise NginxError(word.at, message) from None


def _default_type(directive: Directive, reading: _Reading) -> None:
    (word,) = directive.arguments
    headers.template(word, {}, on_request=False)
    reading.default_type = word.text


def _tune(field: str, value: Callable[[Word], float | int | bool]) -> Callable[[Directive, _Reading], None]:
    def take(directive: Directive, reading: _Reading) -> None:
        reading.tuning[field] = value(directive.arguments[0])

    return take


def _connect_seconds(word: Word) -> float:
    return _bounded(word, 0.001, 3600.0, "1ms to 1h")


def _silence_seconds(word: Word) -> float:
    return _bounded(word, 0.0, _YEAR, "0 to 1y")


def _bounded(word: Word, least: float, most: float, wanted: str) -> float:
    """The same limits as the annotations have that say the same."""
    found = values.seconds(word)
    if not least <= found <= most:
        raise NginxError(word.at, f"{word.text[:40]!r} cannot be honoured; write a time from {wanted}")
    return found


def _header_buffers(directive: Directive, reading: _Reading) -> None:
    number, size = directive.arguments
    reading.tuning["header_bytes"] = values.number(number, 1, 1024, "number of buffers") * values.size(size)


def _log_off(word: Word) -> bool:
    if word.text != "off":
        raise NginxError(word.at, "the gateway has one access log; write access_log off, or see the setting access_log")
    return False


def _http_version(directive: Directive, _: _Reading) -> None:
    (word,) = directive.arguments
    if word.text not in ("1.1", "2"):
        message = f"HTTP/{word.text[:8]} cannot be spoken to a backend; write 1.1, or see backend-protocol"
        raise NginxError(word.at, message)


def _nothing(directive: Directive, reading: _Reading) -> None:
    """Accepted: what it asks for is always so here, or means nothing to this gateway."""


_ANY = 16
_YEAR = 31_536_000.0
RULES: dict[str, Rule] = {
    "if": Rule("sl", 1, _ANY, _if),
    "return": Rule("sliI", 1, 2, _step(rewrites.return_)),
    "rewrite": Rule("sliI", 2, 3, _step(rewrites.rewrite)),
    "set": Rule("sliI", 2, 2, _step(rewrites.set_)),
    "break": Rule("sliI", 0, 0, _step(rewrites.break_)),
    "add_header": Rule("sli", 2, 3, _add_header),
    "expires": Rule("sli", 1, 2, _expires),
    "proxy_hide_header": Rule("sl", 1, 1, _hide),
    "proxy_set_header": Rule("sl", 2, 2, _to_backend),
    **{
        f"more_{verb}{kind}_headers": Rule("sli", 1, _ANY, _more)
        for verb in ("set", "clear")
        for kind in ("", "_input")
    },
    "allow": Rule("sl", 1, 1, _access),
    "deny": Rule("sl", 1, 1, _access),
    "default_type": Rule("sl", 1, 1, _default_type),
    "proxy_connect_timeout": Rule("sl", 1, 1, _tune("connect_seconds", _connect_seconds)),
    "proxy_read_timeout": Rule("sl", 1, 1, _tune("read_seconds", _silence_seconds)),
    "proxy_send_timeout": Rule("sl", 1, 1, _tune("send_seconds", _silence_seconds)),
    "client_max_body_size": Rule("sl", 1, 1, _tune("max_body", values.size)),
    "client_header_buffer_size": Rule("s", 1, 1, _tune("header_bytes", values.size)),
    "large_client_header_buffers": Rule("s", 2, 2, _header_buffers),
    "limit_rate": Rule("sli", 1, 1, _tune("bytes_per_second", values.size)),
    "gzip": Rule("sli", 1, 1, _tune("compress", values.switch)),
    "access_log": Rule("sli", 1, 1, _tune("access_log", _log_off)),
    "proxy_http_version": Rule("sl", 1, 1, _http_version),
    **{name: Rule("sliI", 0, _ANY, _nothing) for name in hints.MEANINGLESS},
}
