"""An expression about a part of a text (the path within path and query, one parameter, one cookie) as one about the
whole.

A router compares whole headers. So what stands for "any character" must not run over the end of the part, and `^` and
`$` must mean its ends. Where that cannot be said with certainty, the expression is refused.
"""

from __future__ import annotations

import re

from sealos_gateway.nginx import regex

_CLASS = re.compile(r"\[(\^?)(\]?(?:\\.|\[:\^?[a-z]+:\]|[^\]\\])*)\]", re.DOTALL)
_GROUP = re.compile(r"\((\?:|\?P?<[A-Za-z_]\w*>)?(?!\?)")
#: Escapes that mean "anything but": they would run over the end of the part.
_OPEN = "SWDPNHVX"
#: Escapes that are ends of the whole text, or change how the rest is read.
_OTHER = "AzZQECx01234567"


class BoundError(ValueError):
    """Why it cannot be done, and what to write instead."""


def bounded(pattern: str, stop: str, before: str, after: str) -> str:
    """A full-match expression for a text in which `pattern` is found within a part that ends at the character `stop`.

    `before` matches all up to the part, `after` all behind it. `pattern` has no problem with RE2. Raises BoundError.
    """
    first = pattern.startswith("^")
    last = _ends_with_dollar(pattern)
    body = pattern[first : len(pattern) - last]
    inside, alternatives = _inside(body, stop)
    if alternatives and (first or last):
        raise BoundError("^ and $ hold for one alternative only; write ^(one|other)$")
    any_of_it = f"[^{stop}]*"
    found = f"{before}{'' if first else any_of_it}(?:{inside}){'' if last else any_of_it}{after}"
    if regex.problem(found):
        raise BoundError("it cannot be narrowed to the part that is tested; write it without repeated ^ and $")
    return found


def _ends_with_dollar(pattern: str) -> bool:
    return pattern.endswith("$") and (len(pattern) - len(pattern[:-1].rstrip("\\"))) % 2 == 1


def _inside(body: str, stop: str) -> tuple[str, bool]:
    """The expression with every "any character" bounded, and whether it has alternatives outside of groups."""
    found: list[str] = []
    depth, alternatives, index = 0, False, 0
    while index < len(body):
        char = body[index]
        piece = char
        if char == "\\":
            piece = body[index : index + 2]
            if piece[1:] in _OPEN:
                raise BoundError(f"{piece} may run over the end of the part that is tested; write a class such as [^/]")
            if piece[1:] in _OTHER:
                raise BoundError(f"{piece} is not supported here; write ^ and $, and characters as they are")
            _is_not_the_end(piece[1:], stop)
        elif char == "[":
            piece, length = _class(body, index, stop)
            index += length - len(piece)
        elif char == ".":
            piece = f"[^{stop}]"
            index -= len(piece) - 1  # the end of a line is never in a header
        elif char in "^$":
            raise BoundError("^ must stand first and $ last; write the alternatives out, or test $request_uri")
        elif char == "(":
            group = _GROUP.match(body, index)
            if group is None:
                raise BoundError("flags within the expression are not supported here; write ~* to ignore case")
            piece, depth = group.group(), depth + 1
        elif char == ")":
            depth -= 1
        elif char == "|":
            alternatives = alternatives or depth == 0
        else:
            _is_not_the_end(char, stop if char not in "?*+{}" else "")
        found.append(piece)
        index += len(piece)
    return "".join(found), alternatives


def _is_not_the_end(char: str, stop: str) -> None:
    if char == stop:
        raise BoundError(f"{stop!r} ends the part that is tested and is never in it; test $request_uri or $args")


def _class(body: str, index: int, stop: str) -> tuple[str, int]:
    """A character class that does not hold `stop` unless it says so itself, and its length in the original."""
    found = _CLASS.match(body, index)
    if found is None:
        raise BoundError("a character class is written in a way that is not supported here")
    negated, inside = found.groups()
    if re.search(rf"\\[{_OPEN}]|\[:\^", inside):
        raise BoundError("a class with \\S, \\W, \\D or [:^…:] may run over the end of the part; list the characters")
    if not negated:
        if regex.searches(found.group(), stop) is not None:
            raise BoundError(f"the class holds {stop!r}, which ends the part that is tested; list the other characters")
        return found.group(), len(found.group())
    if not inside.startswith(("]", "-")):
        return f"[^{stop}{inside}]", len(found.group())
    if not inside.endswith("-"):
        return f"[^{inside}{stop}]", len(found.group())
    raise BoundError("a class that has ] or - at both ends is not supported here; write \\] and \\-")
