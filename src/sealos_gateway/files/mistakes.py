"""How a mistake in a file is passed up, before `source` makes a `model.Problem` of it.

Messages never quote text of the file other than names of objects and keys: any of it may be the value of a Secret.
"""

from __future__ import annotations

from typing import NamedTuple


class Mistake(NamedTuple):
    """`field` is a place inside the file; `reason` and `message` are those of `Problem`."""

    field: str
    reason: str
    message: str


class UnreadableError(Exception):
    """Nothing of this file or folder can be used at the moment; what was good before stays."""

    def __init__(self, field: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.mistake = Mistake(field, reason, message)


def syntax(line: int, column: int, message: str) -> UnreadableError:
    """The text of a file is not YAML or JSON; both numbers count from 1."""
    advice = f"{message}; nothing is taken from this file until it is repaired, its last good objects stay"
    return UnreadableError(f"line {line}, column {column}", "InvalidSyntax", advice)


def syntax_at(data: bytes, offset: int, message: str) -> UnreadableError:
    """The same for readers that know bytes and no lines."""
    line_start = data.rfind(b"\n", 0, offset) + 1
    return syntax(data.count(b"\n", 0, offset) + 1, offset - line_start + 1, message)
