"""Matches of routes as those of an HTTPRoute, in such a form that the Gateway API's precedence gives the same order.

There exact paths come first, then (here, as most implementations have it) regular expressions and prefixes, the longer
text first, then more conditions. Ingresses have prefixes of the text and letter case besides: these become regular
expressions. One that has to come before a longer one gets empty groups at its end, which match nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sealos_gateway.migrate.gateway_api.texts import InexpressibleError
from sealos_gateway.model.traffic import Conditions, Match, PathKind, Route, TextKind, TextMatch

_EMPTY_GROUP = "(?:)"
_LONGEST_PATH = 1024
_TYPES = {PathKind.EXACT: "Exact", PathKind.PREFIX: "PathPrefix", PathKind.REGEX: "RegularExpression"}


class Path(NamedTuple):
    """How a path is written, as `HTTPPathMatch` has it."""

    kind: PathKind
    value: str

    def written(self) -> dict[str, str]:
        return {"type": _TYPES[self.kind], "value": self.value}


def paths(routes: Sequence[Route]) -> list[Path]:
    """The paths of all routes of a host, which are in order. Raises InexpressibleError where none keeps the order."""
    found: list[Path] = []
    behind: tuple[int, tuple[int, ...]] | None = None  # length and conditions of the next pattern
    for route in reversed(routes):
        path, conditions = _path(route.match, pattern=behind is not None), route.match.conditions.sort_key[1:]
        if path.kind is PathKind.REGEX:
            value = path.value
            while behind is not None and (-len(value), conditions) >= (-behind[0], behind[1]):
                value += _EMPTY_GROUP
            if len(value) > _LONGEST_PATH:
                raise InexpressibleError(f"{route.match}: the expression is too long")
            path, behind = Path(path.kind, value), (len(value), conditions)
        found.append(path)
    found.reverse()
    for (one, before), (other, after) in itertools.pairwise(zip(routes, found, strict=True)):
        if before == after and one.match.conditions.sort_key[1:] > other.match.conditions.sort_key[1:]:
            raise InexpressibleError(f"{one.match} comes before {other.match}, which has more conditions")
    return found


def _path(match: Match, pattern: bool) -> Path:
    """`pattern`: a pattern stands behind it, so a prefix has to be one, too."""
    text = re.escape(match.path)
    if match.kind is PathKind.EXACT and not match.ignore_case:
        return Path(match.kind, match.path)
    if match.kind is PathKind.PREFIX and not (match.ignore_case or pattern):
        return Path(match.kind, match.path)
    case = "(?i)" if match.ignore_case else ""
    rest = {PathKind.EXACT: text, PathKind.REGEX: match.path, PathKind.TEXT_PREFIX: f"{text}.*"}
    whole = "/.*" if match.path == "/" else f"{text}(/.*)?"
    return Path(PathKind.REGEX, case + rest.get(match.kind, whole))


def written(path: Path, conditions: Conditions) -> Iterator[dict[str, Any]]:
    """The `HTTPRouteMatch`es of a route: one for each method that it takes. Raises InexpressibleError."""
    if conditions.share:
        raise InexpressibleError("a share of requests is taken at random before anything else is asked")
    methods = list(conditions.methods)
    headers: dict[str, dict[str, str]] = {}
    for one in conditions.headers:
        if one.name == ":method" and one.kind is TextKind.EXACT and not one.invert and not methods:
            methods = [one.value]
            continue
        name = "host" if one.name == ":authority" else one.name
        if name.startswith(":"):
            raise InexpressibleError(f"a condition on {name[1:]} that is no path or method")
        _put(headers, name, _value(one))
    for one in conditions.cookies:
        _put(headers, "cookie", ("RegularExpression", _cookie(one)))
    queries: dict[str, dict[str, str]] = {}
    for one in conditions.queries:
        _put(queries, one.name, _value(one))
    for method in methods or [""]:
        match: dict[str, Any] = {"path": path.written()}
        match |= {"headers": list(headers.values())} if headers else {}
        match |= {"queryParams": list(queries.values())} if queries else {}
        yield match | ({"method": method} if method else {})


def _put(into: dict[str, dict[str, str]], name: str, wanted: tuple[str, str]) -> None:
    if name in into:
        raise InexpressibleError(f"two conditions on {name}")
    kind, value = wanted
    into[name] = {"type": kind, "name": name, "value": value}


def _value(one: TextMatch) -> tuple[str, str]:
    if one.invert:
        raise InexpressibleError(f"the condition that {one.name} is not something")
    if one.kind is TextKind.EXACT and one.value:
        return "Exact", one.value
    return "RegularExpression", _pattern(one, ".*")


def _pattern(one: TextMatch, anything: str) -> str:
    match one.kind:
        case TextKind.EXACT:
            return re.escape(one.value) or "^$"
        case TextKind.PREFIX:
            return re.escape(one.value) + anything
        case TextKind.REGEX:
            return one.value
    return anything


def _cookie(one: TextMatch) -> str:
    """One cookie among those of the header."""
    if one.invert:
        raise InexpressibleError(f"the condition that the cookie {one.name} is not something")
    return rf"(.*;\s*)?{re.escape(one.name)}=(?:{_pattern(one, '[^;]*')})(\s*;.*)?"
