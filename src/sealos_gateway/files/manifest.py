"""The text of one file to its objects. Pure: bytes in, `objects.Contents` out; no text and no tree outlives it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from sealos_gateway.files import json_text, mistakes, objects, yaml_text
from sealos_gateway.files.mistakes import Mistake, UnreadableError
from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Resource

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def contents(data: bytes, is_json: bool) -> objects.Contents:
    """All objects of a file. Raises UnreadableError when its syntax is broken anywhere."""
    data = data.removeprefix(_BYTE_ORDER_MARK)
    _check_encoding(data)
    if is_json:
        return _from_json(data)
    if data[:256].lstrip()[:1] == b"{":
        try:
            return _from_json(data)
        except UnreadableError:
            pass  # YAML's own { } form
    return _from_yaml(data)


def _check_encoding(data: bytes) -> None:
    try:
        _ = data.isascii() or data.decode()
    except UnicodeDecodeError as error:
        raise mistakes.syntax_at(data, error.start, "not UTF-8; save the file as UTF-8") from None


def _from_json(data: bytes) -> objects.Contents:
    found = objects.Contents()
    form = _Json(data)
    for number, (offset, raw) in enumerate(json_text.documents(data), 1):
        form.lines.line_at(offset)
        objects.gather(found, form, raw, (number,))
    return found


def _from_yaml(data: bytes) -> objects.Contents:
    found = objects.Contents()
    for number, document in enumerate(yaml_text.documents(data), 1):
        form = _Yaml(document)
        objects.gather(found, form, document.value, (number,))
        if leftover := form.leftover((number,)):
            found.holds = True
            found.mistakes += leftover
    return found


_NO_ITEMS: Final = msgspec.Raw()


class _JsonHead(objects.Head, frozen=True):
    items: msgspec.Raw = _NO_ITEMS


class _Json:
    """Objects as raw bytes; a piece is decoded once its kind is known, and straight into the struct of that kind."""

    _head = msgspec.json.Decoder(_JsonHead)
    _items = msgspec.json.Decoder(list[msgspec.Raw] | None)
    _identity = msgspec.json.Decoder(objects.Named)

    def __init__(self, data: bytes) -> None:
        self.lines = json_text.Lines(data)

    def head(self, piece: msgspec.Raw) -> objects.Head:
        return self._head.decode(piece)

    def items(self, head: objects.Head) -> list[msgspec.Raw] | None:
        return None if head.items is _NO_ITEMS else self._items.decode(head.items)

    def resource(self, kind: Kind, piece: msgspec.Raw) -> Resource:
        return kinds.from_json(kind, piece)

    def plain(self, piece: msgspec.Raw) -> Any:
        return msgspec.json.decode(piece)

    def identity(self, piece: msgspec.Raw) -> objects.Named:
        return self._identity.decode(piece)

    def line(self, piece: msgspec.Raw) -> int:
        return self.lines.line_of(piece)

    def flaw(self, piece: msgspec.Raw) -> Mistake | None:  # noqa: ARG002  (the form asks for it)
        return None


class _Yaml:
    """Objects as dicts; one form for each document, since it knows the lines of that document."""

    def __init__(self, document: yaml_text.Document) -> None:
        self._document = document
        self._told: set[yaml_text.Duplicate] = set()

    def head(self, piece: Any) -> objects.Head:
        return msgspec.convert(piece, objects.Head)

    def items(self, head: objects.Head) -> list[Any] | None:
        return msgspec.convert(head.items, list[Any] | None)

    def resource(self, kind: Kind, piece: Any) -> Resource:
        return kinds.from_builtins(kind, piece)

    def plain(self, piece: Any) -> Any:
        return piece

    def identity(self, piece: Any) -> objects.Named:
        return msgspec.convert(piece, objects.Named)

    def line(self, piece: Any) -> int:
        return self._document.spans.get(id(piece), (self._document.line, 0, 0))[0]

    def flaw(self, piece: Any) -> Mistake | None:
        _, first, last = self._document.spans[id(piece)]
        duplicates = self._document.duplicates[first:last]
        self._told.update(duplicates)
        return _duplicate_key(duplicates[0]) if duplicates else None

    def leftover(self, place: objects.Place) -> list[Mistake]:
        """Duplicate keys that are in no object: those of a list around objects."""
        rest = (_duplicate_key(duplicate) for duplicate in self._document.duplicates if duplicate not in self._told)
        return [mistake._replace(field=f"{mistake.field}, {objects.position(place)}") for mistake in rest]


def _duplicate_key(duplicate: yaml_text.Duplicate) -> Mistake:
    key = duplicate.key[:80]
    message = f"the key {key!a} appears twice in one mapping; remove one of them, the last good version stays"
    return Mistake(f"line {duplicate.line}", "DuplicateKey", message)
