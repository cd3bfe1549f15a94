"""The annotations of one object as values, every mistake told with the annotation's name and what to write instead."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from sealos_gateway.model.problem import Problem
from sealos_gateway.resources.annotations.entry import SEALOS, Annotation
from sealos_gateway.resources.meta import Metadata, Origin

_SIZE = re.compile(r"([0-9]{1,12})([kKmMgG]?)")
#: What no value may hold: Envoy refuses some of it, and nobody means it. Line breaks and tabs stand between the items
#: of a list, and in texts of several lines.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_IN_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
T = TypeVar("T")


class Values:
    """Reads one object's annotations. `refused` turns true when one that protects something cannot be honoured."""

    def __init__(self, metadata: Metadata, origin: Origin) -> None:
        self.problems: list[Problem] = []
        self.refused = False
        self.origin = origin
        self._metadata = metadata
        self._setting = ""

    def has(self, entry: Annotation) -> bool:
        return self._find(entry) is not None

    def named(self, entry: Annotation) -> list[tuple[str, str]]:
        """For an entry with a name at its end (`…-*`): every such name with its words; a control character is told."""
        found: dict[str, str] = {}
        for pattern in reversed(entry.names):  # the spelling that wins comes last
            prefix = pattern.removesuffix("*")
            for name, text in (self._metadata.annotations or {}).items():
                if name.startswith(prefix) and len(name) > len(prefix):
                    found[name.removeprefix(prefix)] = text.strip()
        return sorted((name, text) for name, text in found.items() if self._is_clean(entry, text))

    def text(self, entry: Annotation, lines: bool = False) -> str | None:
        """The words as they are, without white space around them; None where the annotation is absent.

        A value with a control character is told and counts as absent; with `lines` it may have several lines.
        """
        text = self.raw(entry)
        return text if text is None or self._is_clean(entry, text, lines) else None

    def raw(self, entry: Annotation) -> str | None:
        """The words whatever they hold, for a language whose own parser tells what is wrong in them."""
        found = self._find(entry)
        return found[1].strip() if found else None

    def boolean(self, entry: Annotation) -> bool | None:
        """`true` or `false`; None where it is absent or something else."""
        words = {"true": True, "false": False}
        return self.read(entry, lambda text: words.get(text.lower()), "true or false")

    def whole(self, entry: Annotation, low: int = 0, high: int = (1 << 31) - 1) -> int | None:
        """A whole number within bounds."""

        def parsed(text: str) -> int | None:
            return int(text) if text.isascii() and text.isdigit() and low <= int(text) <= high else None

        return self.read(entry, parsed, f"a whole number from {low} to {high}")

    def size(self, entry: Annotation) -> int | None:
        """Bytes, from nginx' way to write a size."""
        return self.read(entry, _size, "a size as 512k, 8m or 1g")

    def networks(self, entry: Annotation) -> tuple[str, ...] | None:
        """CIDRs, in the order and spelling of the standard library, each once."""
        return self.read(entry, _listed, "addresses and networks as 10.0.0.0/8, separated by commas", lines=True)

    def choice(self, entry: Annotation, *words: str) -> str | None:
        """One of some words, in lower case."""
        wanted = ", ".join(words)
        return self.read(entry, lambda text: text.lower() if text.lower() in words else None, f"one of {wanted}")

    def read(self, entry: Annotation, parse: Callable[[str], T | None], wanted: str, lines: bool = False) -> T | None:
        """What `parse` makes of the words; None from it is a mistake, told as 'is not `wanted`'. `lines` as in `text`,
        for lists."""
        text = self.text(entry, lines)
        if text is None:
            return None
        value = parse(text)
        if value is None:
            self.complain(entry, f"{text[:60]!r} is not {wanted}")
        return value

    def _is_clean(self, entry: Annotation, text: str, lines: bool = False) -> bool:
        found = (_CONTROL_IN_LINES if lines else _CONTROL).search(text)
        if found is not None:
            self.complain(entry, f"{text[:60]!a} holds the control character {found[0]!a}; take it out")
        return found is None

    def complain(self, entry: Annotation, message: str, reason: str = "InvalidAnnotation") -> None:
        """Tell a mistake; where the annotation protects something, the routes of the object are refused for it."""
        name = (self._find(entry) or (entry.name, ""))[0]
        what = (
            "the routes answer 503 until it is corrected" if entry.closed else f"it counts as absent: {entry.default}"
        )
        self.refused = self.refused or entry.closed
        field = f"{self._setting}[{entry.name.partition('/')[2]}]" if self._setting else f"metadata.annotations[{name}]"
        problem = Problem(self.origin, field, reason, f"{message}; {what}")
        if problem not in self.problems:  # one value may be read in several places
            self.problems.append(problem)

    def warn(self, entry: Annotation, message: str, reason: str) -> None:
        """Tell what is not honoured in a part that harms nobody else; the rest holds."""
        name = (self._find(entry) or (entry.name, ""))[0]
        self.problems.append(Problem(self.origin, f"metadata.annotations[{name}]", reason, message))

    def of_setting(self, setting: str, annotations: tuple[tuple[str, str], ...]) -> Values:
        """A reader of annotations that a setting holds, by their short names; mistakes name the setting."""
        named = {SEALOS + name: text for name, text in annotations}
        found = Values(Metadata(self._metadata.name, self._metadata.namespace, annotations=named), self.origin)
        found._setting = setting
        return found

    def take(self, other: Values) -> None:
        """Mistakes that another reader of the same object found."""
        self.problems += other.problems
        self.refused = self.refused or other.refused

    def _find(self, entry: Annotation) -> tuple[str, str] | None:
        annotations = self._metadata.annotations
        if annotations:
            for name in entry.names:
                if name in annotations:
                    return name, annotations[name]
        return None


def _size(text: str) -> int | None:
    found = _SIZE.fullmatch(text)
    return int(found[1]) * _UNITS[found[2].lower()] if found else None


def _listed(text: str) -> tuple[str, ...] | None:
    return networks(piece.strip() for piece in text.split(","))


def networks(texts: Iterable[str]) -> tuple[str, ...] | None:
    """Addresses and networks as CIDRs, each once; None where one of them is neither, or there is none."""
    found: dict[str, None] = {}
    for text in texts:
        try:
            found[str(ipaddress.ip_network(text, strict=False))] = None
        except ValueError:
            return None
    return tuple(found) or None
