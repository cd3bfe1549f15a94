"""A server-snippet and a configuration-snippet of one location as `Statements`. The door of this room for snippets.

A snippet is a unit: with one mistake in it nothing of it is applied, and where it keeps requests or identities away
from a backend (`CLOSING`), the route has to be refused. What nginx inherits from server to location to `if` is
resolved here:

* `add_header`, `proxy_hide_header`, `allow` and `deny` come from above only where the level has none of its own;
* `more_…_headers` of all levels are done, those from above first;
* `expires`, limits and switches come from above one by one;
* headers-more changes a response before `expires` and `add_header` do.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec

from sealos_gateway.model.policy import HeaderAction, HeaderChange, Rewrite
from sealos_gateway.model.statements import Statements, Tuning, Variant
from sealos_gateway.model.template import literal
from sealos_gateway.model.traffic import Respond
from sealos_gateway.nginx import directives, flow, headers, matchers, networks, parser, variables
from sealos_gateway.nginx.level import If, Level, Mistake, Return, Set, Step
from sealos_gateway.nginx.level import Rewrite as Rewrite_
from sealos_gateway.nginx.lexer import NginxError, Position
from sealos_gateway.nginx.way import Way

#: A longer text is no snippet; the API server's limit for all annotations of an object is 256 KiB.
LONGEST = 32 * 1024
START = Position(1, 1)
#: A snippet with one of these protects something: not applying it must not open what it closed.
CLOSING = re.compile(
    r"\b(?:allow|deny|satisfy|internal|limit_except|valid_referers|auth_\w+|secure_link\w*|modsecurity\w*|limit_req|limit_conn"
    r"|ssl_\w+|\w+_by_lua\w*|proxy_set_header|more_(?:set|clear)_input_headers)\b|\breturn\s+[45]\d\d\b"
)
_MOST_MISTAKES = 10
_DEFAULT_TYPE = "text/html"  # of nginx' answers, as ingress-nginx sets it
#: What every location of ingress-nginx says itself, so that a server-snippet never reaches it.
_OF_LOCATIONS = ("connect_seconds", "read_seconds", "send_seconds", "max_body")


class Told(NamedTuple):
    """A mistake, and in which of the two texts (`server` or `location`)."""

    where: str
    mistake: Mistake


class Translation(msgspec.Struct, frozen=True):
    """`mistakes` belong to texts that are not applied; `closed` says that the route must be refused because of it.

    `notes` are what works and yet shows a difference.
    """

    statements: Statements = Statements()
    mistakes: tuple[Told, ...] = ()
    closed: bool = False
    notes: tuple[str, ...] = ()


def translate(location: str = "", server: str = "", known: variables.Known | None = None) -> Translation:
    """What the two texts say of one location.

    `known` are variables that are constant there (`host` for an exact host, `namespace`, `ingress_name`, …).
    """
    above, in_server = _read(server, "s")
    here, in_location = _read(location, "l")
    told = [Told("server", one) for one in in_server] + [Told("location", one) for one in in_location]
    start = dict(known or {})
    for name in (*_names(above.steps), *_names(here.steps)):
        start.setdefault(name, literal(""))
    statements = Statements()
    for where, below in (("server", _NOTHING), ("location", here)):
        if (above, below) == (_NOTHING, _NOTHING):
            continue
        try:
            statements = _statements(above, below, start)
        except NginxError as error:
            told.append(Told(where, Mistake(error.at, error.message)))
            above = _NOTHING if where == "server" else above
    texts = {"server": server, "location": location}
    closed = any(closes(texts[where]) for where in {one.where for one in told})
    notes = _notes(above, here) if statements != Statements() else ()
    return Translation(statements, tuple(told[:_MOST_MISTAKES]), closed, notes)


_NOTHING = Level()


@functools.lru_cache(maxsize=1024)
def _read(text: str, where: str) -> tuple[Level, tuple[Mistake, ...]]:
    """The level, or nothing and the mistakes. Cached: thousands of objects hold the same few texts."""
    if len(text) > LONGEST:
        return _NOTHING, (Mistake(START, f"the snippet is longer than {LONGEST} characters; write a shorter one"),)
    mistakes: list[Mistake] = []
    try:
        found = directives.read(parser.parse(text), where, mistakes)
    except NginxError as error:
        mistakes = [Mistake(error.at, error.message)]
    return (_NOTHING, tuple(sorted(mistakes))) if mistakes else (found, ())


def closes(text: str) -> bool:
    """Whether the text holds something that protects. Of a text that cannot be parsed only its words are known."""
    return CLOSING.search(re.sub(r"(?m)(?:^|(?<=\s))#.*$", "", text)) is not None


def _names(steps: Iterable[Step]) -> Iterator[str]:
    """Every variable that is set somewhere: in nginx it exists everywhere then, and is empty before."""
    for step in steps:
        if isinstance(step, Set):
            yield step.name
        elif isinstance(step, If):
            yield from _names(step.body.steps)


def _statements(above: Level, here: Level, known: variables.Known) -> Statements:
    """Raises NginxError."""
    variants: list[Variant] = []
    for way in flow.ways(above.steps, Way(known, in_server=True), START):
        on = way._replace(in_server=False, ended=False)
        ends = [way] if way.answer is not None else flow.ways(here.steps, on, START)
        variants += [_variant(one, above, here) for one in ends]
    if len(variants) > flow.MOST:
        raise NginxError(START, f"both snippets make more than {flow.MOST} cases of one path; use fewer ifs")
    try:
        allowed = networks.networks(here.access or above.access)
    except networks.TooManyError as error:
        raise NginxError(START, str(error)) from None
    return Statements(_without_repeats(variants), allowed)


def _without_repeats(variants: list[Variant]) -> tuple[Variant, ...]:
    """Without those at the end that do the same as the last, which takes everything."""
    last = variants[-1]
    while len(variants) > 1 and msgspec.structs.replace(variants[-2], conditions=last.conditions) == last:
        del variants[-2]
    return tuple(variants)


def _variant(way: Way, above: Level, here: Level) -> Variant:
    level = _inherited(here, above, _OF_LOCATIONS)
    if way.chosen is not None:
        level = _inherited(way.chosen, level, ())
    changes = [*level.hidden, *level.more, *(level.expires or ()), *level.added]
    to_backend = [*(change for change in level.more if change.on_request), *level.to_backend]
    host = headers.host(to_backend, way.known)
    response = [change.resolved(way.known) for change in changes if not change.on_request]
    path = way.path
    rewrite = path.rewrite if path else None
    if host is not None:
        rewrite = msgspec.structs.replace(rewrite or Rewrite(), host=host)
    if way.answer is not None:
        return Variant(
            matchers.conditions(list(way.conditions)), response_headers=_of_answer(way, level, response),
            answer=way.answer, tuning=Tuning(access_log=level.tuning.access_log),
        )  # fmt: skip
    return Variant(
        matchers.conditions(list(way.conditions)),
        tuple(change.resolved(way.known) for change in to_backend if change.name != "host"),
        tuple(response), rewrite, path.again if path else False, path.begins if path else "", None, level.tuning,
    )  # fmt: skip


def _inherited(own: Level, above: Level, but: tuple[str, ...]) -> Level:
    """What holds at a level: its own, and what it has from above. `but` are limits that do not come down."""
    inherited = {name: getattr(above.tuning, name) for name in Tuning.__struct_fields__ if name not in but}
    said = {name: value for name in Tuning.__struct_fields__ if (value := getattr(own.tuning, name)) is not None}
    return Level(
        added=own.added or above.added,
        expires=above.expires if own.expires is None else own.expires,
        hidden=own.hidden or above.hidden,
        more=(*above.more, *own.more),
        to_backend=own.to_backend or above.to_backend,
        tuning=Tuning(**{**inherited, **said}),
        default_type=own.default_type or above.default_type,
    )


def _of_answer(way: Way, level: Level, changes: list[HeaderChange]) -> tuple[HeaderChange, ...]:
    """The headers of an answer whose status is known already."""
    answer = way.answer
    status = answer.status if isinstance(answer, Respond) else answer.code if answer else 0
    own: list[HeaderChange] = []
    content_type = ""
    if isinstance(answer, Respond) and answer.body:
        content_type = level.default_type or _DEFAULT_TYPE
        own.append(HeaderChange(HeaderAction.SET, "content-type", literal(content_type)))
    for change in changes:
        if change.statuses and status not in change.statuses:
            continue
        if change.content_types and content_type.partition(";")[0].strip() not in change.content_types:
            continue
        # Two content types are no answer; people write this line to have one.
        action = (
            HeaderAction.SET if change.name == "content-type" and change.action is HeaderAction.ADD else change.action
        )
        own.append(msgspec.structs.replace(change, action=action, statuses=(), content_types=()))
    return tuple(own)


def _notes(above: Level, here: Level) -> tuple[str, ...]:
    """What works and yet shows a difference, in words for people."""
    return tuple(note for note, holds in _DIFFERENCES if any(holds(level) for level in _all(above, here)))


def _all(*levels: Level) -> Iterator[Level]:
    for level in levels:
        yield level
        yield from _all(*(step.body for step in level.steps if isinstance(step, If)))


def _expires(level: Level) -> bool:
    return bool(level.expires)


_DIFFERENCES: tuple[tuple[str, Callable[[Level], bool]], ...] = (
    ("expires with a time gives Cache-Control, and no date in Expires, which would say the same", _expires),
    (
        "a rewrite with last, or without a flag, stays in the same path of the Ingress",
        lambda level: any(isinstance(step, Rewrite_) and step.flag in ("", "last") for step in level.steps),
    ),
    (
        "a return without text answers with an empty body instead of nginx' page",
        lambda level: any(
            isinstance(step, Return) and step.value is None and step.status >= 300 for step in level.steps
        ),
    ),
)
