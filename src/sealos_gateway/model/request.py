"""A request as a value, and whether a match takes it: what Envoy does, for explanations and comparisons.

Regular expressions are RE2 in Envoy and Python's here; for what both accept they agree on whole-text matches.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import msgspec

from sealos_gateway.model.traffic import Match, PathKind, TextKind, TextMatch


class Request(msgspec.Struct, frozen=True):
    """`path` has no query, `host` is the Host header, header names are in lower case."""

    path: str
    method: str = "GET"
    host: str = ""
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def header(self, name: str) -> str | None:
        """The value; several are joined by a comma, as Envoy does before it compares."""
        if name in (":authority", "host"):
            return self.host
        if name == ":method":
            return self.method
        if name == ":path":
            return f"{self.path}?{self.query}" if self.query else self.path
        found = [value for key, value in self.headers if key == name]
        return ",".join(found) if found else None

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return next((value for key, value in parse_qsl(self.query, keep_blank_values=True) if key == name), None)

    def cookie(self, name: str) -> str | None:
        """The value of a cookie."""
        pairs = ((self.header("cookie") or "").replace(",", ";")).split(";")
        found = (pair.strip().partition("=") for pair in pairs)
        return next((value for key, _, value in found if key == name), None)


def matches(match: Match, request: Request) -> bool:
    """Whether a route with this match takes the request."""
    conditions = match.conditions
    return (
        _path(match, request.path)
        and (not conditions.methods or request.method in conditions.methods)
        and all(_text(wanted, request.header(wanted.name)) for wanted in conditions.headers)
        and all(_text(wanted, request.cookie(wanted.name)) for wanted in conditions.cookies)
        and all(_text(wanted, request.parameter(wanted.name)) for wanted in conditions.queries)
    )


def _path(match: Match, path: str) -> bool:
    wanted = match.path
    if match.kind is PathKind.REGEX:
        return re.fullmatch(wanted, path, re.IGNORECASE if match.ignore_case else 0) is not None
    if match.ignore_case:
        wanted, path = wanted.lower(), path.lower()
    match match.kind:
        case PathKind.EXACT:
            return path == wanted
        case PathKind.TEXT_PREFIX:
            return path.startswith(wanted)
    return wanted == "/" or path == wanted or path.startswith(f"{wanted}/")


def _text(wanted: TextMatch, value: str | None) -> bool:
    return _compared(wanted, value) is not wanted.invert


def _compared(wanted: TextMatch, value: str | None) -> bool:
    if value is None:
        return False
    match wanted.kind:
        case TextKind.EXACT:
            return value == wanted.value
        case TextKind.PREFIX:
            return value.startswith(wanted.value)
        case TextKind.REGEX:
            return re.fullmatch(wanted.value, value) is not None
        case TextKind.PRESENT:
            return True
