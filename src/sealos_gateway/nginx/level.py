"""One block of configuration as it was read: what is done in order, and what holds whatever the order."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from sealos_gateway.model.statements import Tuning
from sealos_gateway.nginx import conditions, headers
from sealos_gateway.nginx.lexer import Position, Word


class Mistake(NamedTuple):
    """Something that is not understood: where, and what to write instead."""

    at: Position
    message: str

    def __str__(self) -> str:
        return f"{self.at}: {self.message}"


class Set(NamedTuple):
    name: str
    value: Word


class Return(NamedTuple):
    """A status with a text, or with a URL where it is a redirect."""

    at: Position
    status: int
    value: Word | None
    redirect: bool


class Rewrite(NamedTuple):
    """`flag` is empty, `last`, `break`, `redirect` or `permanent`."""

    at: Position
    regex: Word
    replacement: Word
    flag: str


class Break(NamedTuple):
    at: Position


class If(NamedTuple):
    at: Position
    test: conditions.Test
    body: Level


Step = Set | Return | Rewrite | Break | If


class AccessRule(NamedTuple):
    """`network` is a CIDR, or empty for every address. The first rule that covers the client decides."""

    allow: bool
    network: str


class Level(msgspec.Struct, frozen=True, gc=False):
    """A server, a location, or an `if`. Values are still words. `expires` None: it says nothing about it."""

    steps: tuple[Step, ...] = ()
    added: tuple[headers.Change, ...] = ()  # add_header
    expires: tuple[headers.Change, ...] | None = None
    hidden: tuple[headers.Change, ...] = ()  # proxy_hide_header
    more: tuple[headers.Change, ...] = ()  # more_…_headers
    to_backend: tuple[headers.Change, ...] = ()  # proxy_set_header
    access: tuple[AccessRule, ...] = ()
    tuning: Tuning = Tuning()
    default_type: str = ""
