"""Listeners of Ingresses: those that settings ask for, with the server names that need TLS of their own.

```
wanted        the listeners that settings ask for                                                     Table
side_by_side  the names that have an RSA and an ECDSA certificate                                     Index
own_tls       gateway → the hosts with client certificates, versions, ciphers or passthrough          Index
listeners     over wanted                                                                             Derived
```
"""

from __future__ import annotations

from dataclasses import dataclass

from sealos_gateway.live import Derived, Graph, Index, Read, Rows, Table
from sealos_gateway.model.client_tls import OwnContext
from sealos_gateway.model.keys import HostKey
from sealos_gateway.model.traffic import Listener, VirtualHost
from sealos_gateway.model.upstream import Certificate

#: A listener with the server names that need a TLS context of their own, and the algorithms of each.
ListenerRow = tuple[Listener, tuple[OwnContext, ...]]


@dataclass(frozen=True)
class ListenerTables:
    """See the text of this module."""

    wanted: Table[str, Listener]
    listeners: Derived[str, ListenerRow]


def listener_tables(
    graph: Graph, certificates: Rows[str, Certificate], hosts: Rows[HostKey, VirtualHost]
) -> ListenerTables:
    """The listeners, with what `certificates` and `hosts` ask of TLS."""
    wanted: Table[str, Listener] = Table(graph, "wanted_listeners")
    side_by_side: Index[str, str] = Index(graph, "side_by_side", _side_by_side, certificates)
    own_tls: Index[str, HostKey] = Index(graph, "own_tls", _own_tls, hosts)

    def row(name: str, read: Read) -> ListenerRow | None:
        listener = read(wanted, name)
        if listener is None:
            return None
        return listener, _contexts(listener, read) if listener.tls else ()

    def _contexts(listener: Listener, read: Read) -> tuple[OwnContext, ...]:
        own = {key.host: key for key in read(own_tls, listener.gateway) or ()}
        found = []
        for name in sorted({*(read(side_by_side, "all") or ()), *own}):
            pairs = row.pairs if (row := read(certificates, name)) else ()
            host = read(hosts, own[name]) if name in own else None
            algorithms = tuple(pair.algorithm for pair in pairs) if len(pairs) > 1 else ()
            if algorithms or host is not None:
                found.append(OwnContext(name, algorithms, host.client_tls if host else None))
        return tuple(found)

    return ListenerTables(wanted, Derived(graph, "listeners", row, wanted))


def _side_by_side(row: Certificate) -> tuple[str, ...]:
    # Exact names only: a filter chain for a wildcard would take the handshakes of every host below it, also of those
    # with a certificate of their own, and none can be for `*`. There the first pair alone answers.
    return ("all",) if len(row.pairs) > 1 and "*" not in row.pattern else ()


def _own_tls(row: VirtualHost) -> tuple[str, ...]:
    return (row.key.gateway,) if row.client_tls is not None else ()
