"""What is handed on of one port, connections or datagrams: which server name, or which port, goes where.

A connection belongs to the listener with the most specific hostname that takes its server name, as requests do
(`hosts`); of several routes for one name the one with the most
precise hostname has it, of equal ones the oldest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from sealos_gateway.model.gateway_listener import Chain, Stream, StreamTarget
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.translate.gateway_api import backends, hostnames
from sealos_gateway.translate.gateway_api.listeners import UDP
from sealos_gateway.translate.gateway_api.places import Placed

_UNREAD = ("TCP", UDP)
#: A server name that a route claims, and where its connections go.
Claimed = tuple[str, tuple[StreamTarget, ...]]


def chain(row: Placed) -> Chain:
    """How TLS ends at a listener."""
    return Chain(row.hostname, row.certificates, row.authorities, row.optional, row.parameters)


def streams(rows: Sequence[Placed], claimed: Callable[[Placed], Sequence[Claimed]]) -> tuple[Stream, ...]:
    """Of all listeners at one place. Where something else is read, a listener that reads nothing has no connections."""
    if all(row.protocol in _UNREAD for row in rows):
        first = next((targets for row in rows for _, targets in claimed(row)), ())
        return (Stream("", _towards(first, backends.as_it_is)),)
    by_hostname = {row.hostname: row for row in reversed(rows) if row.tls or row.protocol == "TLS"}
    found: dict[str, Stream] = {}
    for row in by_hostname.values():
        if row.protocol != "TLS":
            continue
        tls = chain(row) if row.tls else None
        changed = _ended(row) if row.tls else backends.as_it_is
        for name, targets in claimed(row):
            owner = next((it for it in hostnames.above(name) if it in by_hostname), None)
            if owner == row.hostname:
                found.setdefault(name, Stream(name, _towards(targets, changed), tls))
        # A name without a route is nobody's, and not that of a wider listener.
        found.setdefault(row.hostname, Stream(row.hostname, (), tls))
    return tuple(found[name] for name in sorted(found))


def _ended(row: Placed) -> Callable[[BackendKey], BackendKey]:
    """Where TLS ends, backends are spoken to as those of requests are: by TLS of our own where a policy asks for it."""
    shows = row.shows
    return (lambda key: backends.showing(key, shows)) if shows is not None else lambda key: key


def _towards(
    targets: tuple[StreamTarget, ...], changed: Callable[[BackendKey], BackendKey]
) -> tuple[StreamTarget, ...]:
    return tuple(msgspec.structs.replace(it, backend=changed(it.backend)) if it.backend else it for it in targets)
