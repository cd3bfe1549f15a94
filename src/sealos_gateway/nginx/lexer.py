"""Configuration text as words and marks, read exactly as nginx reads it. First step of the way text → values.

Source: `ngx_conf_read_token` of nginx (src/core/ngx_conf_file.c). Some of its rules surprise: a word ends at white
space, `;` and `{`, but not at `}`; quotes mean something at the start of a word only; a backslash before anything but
a quote, a backslash, `t`, `r`, `n` stays in the word, which is why regular expressions need no doubled backslashes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_SPACE = " \t\r\n"
_ENDS = (*_SPACE, ";", "{")
_AFTER_QUOTE = (*_ENDS, ")")
_ESCAPES = {'"': '"', "'": "'", "\\": "\\", "t": "\t", "r": "\r", "n": "\n"}


class Position(NamedTuple):
    """Where in the text, both counted from 1, columns in characters."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


class NginxError(ValueError):
    """Text that cannot be taken: where, and what to write instead."""

    def __init__(self, at: Position, message: str) -> None:
        super().__init__(f"{at}: {message}")
        self.at = at
        self.message = message


class Word(NamedTuple):
    """A name or an argument, with quotes and escapes resolved."""

    text: str
    at: Position


class Mark(NamedTuple):
    """`;`, `{` or `}`."""

    text: str
    at: Position


Token = Word | Mark


def tokens(text: str) -> Iterator[Token]:
    """The words and marks of `text`; comments and white space are gone. Raises NginxError."""
    place = _Places(text)
    index, size = 0, len(text)
    while index < size:
        char = text[index]
        if char in _SPACE:
            index += 1
        elif char == "#":
            end = text.find("\n", index)
            index = size if end < 0 else end
        elif char in ";{}":
            yield Mark(char, place.of(index))
            index += 1
        else:
            start = index
            index = _end_of_quoted(text, start, place) if char in "\"'" else _end_of_bare(text, start)
            raw = text[start + 1 : index - 1] if char in "\"'" else text[start:index]
            yield Word(_unescaped(raw), place.of(start))


def _end_of_quoted(text: str, start: int, place: _Places) -> int:
    """The index after the closing quote."""
    quote, index = text[start], start + 1
    while index < len(text) and text[index] != quote:
        index += 2 if text[index] == "\\" else 1
    if index >= len(text):
        raise NginxError(place.of(start), f"the text that starts with {quote} does not end: write {quote} after it")
    after = text[index + 1 : index + 2]
    if after and after not in _AFTER_QUOTE:
        message = f"after the closing {quote} stands {after!r}: write a space or ; between them"
        raise NginxError(place.of(index + 1), message)
    return index + 1


def _end_of_bare(text: str, start: int) -> int:
    index, after_dollar = start, False
    while index < len(text):
        char = text[index]
        if char == "{" and after_dollar:
            index += 1
            continue
        if index > start and char in _ENDS:
            break
        after_dollar = char == "$"
        index += 2 if char == "\\" else 1
    return min(index, len(text))


def _unescaped(raw: str) -> str:
    if "\\" not in raw:
        return raw
    found: list[str] = []
    chars = iter(raw)
    for char in chars:
        if char != "\\":
            found.append(char)
            continue
        following = next(chars, "")
        found.append(_ESCAPES.get(following, "\\" + following))
    return "".join(found)


class _Places:
    """Positions of growing indexes, without counting lines from the start each time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line, self._line_start, self._seen = 1, 0, 0

    def of(self, index: int) -> Position:
        if index < self._seen:  # an error about something before the last token: rare
            self._line, self._line_start, self._seen = 1, 0, 0
        self._line += self._text.count("\n", self._seen, index)
        self._line_start = self._text.rfind("\n", 0, index) + 1
        self._seen = index
        return Position(self._line, index - self._line_start + 1)
