"""YAML text to plain values, one document at a time, the way Kubernetes reads YAML.

It differs from `yaml.safe_load` on purpose: timestamps, base-60 numbers and keys stay text, null in a mapping means
absent, duplicate keys are noted, and what aliases expand to is bounded. It works on events instead of on PyYAML's node
tree, which is faster and cannot be made to recurse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import yaml

from sealos_gateway.files import mistakes

ALIAS_LIMIT: Final = 1_000_000  # nodes that all aliases of a file together may stand for
DEPTH_LIMIT: Final = 100

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **{form: True for word in ("true", "yes", "on") for form in (word, word.title(), word.upper())},
    **{form: False for word in ("false", "no", "off") for form in (word, word.title(), word.upper())},
}
_NUMBER_START: Final = frozenset("+-.0123456789")
_INTEGERS: Final[tuple[tuple[re.Pattern[str], int], ...]] = (
    (re.compile(r"[-+]?(0|[1-9][0-9_]*)\Z"), 10),
    (re.compile(r"[-+]?0o?[0-7_]*[0-7]\Z"), 8),
    (re.compile(r"[-+]?0x[0-9a-fA-F_]*[0-9a-fA-F]\Z"), 16),
    (re.compile(r"[-+]?0b[01_]*[01]\Z"), 2),
)
_FLOAT: Final = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z|[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z"
)
_LONGEST_NUMBER: Final = 64
_TAG: Final = "tag:yaml.org,2002:"
_TEXT_TAGS: Final = frozenset(("!", _TAG + "str", _TAG + "timestamp"))
_PLAIN_TAGS: Final = frozenset((_TAG + "int", _TAG + "float", _TAG + "bool", _TAG + "null"))
_COLLECTION_TAGS: Final = frozenset(("!", _TAG + "map", _TAG + "seq"))
_QUOTED: Final = re.compile(r"'[^']{2,}'|\"[^\"]{2,}\"")


class Duplicate(NamedTuple):
    """A key that a mapping has twice; the last one is in the value."""

    line: int
    key: str


class Document(NamedTuple):
    """`spans` has, by `id` of each mapping, its line and which slice of `duplicates` lies inside it."""

    line: int
    value: Any
    spans: dict[int, tuple[int, int, int]]
    duplicates: list[Duplicate]


def documents(data: bytes) -> Iterator[Document]:
    """Every document that is not empty. Raises UnreadableError."""
    reader = _Reader()
    try:
        for event in yaml.parse(data, Loader=_LOADER):  # type: ignore[no-untyped-call,unused-ignore]
            if document := reader.feed(event):
                yield document
    except yaml.MarkedYAMLError as error:
        raise _marked(data, error) from None
    except yaml.reader.ReaderError as error:
        raise mistakes.syntax_at(data, error.position, error.reason) from None


class _Frame:
    """A mapping or a sequence that is being filled."""

    __slots__ = ("anchor", "first_duplicate", "key", "line", "merges", "nodes", "nulls", "value")

    def __init__(
        self, value: dict[str, Any] | list[Any], anchor: str | None, line: int, nodes: int, first: int
    ) -> None:
        self.value: Any = value
        self.anchor = anchor
        self.line = line
        self.nodes = nodes
        self.first_duplicate = first
        self.key: str | None = None
        self.nulls = False
        self.merges: list[Any] | None = None


class _Reader:
    """Turns events into documents."""

    def __init__(self) -> None:
        self._expanded = 0
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            yaml.DocumentStartEvent: lambda event: self._start(event.start_mark.line + 1),
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._mapping,
            yaml.SequenceStartEvent: self._sequence,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
        }
        self._start(0)

    def _start(self, line: int) -> None:
        self._line = line
        self._frames = [_Frame([], None, 0, 0, 0)]
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0
        self._spans: dict[int, tuple[int, int, int]] = {}
        self._duplicates: list[Duplicate] = []

    def feed(self, event: Any) -> Document | None:
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)
        elif type(event) is yaml.DocumentEndEvent:
            value = self._frames[0].value[0]
            return Document(self._line, value, self._spans, self._duplicates) if value is not None else None
        return None

    def _scalar(self, event: Any) -> None:
        text: str = event.value
        weight = 1 + (len(text) >> 6)
        self._nodes += weight
        frame = self._frames[-1]
        if type(frame.value) is dict and frame.key is None:
            self._key(frame, text, event)
            value: Any = text
        else:
            value = _scalar_value(event)
            self._add(frame, value)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, weight)

    def _key(self, frame: _Frame, text: str, event: Any) -> None:
        if text in frame.value:
            self._duplicates.append(Duplicate(event.start_mark.line + 1, text))
        elif text == "<<" and event.implicit[0] and frame.merges is None:
            frame.merges = []
        frame.key = text

    def _add(self, frame: _Frame, value: Any) -> None:
        if type(frame.value) is list:
            frame.value.append(value)
        elif frame.key == "<<" and frame.merges is not None:
            frame.merges.extend(value if isinstance(value, list) else [value])
            frame.key = None
        else:
            frame.nulls = frame.nulls or value is None
            frame.value[frame.key] = value
            frame.key = None

    def _mapping(self, event: Any) -> None:
        self._open(event, {})

    def _sequence(self, event: Any) -> None:
        self._open(event, [])

    def _open(self, event: Any, value: dict[str, Any] | list[Any]) -> None:
        frame = self._frames[-1]
        if type(frame.value) is dict and frame.key is None:
            raise _refused(
                event, "a key must be text, this one is a mapping or a list (quote it if it begins with { or [)"
            )
        if event.tag is not None and event.tag not in _COLLECTION_TAGS:
            raise _refused(event, "this tag is not known to Kubernetes; remove it")
        if len(self._frames) > DEPTH_LIMIT:
            raise _refused(event, f"nested deeper than {DEPTH_LIMIT} levels")
        self._nodes += 1
        line = event.start_mark.line + 1
        self._frames.append(_Frame(value, event.anchor, line, self._nodes, len(self._duplicates)))

    def _end(self, event: Any) -> None:
        frame = self._frames.pop()
        value = frame.value
        if type(value) is dict:
            if frame.merges:
                _merge(value, frame.merges, event)
            if frame.nulls:
                for key in [key for key, entry in value.items() if entry is None]:
                    del value[key]
            self._spans[id(value)] = (frame.line, frame.first_duplicate, len(self._duplicates))
        self._add(self._frames[-1], value)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (value, self._nodes - frame.nodes + 1)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise _refused(event, "this alias names an anchor that is not complete before it")
        value, weight = self._anchors[event.anchor]
        self._nodes += weight
        self._expanded += weight
        if self._expanded > ALIAS_LIMIT:
            raise _refused(event, f"aliases stand for more than {ALIAS_LIMIT} nodes; write the objects out")
        frame = self._frames[-1]
        if type(frame.value) is dict and frame.key is None:
            if not isinstance(value, str):
                raise _refused(event, "a key must be text; this alias is not")
            self._key(frame, value, event)
        else:
            self._add(frame, value)


def _scalar_value(event: Any) -> Any:
    if event.tag is None or event.tag in _PLAIN_TAGS:
        return _plain(event.value) if event.implicit[0] or event.tag else event.value
    if event.tag in _TEXT_TAGS:
        return event.value
    raise _refused(event, "this tag is not known to Kubernetes; remove it")


def _plain(text: str) -> Any:
    """A scalar without quotes: YAML 1.1's words and numbers, everything else is text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START or len(text) > _LONGEST_NUMBER:
        return text
    for pattern, base in _INTEGERS:
        if pattern.match(text):
            return int(text.replace("_", "").replace("o", ""), base)
    if _FLOAT.match(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _merge(value: dict[str, Any], merges: list[Any], event: Any) -> None:
    for other in merges:
        if not isinstance(other, dict):
            raise _refused(event, "only mappings can be merged with <<")
        for key, entry in other.items():
            value.setdefault(key, entry)


def _refused(event: Any, message: str) -> mistakes.UnreadableError:
    return mistakes.syntax(event.start_mark.line + 1, event.start_mark.column + 1, message)


def _marked(data: bytes, error: yaml.MarkedYAMLError) -> mistakes.UnreadableError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    text = _QUOTED.sub("(not shown)", error.problem or "not YAML")
    if b"\t" in (data.splitlines()[line : line + 1] or [b""])[0]:
        text += " (there is a tab in this line: YAML wants spaces)"
    return mistakes.syntax(line + 1, column + 1, text)
