"""Which certificate a client of a host is shown, of Ingresses and of Gateways, and why none is.

A part of `explain`: reads the tables of a settled pipeline and returns words. Looks at all listeners: it is for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from sealos_gateway.model.keys import HostKey
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate.gateway_api import hostnames
from sealos_gateway.translate.gateway_api.listeners import ACCEPTED, CONFLICTED, RESOLVED, ListenerRow
from sealos_gateway.translate.gateway_api.references import TERMINATE


def of_ingresses(name: str, pipeline: Pipeline) -> str:
    """Of a host on the HTTPS port of Ingresses."""
    parent = name.partition(".")[2]
    for pattern in (name, f"*.{parent}", "*"):
        row = pipeline.certificates.get(pattern)
        if row and row.pairs:
            pairs = ", ".join(f"Secret {p.name} ({p.algorithm}, until {p.not_after[:10]})" for p in row.pairs)
            return f"{pattern}: {pairs}"
    return f"none covers {name}: the handshake is refused"


def of_place(name: str, place: str, pipeline: Pipeline) -> str:
    """Of a host on a port of Gateways: the listener whose hostname takes the server name, the most specific one."""
    for pattern in hostnames.above(name):
        row = pipeline.routes.tls.hosts.get(HostKey(place, pattern))
        if row is not None:
            return named(pattern, row.chain.certificates, pipeline)
    return f"none: no listener there ends TLS for {name}"


def named(pattern: str, secrets: Iterable[Ref], pipeline: Pipeline) -> str:
    """The Secrets of one hostname as they are shown, and which of them have gone bad."""
    return f"{pattern}: {', '.join(_named(secret, pipeline) for secret in secrets)}"


def _named(secret: Ref, pipeline: Pipeline) -> str:
    row = pipeline.pairs.get(secret)
    if row is None or row.pair is None:
        return f"Secret {secret} (cannot be used)"
    bad = f"; {row.told}" if row.error else ""
    return f"Secret {secret} ({row.pair.algorithm}, until {row.pair.not_after[:10]}{bad})"


def refused(name: str, port: int, pipeline: Pipeline) -> Iterator[str]:
    """Listeners of Gateways that are for the host, on that port or with a hostname that says so, and do not serve it,
    or not with all their certificates; each with its reasons."""
    tables = (pipeline.gateway_api.listeners, pipeline.gateway_api.set_listeners)
    for row in chain.from_iterable(rows for table in tables for rows in table.rows.values()):
        if not hostnames.covers(row.hostname or hostnames.ANY, name) or not (row.hostname or row.port == port):
            continue
        if why := _why(row):
            yield f"{row.owner} listener {row.name} (port {row.port}): {'; '.join(why)}"


def _why(row: ListenerRow) -> list[str]:
    """What keeps it from being served, and what is wrong with what it shows."""
    conditions = (ACCEPTED, CONFLICTED, RESOLVED) if row.mode == TERMINATE else (ACCEPTED, CONFLICTED)
    return [flaw.message for flaw in row.flaws if flaw.condition in conditions]
