"""Who is connected, what each client has acknowledged, and which resources were refused.

A plain object that reads the live streams, so it is never out of step with them; the server tells it of connections and
of refusals. What it remembers of a client that went away is only what that client had asked for by name, newest last:
the hot set of its next connection. No asyncio and no Envoy meaning here.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

from sealos_gateway.xds.messages import Acked, Event, Rejected
from sealos_gateway.xds.snapshot import Mark, Snapshot
from sealos_gateway.xds.stream import Progress


class Rejection(NamedTuple):
    """A resource that does not work: refused by a client, or not rendered at all (then the version is empty)."""

    type: str
    name: str
    version: str
    message: str
    node: str


class Client(Protocol):
    """What is asked of a stream: that of an Envoy, or that of a relay which speaks for its Envoy."""

    def progress(self) -> dict[str, Progress]: ...

    def subscribed(self, type_: str) -> tuple[str, ...]: ...

    def settled(self, revision: int) -> bool: ...


class Connection:
    """One stream of one node, from its first request to its end."""

    def __init__(self, node: str, since: int, stream: Client) -> None:
        self.node, self.since = node, since
        self.stream = stream
        self.last_rejection: dict[str, Rejected] = {}


class NodeView(NamedTuple):
    """What the console shows of a node."""

    node: str
    connected: bool
    since: int
    types: dict[str, Progress]
    last_rejection: dict[str, Rejected]


class Fleet:
    """See the text of this module. `remember` bounds the nodes that are kept after they disconnect."""

    def __init__(self, remember: int = 100) -> None:
        self._remember = remember
        self._connections: dict[str, list[Connection]] = {}
        self._gone: dict[str, NodeView] = {}  # oldest first
        self._asked: dict[str, dict[str, tuple[str, ...]]] = {}
        self._rejections: dict[tuple[str, str], dict[str, Rejection]] = {}  # by node; the oldest first
        self._callbacks: list[Callable[[], None]] = []

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call back whenever the list of rejections changes, or one of those who refuse something is gone."""
        self._callbacks.append(callback)

    # What the server tells

    def connect(self, node: str, stream: Client, revision: int) -> Connection:
        connection = Connection(node, revision, stream)
        self._connections.setdefault(node, []).append(connection)
        self._gone.pop(node, None)
        return connection

    def disconnect(self, connection: Connection) -> None:
        """Forget a connection; if it was the node's last one, remember what it had asked for."""
        left = self._connections.get(connection.node, [])
        if connection not in left:
            return
        left.remove(connection)
        if left:
            return
        del self._connections[connection.node]
        types = connection.stream.progress()
        asked = {type_: connection.stream.subscribed(type_) for type_ in types}
        self._asked[connection.node] = {**self._asked.get(connection.node, {}), **asked}
        self._gone[connection.node] = NodeView(
            connection.node, False, connection.since, types, connection.last_rejection
        )
        while len(self._gone) > self._remember:
            oldest = next(iter(self._gone))
            del self._gone[oldest]
            self._asked.pop(oldest, None)
        if any(connection.node in by_node for by_node in self._rejections.values()):
            self._tell()

    def record(self, connection: Connection, events: Iterable[Event]) -> None:
        """Take what a client accepted and refused."""
        for event in events:
            if isinstance(event, Acked):
                for name, version in event.rows:
                    known = self._rejections.get((event.type, name), {}).get(connection.node)
                    if known and known.version == version:
                        self._settle(event.type, name, connection.node, None)
            else:
                connection.last_rejection[event.type] = event
                rejection = Rejection(event.type, event.name, event.version, event.message, connection.node)
                if event.name:
                    self._settle(event.type, event.name, connection.node, rejection)

    def unrendered(self, type_: str, name: str, error: str | None) -> None:
        """A row could not be rendered, or can be again."""
        self._settle(type_, name, "", Rejection(type_, name, "", error, "") if error is not None else None)

    def recheck(self, snapshot: Snapshot) -> None:
        """Forget rejections of rows that are no longer what was refused. Costs the number of rejections."""
        for (type_, name), by_node in [*self._rejections.items()]:
            row = snapshot.peek(type_, name)
            rendered = row is not None and not isinstance(row.body, Mark)
            for node, rejection in [*by_node.items()]:
                if row is None or (rendered and row.version != rejection.version):
                    self._settle(type_, name, node, None)

    def _settle(self, type_: str, name: str, node: str, rejection: Rejection | None) -> None:
        by_node = self._rejections.setdefault((type_, name), {})
        before = by_node.pop(node, None)
        if rejection is not None:
            by_node[node] = rejection
        if not by_node:
            del self._rejections[type_, name]
        if before != rejection:
            self._tell()

    def _tell(self) -> None:
        for callback in self._callbacks:
            callback()

    # What others ask

    def nodes(self) -> Iterator[NodeView]:
        """Every connection, then the nodes remembered from before."""
        for connections in self._connections.values():
            for one in connections:
                yield NodeView(one.node, True, one.since, one.stream.progress(), one.last_rejection)
        yield from self._gone.values()

    def rejections(self) -> tuple[Rejection, ...]:
        """What does not work now, oldest first; once for each resource, whoever else refuses it."""
        return tuple(next(iter(by_node.values())) for by_node in self._rejections.values())

    def refused(self, type_: str) -> Iterator[Rejection]:
        """What a node that is connected refuses of a type; once for each resource."""
        for (of_type, _), by_node in self._rejections.items():
            if of_type == type_ and (
                found := next((it for it in by_node.values() if it.node in self._connections), None)
            ):
                yield found

    def subscribed(self, node: str, type_: str) -> tuple[str, ...]:
        """The names a node asks for, newest last; after it disconnected, those it last asked for."""
        for connection in reversed(self._connections.get(node, [])):
            if names := connection.stream.subscribed(type_):
                return names
        return self._asked.get(node, {}).get(type_, ())

    def all_acked(self, revision: int) -> bool:
        """Whether somebody is connected that has everything up to a revision, with nothing under way or owed."""
        return any(one.stream.settled(revision) for connections in self._connections.values() for one in connections)
