"""Whatever happens to the rows and whatever the client says, in the end it has what it should have.

The model client behaves as Envoy does: it takes the good part of a response, refuses the whole when any part is bad,
keeps what it had of a bad resource, and may answer late, leave, ask again or reconnect with what it holds. A body
that starts with "bad" is refused by every client. Verdicts reach the snapshot as the server would bring them.
"""

from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from sealos_gateway.xds import messages
from sealos_gateway.xds.messages import Acked, Request, Response
from sealos_gateway.xds.snapshot import Snapshot
from sealos_gateway.xds.stream import Stream

C, E, R = TYPES = ("CDS", "EDS", "RDS")
WILDCARD = (C, R)
NAMES = ("a", "b", "c", "d")
BODIES = ("1", "2", "3", "bad1", "bad2")
HOT = {C: frozenset({"b"}), R: frozenset({"b"})}


class Presented(messages.AsIs):
    """Endpoints of x may be answered by those of d; each is stamped with the name asked for."""

    def candidates(self, type_: str, name: str) -> tuple[str, ...]:
        return (name, "d") if type_ == E and name != "d" else (name,)

    def present(self, type_: str, name: str, row_name: str, body: bytes, hot: bool) -> bytes:
        return body + b"|" + name.encode() + (b"|hot" if hot else b"")


class Client:
    """An Envoy: what it wants and what it has, type by type."""

    def __init__(self) -> None:
        self.state: dict[str, dict[str, tuple[str, bytes]]] = {type_: {} for type_ in TYPES}
        self.names: dict[str, dict[str, None]] = {type_: {} for type_ in TYPES}
        self.unanswered: list[Response] = []
        self.told: dict[str, set[str]] = {type_: set() for type_ in TYPES}

    def first_requests(self) -> list[Request]:
        requests = []
        for type_ in TYPES:
            names = tuple(self.names[type_])
            if type_ in WILDCARD:
                names = ("*", *names) if names else ()
            held = {name: version for name, (version, _) in self.state[type_].items()}
            requests.append(Request(type_, subscribe=names, initial_versions=held))
        return [request for request in requests if request.subscribe or request.type in WILDCARD]

    def take(self, response: Response) -> Request:
        state, error = self.state[response.type], None
        for name, version, body in response.resources:
            assert name in self.names[response.type] or response.type in WILDCARD or name in self.told[response.type]
            if body.startswith(b"bad"):
                error = f"{name} is bad"
            elif response.type in WILDCARD or name in self.names[response.type]:
                state[name] = (version, body)
        for name in response.removed:
            assert name in state or name in self.told[response.type], "removed what the client never heard of"
            state.pop(name, None)
        return Request(response.type, nonce=response.nonce, error=error)


