"""One client's stream as a value machine: requests in, responses out, no I/O.

A stream is one `Subscription` per type plus the order between them, make before break:

* an upsert goes out only when its revision is with the client for every earlier type, so a route never precedes its
  cluster;
* a removal of a type in `break_last` goes out only when every later type is past it, so a cluster never goes before
  the routes that name it;
* a row with companions (`Presentation.companions`: the backend that gets copies of requests, the service that is asked
  for permission) goes out only when they are with the client, who gets them without asking;
* a type that follows another (`follows={CDS: EDS}`) is the exception: Envoy keeps a new cluster warming, and may keep
  back its acknowledgement, until the cluster's endpoints have arrived *after* it. So the follower does not wait for the
  leader's ACK but only until the same-named row of the leader is on the wire, and is then sent again.

`pieces` bounds the resources in one response, type by type; it is read for each, so a change in it holds from the next
one on. `most` bounds the names a client may hold by asking for them, type by type: the oldest is taken away again.

Upserts wait only for upserts of earlier types and removals only for later types, so there is no circle to wait in.
Pure. Which types there are and what they mean is told by whoever builds the stream.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sealos_gateway.xds.messages import Event, Presentation, Request, Response
from sealos_gateway.xds.snapshot import Snapshot
from sealos_gateway.xds.subscription import UNGATED, Subscription

PIECE = 1000  # most resources in one response, unless told otherwise


class Progress(NamedTuple):
    """How far a client is with one type."""

    acked: int
    subscribed: int
    held: int
    busy: bool


class Stream:
    """See the text of this module."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        follows: Mapping[str, str] | None = None,
        break_last: frozenset[str] = frozenset(),
        pieces: Mapping[str, int] | None = None,
        hooks: Presentation | None = None,
        hot: Mapping[str, frozenset[str]] | None = None,
        most: Mapping[str, int] | None = None,
    ) -> None:
        self._snapshot, self._hooks, self._break_last = snapshot, hooks, break_last
        self._order = {type_: place for place, type_ in enumerate(snapshot.types)}
        self._follower = dict(follows or {})
        self._leader = {follower: leader for leader, follower in self._follower.items()}
        self._pieces: Mapping[str, int] = pieces if pieces is not None else {}
        self._hot, self._most = dict(hot or {}), dict(most or {})
        self._subscriptions: dict[str, Subscription] = {}  # in order
        self._events: list[Event] = []
        self._nonces = 0
        self._pinned = False

    def receive(self, request: Request) -> None:
        """Take what the client says: an answer to the response in flight, a change of subscription, or both."""
        subscription = self._subscriptions.get(request.type)
        if subscription is None:
            self._open(request)
            return
        flight = subscription.flight
        # Any other nonce answers something older (or nothing); its lists count all the same.
        if flight is not None and request.nonce == flight.nonce:
            self._events += subscription.answer(request.error)
        if request.subscribe or request.unsubscribe:
            subscription.update(request, floor=self._with_client(request.type))

    def next_response(self) -> Response | None:
        """What to send now; None when everything is sent or waits for an answer. Call it until it returns None."""
        self.catch_up()
        self._pinned = True
        while self._pinned:  # companions belong to earlier types, which had their turn already
            self._pinned = False
            if (response := self._next_response()) is not None:
                return response
        return None

    def _next_response(self) -> Response | None:
        made: dict[str, int] = {}
        for type_, subscription in self._subscriptions.items():
            if subscription.busy and subscription.flight is None:
                earlier = (revision for other, revision in made.items() if other != self._leader.get(type_))
                if (response := self._respond(subscription, min(earlier, default=UNGATED))) is not None:
                    return response
            made[type_] = subscription.made
        return None

    def catch_up(self) -> None:
        """Note all committed changes; after this no tombstone is needed for this stream."""
        for subscription in self._subscriptions.values():
            subscription.catch_up()

    def take_events(self) -> list[Event]:
        """What the client accepted and refused since the last call."""
        events, self._events = self._events, []
        return events

    def progress(self) -> dict[str, Progress]:
        """How far the client is, type by type."""
        return {
            type_: Progress(one.done, len(one.interest.names), len(one.held), one.busy)
            for type_, one in self._subscriptions.items()
        }

    def subscribed(self, type_: str) -> tuple[str, ...]:
        """The names subscribed one by one, newest last."""
        subscription = self._subscriptions.get(type_)
        return tuple(subscription.interest.names) if subscription else ()

    def settled(self, revision: int) -> bool:
        """Whether the client has everything up to a revision, and nothing is under way or owed."""
        subscriptions = self._subscriptions.values()
        return bool(subscriptions) and all(not one.busy and one.done >= revision for one in subscriptions)

    def _open(self, request: Request) -> None:
        hot = self._hot.get(request.type, frozenset())
        subscription = Subscription(
            self._snapshot, request.type, self._hooks, hot, self._most.get(request.type, UNGATED)
        )
        opened = {**self._subscriptions, request.type: subscription}
        # A type nobody knows is answered too ("there is nothing"), after all others.
        self._subscriptions = dict(sorted(opened.items(), key=lambda item: self._order.get(item[0], UNGATED)))
        subscription.open(request)

    def _with_client(self, type_: str) -> int:
        """What the client has of a type and of all before it."""
        upto = [*self._subscriptions].index(type_) + 1
        return min(one.made for one in [*self._subscriptions.values()][:upto])

    def _respond(self, subscription: Subscription, limit: int) -> Response | None:
        nonce = str(self._nonces + 1)
        piece = self._pieces.get(subscription.type, PIECE)
        last = self._breakable(subscription.type)
        collected = subscription.collect(
            nonce, piece, limit, last, lambda name, body: self._waits(subscription.type, name, body)
        )
        if collected is None:
            return None
        self._nonces += 1
        resources, removed = collected
        self._follow(subscription.type, [resource.name for resource in resources])
        return Response(subscription.type, nonce, resources, removed)

    def _breakable(self, type_: str) -> int:
        """Removals of this type may go up to this revision."""
        if type_ not in self._break_last:
            return UNGATED
        later = [*self._subscriptions][[*self._subscriptions].index(type_) + 1 :]
        done = (self._subscriptions[other].done for other in later if other not in self._break_last)
        return min(done, default=UNGATED)

    def _waits(self, type_: str, name: str, body: bytes | None) -> bool:
        """Whether others must go first: companions that the bytes name, or the same-named row of the leader."""
        if body is not None:
            return self._misses_companions(type_, body)
        # A leader's row that is in flight has gone.
        leader = self._subscriptions.get(self._leader.get(type_, ""))
        if leader is None or name not in leader.owed:
            return False
        return leader.flight is None or name not in leader.flight.sent

    def _misses_companions(self, type_: str, body: bytes) -> bool:
        missing = False
        for other, name in self._hooks.companions(type_, body) if self._hooks else ():
            subscription = self._subscriptions.get(other)
            if subscription is None:
                continue
            known = name in subscription.interest.pinned
            subscription.pin(name)
            self._pinned = self._pinned or not known
            missing = missing or subscription.under_way(name) or self._follower_misses(subscription, name)
        return missing

    def _follower_misses(self, leader: Subscription, name: str) -> bool:
        """Whether what completes this row (the endpoints of a cluster) is there and not yet with the client."""
        follower = self._subscriptions.get(self._follower.get(leader.type, ""))
        if name not in leader.held:
            return False
        row = self._snapshot.peek(self._follower.get(leader.type, ""), name)
        if row is None or not row.alive:
            return False
        own = self._snapshot.row(leader.type, name)
        if (
            own is not None
            and isinstance(own.body, bytes)
            and self._hooks
            and not self._hooks.followed(leader.type, own.body)
        ):
            return False  # it will never be asked for, and whoever waits would wait for ever
        return follower is None or name not in follower.held or follower.under_way(name)

    def _follow(self, type_: str, names: list[str]) -> None:
        """Send the followers of these names again, if the client already has them."""
        follower = self._subscriptions.get(self._follower.get(type_, ""))
        if follower is None:
            return
        for name in names:
            known = name in follower.interest.names or name in follower.held
            if known and follower.interest.newest(name):
                follower.ask(name, floor=UNGATED)
