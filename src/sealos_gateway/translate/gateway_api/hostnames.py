"""Hostnames of listeners and routes: what two have in common, and what stands above a name.

Unlike in Ingress, `*.example.com` stands for one label and for several (Gateway API, `Hostname`); it is never
`example.com` itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

ANY = "*"
#: The breadth of any host: names are not that long.
WIDEST: Final = 1000


def common(listener: str, route: str) -> str | None:
    """The more specific of two hostnames (empty or `*` is any host) where they overlap; None where they do not."""
    one, other = listener or ANY, route or ANY
    if one == other or other == ANY:
        return one
    if one == ANY or (one.startswith("*.") and covers(one, other)):
        return other
    return one if other.startswith("*.") and covers(other, one) else None


def covers(pattern: str, name: str) -> bool:
    """Whether a wildcard (`*`, `*.example.com`) takes a name or a narrower wildcard."""
    if pattern in (ANY, name):
        return True
    return pattern.startswith("*.") and name.endswith(pattern[1:]) and len(name) > len(pattern[1:])


def above(name: str) -> Iterator[str]:
    """The name itself, then the wildcards above it, the most specific first, then any host."""
    yield name
    rest = name.removeprefix("*.")
    while "." in rest:
        rest = rest.partition(".")[2]
        if f"*.{rest}" != name:
            yield f"*.{rest}"
    if name != ANY:
        yield ANY


def breadth(name: str) -> int:
    """How little a hostname says: 0 for a whole name, more for a wildcard the shorter it is, most for any host."""
    if name in ("", ANY):
        return WIDEST
    return WIDEST - len(name) if name.startswith("*.") else 0
