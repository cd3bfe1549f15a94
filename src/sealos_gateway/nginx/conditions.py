"""The condition of an `if`, read as nginx' rewrite module reads it, and what it comes to once variables are known.

Source: `ngx_http_rewrite_if_condition` of nginx (src/http/modules/ngx_http_rewrite_module.c). There is no "and", no
"or", and no parentheses within.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sealos_gateway.model.template import Of, Template, Variable
from sealos_gateway.nginx import regex, variables
from sealos_gateway.nginx.lexer import NginxError, Position, Word
from sealos_gateway.nginx.parser import Directive

_NAME = re.compile(r"\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))")
_OPERATORS = ("=", "!=", "~", "~*", "!~", "!~*")
#: Stands in a condition about a text that is known already: which variable it came from does not matter any more.
_CONSTANT = Variable(Of.METHOD)


class Condition(NamedTuple):
    """`value` is the whole text of the variable or, with `regex`, found anywhere in it; absent is the empty text."""

    variable: Variable
    value: str
    regex: bool = False
    ignore_case: bool = False
    negate: bool = False


def TRUE(variable: Variable) -> Condition:  # noqa: N802 - a constant, but for the variable
    """What a bare variable is tested for: it is neither empty nor "0"."""
    return Condition(variable, "^0?$", regex=True, negate=True)


class Test(NamedTuple):
    """`$variable operator value`; a bare variable has no operator."""

    variable: str
    at: Position
    operator: str = ""
    value: Word = Word("", Position(1, 1))


class Outcome(NamedTuple):
    """What a test comes to: known already, or a condition. `groups` are what it captured, where it is known."""

    known: bool | None
    condition: Condition | None = None
    groups: tuple[str, ...] = ()


def read(directive: Directive) -> Test:
    """The test of an `if`. Raises NginxError."""
    words = _inside(directive)
    first = words[0]
    found = _NAME.fullmatch(first.text)
    if found is None:
        raise NginxError(first.at, _no_variable(first.text))
    name = found[1] or found[2]
    if len(words) == 1:
        return Test(name, first.at)
    operator = words[1]
    if operator.text not in _OPERATORS:
        message = f"{operator.text[:20]!r} is no operator; write one of {', '.join(_OPERATORS)} with spaces around it"
        raise NginxError(operator.at, message)
    if len(words) != 3:
        message = f"after {operator.text} stands one value; nginx has no 'and' and 'or': write several ifs"
        raise NginxError(words[3].at if len(words) > 3 else operator.at, message)
    value = words[2]
    if "~" in operator.text and (reason := regex.problem(value.text)):
        raise NginxError(value.at, f"the expression {value.text[:80]!r}: {reason}")
    return Test(name, first.at, operator.text, value)


def _inside(directive: Directive) -> list[Word]:
    """The words between the parentheses; they may stand alone or at the words."""
    words = list(directive.arguments)
    missing = "the condition of an if stands in parentheses: write if ($variable = value) { … }"
    if not words or not words[0].text.startswith("(") or not words[-1].text.endswith(")"):
        raise NginxError(directive.at, missing)
    first = words[0]
    words[0] = Word(first.text[1:], Position(first.at.line, first.at.column + 1))
    words[-1] = Word(words[-1].text[:-1], words[-1].at)
    if not words[0].text:
        del words[0]
    if words and not words[-1].text and directive.arguments[-1].text == ")":
        del words[-1]
    if not words:
        raise NginxError(directive.at, missing)
    return words


def _no_variable(text: str) -> str:
    if text.lstrip("!").startswith("-"):
        return "tests of files (-f, -d, -e, -x) are not supported: the gateway serves no files"
    return f"{text[:40]!r} is no variable; a condition starts with one: ($http_x_name = value)"


def outcome(test: Test, known: variables.Known) -> Outcome:
    """What the test comes to where the variables `known` have these values. Raises NginxError."""
    subject = variables.lookup(test.variable, known)
    if subject is None:
        raise NginxError(test.at, f"the variable ${test.variable[:60]} is not supported; docs/snippets.md lists those")
    condition = _condition(test, subject, known)
    text = subject.literal
    if text is not None:
        groups = matches(condition, text)
        return Outcome((groups is not None) != condition.negate, None, groups or ())
    if condition.ignore_case and not condition.regex and condition.value != condition.value.lower():
        return Outcome(condition.negate)  # $host is lower case
    if len(subject.parts) > 1:
        raise NginxError(test.at, f"${test.variable} is put together of several values; test each of them")
    return Outcome(None, condition)


def _condition(test: Test, subject: Template, known: variables.Known) -> Condition:
    variable = subject.variables[0] if subject.variables else _CONSTANT
    if not test.operator:
        return TRUE(variable)
    negate = test.operator.startswith("!")
    if "~" in test.operator:
        text = test.value.text
        ignore_case = test.operator.endswith("*") or text.startswith("(?i)")
        return Condition(variable, text.removeprefix("(?i)"), True, ignore_case, negate)
    value = variables.parse(test.value, known).literal
    if value is None:
        raise NginxError(test.value.at, "a condition cannot compare with another variable; write the value itself")
    # Hosts have no case: nginx compares with the one it has made lower case.
    return Condition(variable, value, ignore_case=variable.of is Of.HOST, negate=negate)


def matches(condition: Condition, text: str) -> tuple[str, ...] | None:
    """The whole match and its groups where `text` is (or holds) the value, else None; `negate` is not looked at."""
    if condition.regex:
        return regex.searches(condition.value, text, condition.ignore_case)
    same = text.lower() == condition.value.lower() if condition.ignore_case else text == condition.value
    return (text,) if same else None
