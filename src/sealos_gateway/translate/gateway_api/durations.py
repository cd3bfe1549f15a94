"""Durations of the Gateway API (GEP-2257): `1h`, `1m30s`, `500ms`."""

from __future__ import annotations

import re

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"([0-9]{1,5})(h|ms|m|s)")
_WHOLE = re.compile(r"([0-9]{1,5}(h|m|s|ms)){1,4}")


def seconds(text: str) -> float | None:
    """The duration in seconds; None for what is none."""
    if not _WHOLE.fullmatch(text):
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))
