"""The requests that tell two configurations of a host apart: made from the routes of both sides.

For each path of a route: itself, with a slash, with letters behind it, with an element behind it. For each condition:
a request that fulfils it. Both schemes. They are enough for what routes look at, and they are few.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sealos_gateway.migrate.samples import sample
from sealos_gateway.model.traffic import Conditions, Match, PathKind, Route, TextKind, TextMatch

#: A label that nobody has, for wildcards and for any host.
_STRANGER = "sgw-diff"
#: More would be a host that no person reads a report about.
MOST = 4_000


class Ask(NamedTuple):
    """One request. `headers` are (lower-case name, value)."""

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        sent = "".join(f" {name}: {value}" for name, value in self.headers if name != "x-forwarded-proto")
        return f"{self.method} {self.url}{sent}"


class _Extra(NamedTuple):
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    path: str = ""
    query: str = ""


def requests(host: str, routes: Iterable[Route]) -> list[Ask]:
    """The requests for a host of the configuration (`a.com`, `*.a.com`, `*`), each once."""
    name = {"*": f"{_STRANGER}.invalid"}.get(host, host.replace("*", _STRANGER, 1))
    found: dict[Ask, None] = {}
    every = list(routes)
    paths = list(dict.fromkeys(path for route in every for path in _paths(route.match)))
    extras = list(dict.fromkeys(extra for route in every for extra in _extras(route.match.conditions)))
    for path in dict.fromkeys(("/", *paths, f"/{_STRANGER}")):
        for extra, scheme in itertools.product((_Extra(), *extras), ("http", "https")):
            where = extra.path or path
            url = f"{scheme}://{name}{where}{'?' if extra.query else ''}{extra.query}"
            found[Ask(url, extra.method, (*extra.headers, ("x-forwarded-proto", scheme)))] = None
            if len(found) >= MOST:
                return list(found)
    return list(found)


def _paths(match: Match) -> Iterator[str]:
    path = match.path
    if match.kind is PathKind.REGEX:
        text = sample(path)
        if text is None or not text.startswith("/"):
            return
        path = text
    yield path
    bare = path.rstrip("/")
    yield from (f"{bare}/", f"{bare}/x", f"{bare}bar" if bare else "/bar")
    if match.kind is PathKind.REGEX or match.ignore_case:
        yield path.swapcase()


def _extras(conditions: Conditions) -> Iterator[_Extra]:
    """Requests that fulfil the conditions: all together, which is what a route asks for."""
    method = conditions.methods[0] if conditions.methods else "GET"
    headers: list[tuple[str, str]] = []
    path = ""
    queries: list[str] = []
    for one in conditions.headers:
        value = _value(one)
        if value is None:
            continue
        if one.name == ":method":
            method = value
        elif one.name == ":path":
            path = value if value.startswith("/") else f"/{value}"
        elif one.name == "x-forwarded-proto" or one.name.startswith(":"):
            continue  # both schemes are asked anyway; the host is the host
        else:
            headers.append((one.name, value))
    queries += [f"{one.name}={value}" for one in conditions.queries if (value := _value(one)) is not None]
    cookies = [f"{one.name}={value}" for one in conditions.cookies if (value := _value(one)) is not None]
    if cookies:
        headers.append(("cookie", "; ".join(cookies)))
    path, _, query = path.partition("?")
    found = _Extra(method, tuple(headers), path, "&".join([*([query] if query else []), *queries]))
    if found != _Extra():
        yield found


def _value(wanted: TextMatch) -> str | None:
    """A value that fulfils the condition; for an inverted one, a value that does not (its absence fulfils it)."""
    match wanted.kind:
        case TextKind.EXACT | TextKind.PREFIX:
            return wanted.value or None
        case TextKind.REGEX:
            return sample(wanted.value)
    return "x"
