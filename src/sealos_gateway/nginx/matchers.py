"""Conditions as matches on headers: what a router looks at.

An absent variable is the empty text in nginx, and no header at all in a router; that is why "empty" is said as "has no
character".
"""

from __future__ import annotations

import re

from sealos_gateway.model.template import Of, Variable
from sealos_gateway.model.traffic import Conditions, TextKind, TextMatch
from sealos_gateway.nginx import regex
from sealos_gateway.nginx.bounded import BoundError, bounded
from sealos_gateway.nginx.conditions import TRUE, Condition

_ALWAYS_THERE = {Of.AUTHORITY: ":authority", Of.METHOD: ":method", Of.PATH_AND_QUERY: ":path"}
_SCHEME = "x-forwarded-proto"
#: Before and behind the query, the path, and one parameter, within `:path`.
_TO_QUERY, _BEHIND_PATH = r"[^?]*\?", r"(?:\?.*)?"
#: Behind the name, within `:authority`.
_BEHIND_NAME = r"\.?(?::.*)?"
#: What can be tested.
TESTABLE = frozenset(
    {*_ALWAYS_THERE, Of.HOST, Of.SCHEME, Of.REQUEST_HEADER, Of.COOKIE, Of.PATH, Of.QUERY, Of.QUERY_PARAMETER}
)


def conditions(found: list[Condition]) -> Conditions:
    """All of them together. Raises BoundError with what to write instead."""
    headers: list[TextMatch] = []
    cookies: list[TextMatch] = []
    for condition in found:
        one = _text_match(condition)
        (cookies if condition.variable.of is Of.COOKIE else headers).append(one)
    return Conditions(headers=tuple(dict.fromkeys(headers)), cookies=tuple(dict.fromkeys(cookies)))


def _text_match(condition: Condition) -> TextMatch:
    variable = condition.variable
    match variable.of:
        case Of.SCHEME:
            return _header(_SCHEME, condition, may_be_absent=False)
        case Of.REQUEST_HEADER:
            return _header(variable.name, condition, may_be_absent=True)
        case Of.COOKIE:
            return _part(variable.name, condition, ";", "", "")
        case Of.HOST:
            return _part(":authority", condition, ":", "", _BEHIND_NAME)
        case Of.PATH:
            return _part(":path", condition, "?", "", _BEHIND_PATH)
        case Of.QUERY:
            return _part(":path", condition, "\n", _TO_QUERY, "")
        case Of.QUERY_PARAMETER:
            return _part(":path", condition, "&", _before_value(variable), "(?:&.*)?")
    return _header(_ALWAYS_THERE[variable.of], condition, may_be_absent=False)


def _before_value(parameter: Variable) -> str:
    # nginx finds parameters without regard to case.
    return rf"{_TO_QUERY}(?:.*&)?(?i:{re.escape(parameter.name)})="


def _header(name: str, condition: Condition, may_be_absent: bool) -> TextMatch:
    value, negate = condition.value, condition.negate
    if not condition.regex:
        if not value:
            return TextMatch(name, TextKind.REGEX, "(?s).+", not negate)
        if condition.ignore_case:
            return TextMatch(name, TextKind.REGEX, f"(?i){re.escape(value)}", negate)
        return TextMatch(name, TextKind.EXACT, value, negate)
    if condition == TRUE(condition.variable):
        return TextMatch(name, TextKind.REGEX, "(?s)[^0].*|0.+")
    if may_be_absent:
        _not_empty(condition)
    flags = "(?is)" if condition.ignore_case else "(?s)"
    return TextMatch(name, TextKind.REGEX, f"{flags}.*(?:{value}).*", negate)


def _part(name: str, condition: Condition, stop: str, before: str, after: str) -> TextMatch:
    """A part of a header, which ends at `stop`. The path is always there; the others may be absent."""
    negate = condition.negate
    any_of_it = f"[^{stop}]"
    if condition == TRUE(condition.variable):
        text = f"{before}(?:{any_of_it}{any_of_it}+|[^0{stop}]){after}"
        return TextMatch(name, TextKind.REGEX, text, False)
    if not condition.regex:
        if not condition.value:
            return TextMatch(name, TextKind.REGEX, f"{before}{any_of_it}+{after}", not negate)
        flags = "(?i)" if condition.ignore_case else ""
        return TextMatch(name, TextKind.REGEX, f"{flags}{before}{re.escape(condition.value)}{after}", negate)
    if condition.variable.of not in (Of.HOST, Of.PATH):
        _not_empty(condition)
    flags = "(?i)" if condition.ignore_case else ""
    return TextMatch(name, TextKind.REGEX, flags + bounded(condition.value, stop, before, after), negate)


def _not_empty(condition: Condition) -> None:
    """An expression that the empty text satisfies would have to take requests that lack the header, too."""
    if regex.searches(condition.value, "") is not None:
        raise BoundError("it is found in the empty text, too; write an expression that needs a character, or = and !=")
