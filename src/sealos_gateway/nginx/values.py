"""Numbers, times, sizes and switches as nginx writes them.

Source: `ngx_parse_time`, `ngx_parse_size`, `ngx_parse_offset` of nginx (src/core/ngx_parse.c).
"""

from __future__ import annotations

import re

from sealos_gateway.nginx.lexer import NginxError, Word

_SECONDS = {"y": 365 * 86400, "M": 30 * 86400, "w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
_ORDER = tuple(_SECONDS)
_TIME = re.compile(r"([0-9]{1,12})(ms|[yMwdhms]?)", re.ASCII)
_SIZE = re.compile(r"([0-9]{1,15})([kKmMgG]?)", re.ASCII)
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def seconds(word: Word) -> float:
    """A time such as `60`, `1m30s`, `500ms`, units from the largest to the smallest. Raises NginxError."""
    total, last = 0.0, -1
    compact = word.text.replace(" ", "")
    found = list(_TIME.finditer(compact))
    if not found or "".join(one.group() for one in found) != compact:
        raise NginxError(word.at, f"{word.text[:40]!r} is no time; write 60s, 5m or 1h30m")
    for number, unit in (one.groups() for one in found):
        rank = _ORDER.index(unit or "s")
        if rank <= last:
            raise NginxError(word.at, f"{word.text[:40]!r} is no time: units come from the largest to the smallest")
        last = rank
        total += int(number) * _SECONDS[unit or "s"]
    return total


def size(word: Word) -> int:
    """A size in bytes such as `1024`, `64k`, `10m`, `1g`. Raises NginxError."""
    found = _SIZE.fullmatch(word.text)
    if found is None:
        raise NginxError(word.at, f"{word.text[:40]!r} is no size; write 64k, 10m or 1g")
    return int(found[1]) * _BYTES[found[2].lower()]


def switch(word: Word) -> bool:
    """`on` or `off`. Raises NginxError."""
    if word.text not in ("on", "off"):
        raise NginxError(word.at, f"{word.text[:40]!r} is neither on nor off")
    return word.text == "on"


def number(word: Word, least: int, most: int, what: str) -> int:
    """A whole number between `least` and `most`. Raises NginxError."""
    text = word.text
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
        raise NginxError(word.at, f"{text[:40]!r} is no {what}; write a number from {least} to {most}")
    return int(text)