class World:
    """The snapshot, one client and the stream between them."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.snapshot = Snapshot(TYPES, {R: self.render})
        self.lazy: set[tuple[str, str]] = set()
        self.client = Client()
        self.sent = 0
        self.connect()

    def render(self, name: str) -> bytes:
        return self.bodies[name]

    def connect(self) -> None:
        self.client.unanswered = []
        self.stream = Stream(
            self.snapshot,
            follows={C: E},
            break_last=frozenset({C, E}),
            pieces=dict.fromkeys(TYPES, 2),
            hooks=Presented(),
            hot=HOT,
        )
        for request in self.client.first_requests():
            self.receive(request)

    def receive(self, request: Request) -> None:
        self.client.told[request.type].update(request.subscribe, request.unsubscribe)
        self.stream.receive(request)
        for event in self.stream.take_events():
            if isinstance(event, Acked):
                for name, version in event.rows:
                    self.snapshot.accept(event.type, name, version)
            else:
                self.snapshot.reject(event.type, event.name, event.version)

    def pull(self) -> bool:
        response = self.stream.next_response()
        if response is None:
            return False
        assert response.type not in {other.type for other in self.client.unanswered}, "two in flight"
        assert len(response.resources) + len(response.removed) <= 2
        self.client.unanswered.append(response)
        self.sent += 1
        return True

    def answer(self, which: int) -> None:
        if self.client.unanswered:
            response = self.client.unanswered.pop(which % len(self.client.unanswered))
            self.receive(self.client.take(response))

    def subscribe(self, type_: str, name: str) -> None:
        self.client.names[type_].pop(name, None)
        first = type_ not in self.stream.progress()
        self.client.names[type_][name] = None
        held = {name: self.client.state[type_][name][0]} if first and name in self.client.state[type_] else {}
        self.receive(Request(type_, subscribe=(name,), initial_versions=held))

    def unsubscribe(self, type_: str, name: str) -> None:
        if name in self.client.names[type_]:
            del self.client.names[type_][name]
            if type_ not in WILDCARD:
                self.client.state[type_].pop(name, None)
            self.receive(Request(type_, unsubscribe=(name,)))

    def commit(self, wake: bool) -> None:
        self.snapshot.commit()
        if wake:
            self.stream.catch_up()
            self.snapshot.sweep(self.snapshot.revision)

    def apply(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("put", type_, name, body, lazy):
                self.snapshot.put(type_, name, body.encode(), lazy=lazy)
            case ("touch", name, body, lazy):
                self.bodies[name] = body.encode()
                self.snapshot.touch(R, name, lazy=lazy)
            case ("unrenderable", name):
                self.bodies.pop(name, None)
                self.snapshot.touch(R, name)
            case ("drop", type_, name):
                self.snapshot.drop(type_, name)
            case ("commit", wake):
                self.commit(wake)
            case ("pull",):
                self.pull()
            case ("answer", which):
                self.answer(which)
            case ("subscribe", type_, name):
                self.subscribe(type_, name)
            case ("unsubscribe", type_, name):
                self.unsubscribe(type_, name)
            case ("reconnect",):
                self.connect()

    def settle(self) -> None:
        self.commit(wake=True)
        self.sent = 0
        while self.pull() or self.client.unanswered:
            self.answer(0)
            assert self.sent < 300, "the stream does not come to rest"


types, names, bodies = st.sampled_from(TYPES), st.sampled_from(NAMES), st.sampled_from(BODIES)
steps = st.one_of(
    st.tuples(st.just("put"), types, names, bodies, st.booleans()),
    st.tuples(st.just("touch"), names, bodies, st.booleans()),
    st.tuples(st.just("unrenderable"), names),
    st.tuples(st.just("drop"), types, names),
    st.tuples(st.just("commit"), st.booleans()),
    st.tuples(st.just("pull")),
    st.tuples(st.just("answer"), st.integers(0, 2)),
    st.tuples(st.just("subscribe"), types, names),
    st.tuples(st.just("unsubscribe"), types, names),
    st.tuples(st.just("reconnect")),
)


def check(world: World, type_: str, name: str) -> None:
    """What the client has of a name is what it should have; of a bad row it has anything but the bad state."""
    has = world.client.state[type_].get(name)
    wanted = name in world.client.names[type_]
    for row_name in Presented().candidates(type_, name) if wanted else (name,):
        row = world.snapshot.row(type_, row_name)
        lying = world.snapshot.peek(type_, row_name)
        if row is None or lying is None or row.body is None:
            continue
        covered = type_ in WILDCARD and (not lying.lazy or name in HOT[type_])
        if not (wanted or covered or has):
            return
        if not isinstance(row.body, bytes) or row.body.startswith(b"bad"):
            assert has is None or not has[1].startswith(b"bad")
            return  # what it had before, or the next best
        assert has is not None, (type_, name)
        assert has[1] == Presented().present(type_, name, row_name, row.body, name in HOT.get(type_, frozenset()))
        return
    assert has is None, (type_, name, has)


@given(st.lists(steps, max_size=60))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_the_client_ends_with_what_it_should_have(history: list[tuple[Any, ...]]) -> None:
    world = World()
    for step in history:
        world.apply(step)
    world.settle()
    assert world.stream.settled(world.snapshot.revision)
    for type_ in TYPES:
        for name in NAMES:
            check(world, type_, name)
    world.sent = 0
    assert not world.pull(), "at rest means at rest"
