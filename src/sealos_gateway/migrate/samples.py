"""A text that an expression matches: requests that reach a route are made of such texts.

Python's parser of expressions gives the tree; it reads what RE2 reads for all that is common. What it does not know
gives no sample.
"""

from __future__ import annotations

import re
import warnings
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_LETTERS = "x0/_- .:=&?%aA"


def sample(pattern: str) -> str | None:
    """A text that the whole pattern matches; None where none was found."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # about what a later Python may read otherwise
            return _sample(pattern)
    except (re.error, NotImplementedError, OverflowError, RecursionError):
        return None


def _sample(pattern: str) -> str | None:
    found = "".join(_text(node) for node in parser.parse(pattern))
    return found if re.fullmatch(pattern, found) else None


def _text(node: tuple[Any, Any]) -> str:
    kind, value = node
    if kind is codes.LITERAL:
        return chr(int(value))
    if kind is codes.ANY:
        return "x"
    if kind in (codes.NOT_LITERAL, codes.IN):
        return _one_of(node)
    if kind in (codes.MAX_REPEAT, codes.MIN_REPEAT):
        least, _, inside = value
        return _sequence(inside) * int(least)
    if kind is codes.SUBPATTERN:
        return _sequence(value[3])
    if kind is codes.BRANCH:
        return _sequence(value[1][0])
    if kind is codes.AT:
        return ""
    raise NotImplementedError(kind)


def _sequence(nodes: Any) -> str:
    return "".join(map(_text, nodes))


def _one_of(node: tuple[Any, Any]) -> str:
    """A character of a class, an ordinary one if there is."""
    kind, value = node
    if kind is codes.NOT_LITERAL:
        return "y" if value == ord("x") else "x"
    negated: bool = value[0][0] is codes.NEGATE
    for char in (*_LETTERS, *map(chr, range(33, 127))):
        if any(_holds(item, char) for item in value) is not negated:
            return str(char)
    raise NotImplementedError(node)


def _holds(item: tuple[Any, Any], char: str) -> bool:
    kind, value = item
    if kind is codes.LITERAL:
        return chr(value) == char
    if kind is codes.RANGE:
        return bool(value[0] <= ord(char) <= value[1])
    if kind is codes.CATEGORY:
        texts = {codes.CATEGORY_DIGIT: r"\d", codes.CATEGORY_WORD: r"\w", codes.CATEGORY_SPACE: r"\s"}
        texts |= {codes.CATEGORY_NOT_DIGIT: r"\D", codes.CATEGORY_NOT_WORD: r"\W", codes.CATEGORY_NOT_SPACE: r"\S"}
        return re.match(texts[value], char) is not None
    return False
