"""JSON text to raw pieces: one value, several behind each other, or one in each line. Nothing is decoded here.

msgspec checks the whole syntax while it looks for the end of a value, so a half-written file is found before anything
of it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from sealos_gateway.files import mistakes

_VALUE: Final = msgspec.json.Decoder(msgspec.Raw)
_ERROR: Final = re.compile(r"(?P<text>.*?) \(byte (?P<offset>[0-9]+)\)\Z")
_TRAILING: Final = "trailing characters"
_NOT_SPACE: Final = re.compile(rb"[^ \t\r\n]")


def documents(data: bytes) -> Iterator[tuple[int, msgspec.Raw]]:
    """Every value of the text with its offset. Raises UnreadableError."""
    start = _NOT_SPACE.search(data)
    while start:
        raw, end = _value(data, start.start())
        yield start.start(), raw
        start = _NOT_SPACE.search(data, end)


def _value(data: bytes, start: int) -> tuple[msgspec.Raw, int]:
    end = data.find(b"\n", start)
    if end > 0:
        try:  # one value in each line is common, and failing is quick
            return _VALUE.decode(memoryview(data)[start:end]), end
        except (msgspec.DecodeError, RecursionError):
            pass
    return _value_of_lines(data, start)


def _value_of_lines(data: bytes, start: int) -> tuple[msgspec.Raw, int]:
    rest = memoryview(data)[start:]
    try:
        return _VALUE.decode(rest), len(data)
    except RecursionError:
        raise mistakes.syntax_at(data, start, "nested too deep") from None
    except msgspec.DecodeError as error:
        found = _ERROR.match(str(error))
        if found is None:
            raise mistakes.syntax_at(data, len(data), "the text ends too early") from None
        offset = int(found["offset"])
        if _TRAILING not in found["text"]:
            raise mistakes.syntax_at(data, start + offset, found["text"]) from None
        offset -= 1  # here msgspec has counted the byte that it did not expect
    return _VALUE.decode(rest[:offset]), start + offset


class Lines:
    """Finds the lines of pieces that are asked for in the order of the text, without walking all of it each time."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = 0
        self._line = 1

    def line_at(self, offset: int) -> int:
        if offset > self._offset:
            self._line += self._data.count(b"\n", self._offset, offset)
            self._offset = offset
        return self._line

    def line_of(self, raw: msgspec.Raw) -> int:
        return self.line_at(self._data.find(raw, self._offset))
