"""What only Higress has words for: headers, conditions on requests, ways to read a path."""

from __future__ import annotations

import re
import shlex

from sealos_gateway.model.header_names import FRAMING, TOKEN
from sealos_gateway.model.policy import HeaderAction, HeaderChange
from sealos_gateway.model.template import literal
from sealos_gateway.model.traffic import Conditions, TextKind, TextMatch
from sealos_gateway.nginx import regex
from sealos_gateway.resources.annotations import higress
from sealos_gateway.resources.annotations.entry import Annotation
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values

VALUE = re.compile(r"[\t\x20-\x7e]*", re.ASCII)
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT")
#: The host is the gateway's to say, not a header like any other.
FIXED = FRAMING | {"host"}
_PSEUDO = (":authority", ":method", ":path", ":scheme")


def read(values: Values, draft: Draft) -> None:
    """Header controls, `match-*`, `ignore-path-case`, `rewrite-path`, `full-path-regex`."""
    for entry, action, changes in (
        (higress.REQUEST_REMOVE, HeaderAction.REMOVE, draft.request_headers),
        (higress.REQUEST_UPDATE, HeaderAction.SET, draft.request_headers),
        (higress.REQUEST_ADD, HeaderAction.ADD, draft.request_headers),
        (higress.RESPONSE_REMOVE, HeaderAction.REMOVE, draft.response_headers),
        (higress.RESPONSE_UPDATE, HeaderAction.SET, draft.response_headers),
        (higress.RESPONSE_ADD, HeaderAction.ADD, draft.response_headers),
    ):
        changes += _changes(values, entry, action)
    told = len(values.problems)
    draft.conditions = _conditions(values)
    draft.unmatched = len(values.problems) > told
    draft.ignore_case = values.boolean(higress.IGNORE_CASE) or False
    draft.full_regex = values.boolean(higress.FULL_REGEX) or False
    draft.rewrite_prefix = values.read(
        higress.REWRITE_PATH, lambda text: text if text.startswith("/") else None, "a path"
    )
    for entry in higress.REFUSED:
        if values.has(entry):
            values.complain(entry, f"{entry.meaning.rstrip('.')} is not supported", "UnsupportedAnnotation")


def _changes(values: Values, entry: Annotation, action: HeaderAction) -> list[HeaderChange]:
    text = values.text(entry, lines=True)
    if not text:
        return []
    if action is HeaderAction.REMOVE:
        pairs = [(name.strip(), "") for name in text.split(",") if name.strip()]
    else:
        pairs = [_pair(line) for line in text.splitlines() if line.strip()]
    found = []
    for name, value in pairs:
        if not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
            values.complain(entry, f"{name[:40]!r} {value[:40]!r} is not a header with a value")
        elif name.lower() in FIXED:
            values.complain(entry, f"the header {name.lower()} belongs to the connection and cannot be changed")
        else:
            found.append(HeaderChange(action, name.lower(), literal(value)))
    return found


def _pair(line: str) -> tuple[str, str]:
    """`Name value`, either of them in quotes."""
    try:
        words = shlex.split(line)
    except ValueError:
        words = []
    name, _, value = line.strip().partition(" ")
    return (words[0], words[1]) if len(words) == 2 else (name, value.strip())


def _conditions(values: Values) -> Conditions:
    wanted = f"a list of {', '.join(_METHODS)}"
    methods = values.read(higress.MATCH_METHOD, _methods, wanted, lines=True) or ()
    headers: list[TextMatch] = []
    queries: list[TextMatch] = []
    for exact, prefix, pattern, pseudo, into in (
        (higress.EXACT_HEADER, higress.PREFIX_HEADER, higress.REGEX_HEADER, False, headers),
        (higress.EXACT_PSEUDO, higress.PREFIX_PSEUDO, higress.REGEX_PSEUDO, True, headers),
        (higress.EXACT_QUERY, higress.PREFIX_QUERY, higress.REGEX_QUERY, False, queries),
    ):
        for entry, kind in ((exact, TextKind.EXACT), (prefix, TextKind.PREFIX), (pattern, TextKind.REGEX)):
            into += _texts(values, entry, kind, pseudo, lower=into is headers)
    return Conditions(methods, tuple(headers), tuple(queries))


def _texts(values: Values, entry: Annotation, kind: TextKind, pseudo: bool, lower: bool) -> list[TextMatch]:
    found = []
    for name, text in values.named(entry):
        wanted = _name(name, pseudo, lower)
        if wanted is None:
            values.complain(entry, f"{name[:40]!r} is not a name that can be asked for")
        elif kind is not TextKind.EXACT and not text:
            values.complain(entry, f"{name}: nothing is written; write what the value has to begin with, or match")
        elif kind is TextKind.REGEX and (reason := regex.problem(text)):
            values.complain(entry, f"{name}: {reason}")
        else:
            found.append(TextMatch(wanted, kind, text))
    return found


def _name(name: str, pseudo: bool, lower: bool) -> str | None:
    if pseudo:
        return f":{name.lower()}" if f":{name.lower()}" in _PSEUDO else None
    if not TOKEN.fullmatch(name):
        return None
    if not lower:
        return name
    return ":authority" if name.lower() == "host" else name.lower()


def _methods(text: str) -> tuple[str, ...] | None:
    words = tuple(dict.fromkeys(text.upper().replace(",", " ").split()))
    return words if words and all(word in _METHODS for word in words) else None
