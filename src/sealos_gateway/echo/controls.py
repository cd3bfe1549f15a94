"""What a caller may ask of an HTTP answer through its query: values in, a checked `Controls` out.

Pure: no sockets, no waiting. Every value has a bound, so that no URL can make the server work without end.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qs

MAX_DELAY = 60.0
MAX_SIZE = 1 << 30
MAX_EVENTS = 100_000

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# A second copy of these would break the framing that the server itself decides.
_FRAMING = frozenset(
    {"connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)

Query = Mapping[str, Sequence[str]]
N = TypeVar("N", int, float)


class ControlError(ValueError):
    """A control the server refuses; its text is the answer to the caller."""


@dataclass(frozen=True, slots=True)
class Controls:
    """The answer as asked for; the defaults are the plain answer."""

    status: int = 200
    delay: float = 0.0
    size: int | None = None
    sse: int | None = None
    every: float = 0.05
    stream: bool = False
    trailers: bool = False
    headers: tuple[tuple[bytes, bytes], ...] = ()


PLAIN = Controls()


def parse(query: bytes) -> Controls:
    """The controls in a raw query; names that are no control are left alone."""
    if not query:
        return PLAIN
    asked: Query = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    controls = Controls(
        status=_number(asked, "status", int, 200, 599) or PLAIN.status,
        delay=_number(asked, "delay", float, 0.0, MAX_DELAY) or PLAIN.delay,
        size=_number(asked, "size", int, 0, MAX_SIZE),
        sse=_number(asked, "sse", int, 0, MAX_EVENTS),
        every=_every(asked),
        stream=asked.get("body", [""])[-1] == "stream",
        trailers=asked.get("trailers", [""])[-1] == "1",
        headers=tuple(_header(text) for text in asked.get("header", ())),
    )
    _refuse_two_bodies(controls)
    return controls


def _number(asked: Query, name: str, kind: Callable[[str], N], low: N, high: N) -> N | None:
    if name not in asked:
        return None
    text = asked[name][-1]
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not low <= value <= high:
        raise ControlError(f"{name}={text}: give a number from {low} to {high}")
    return value


def _every(asked: Query) -> float:
    every = _number(asked, "every", float, 0.0, MAX_DELAY)
    return PLAIN.every if every is None else every


def _header(text: str) -> tuple[bytes, bytes]:
    name, colon, value = text.partition(":")
    name, value = name.strip().lower(), value.strip()
    if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
        raise ControlError(f"header={text!r}: give Name:Value")
    if name in _FRAMING:
        raise ControlError(f"header={text!r}: {name} belongs to the framing of the answer and is set by the server")
    return name.encode(), value.encode("latin-1")


def _refuse_two_bodies(controls: Controls) -> None:
    if (controls.size is not None) + (controls.sse is not None) + controls.stream > 1:
        raise ControlError("size, sse and body=stream each decide the body: give one of them")
