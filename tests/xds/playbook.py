"""Dialogues with a stream: `>>` the client says, `<<` the server must answer, `quiet()` it must say nothing.

    book >> want("CDS") << sends("CDS", a="1") >> ack("CDS")

Resources are written as name=body; versions and nonces are checked by the playbook itself.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sealos_gateway.xds.messages import Request, Resource, Response
from sealos_gateway.xds.snapshot import Snapshot, content_version
from sealos_gateway.xds.stream import Stream

C, E, S, L, R = "CDS", "EDS", "SDS", "LDS", "RDS"
ORDER = (C, E, S, L, R)


class Answer(NamedTuple):
    """An ACK or NACK of the last response of a type, perhaps with a change of subscription."""

    type: str
    error: str | None
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()


class Expected(NamedTuple):
    type: str
    resources: dict[str, bytes]
    removed: frozenset[str]


def want(type_: str, *names: str, holding: Mapping[str, str] | None = None, nonce: str = "") -> Request:
    return Request(type_, subscribe=names, initial_versions=dict(holding or {}), nonce=nonce)


def leave(type_: str, *names: str) -> Request:
    return Request(type_, unsubscribe=names)


def ack(type_: str, subscribe: tuple[str, ...] = (), unsubscribe: tuple[str, ...] = ()) -> Answer:
    return Answer(type_, None, subscribe, unsubscribe)


def nack(type_: str, error: str = "bad") -> Answer:
    return Answer(type_, error)


def sends(type_: str, *removed: str, **resources: str) -> Expected:
    return Expected(type_, {name: body.encode() for name, body in resources.items()}, frozenset(removed))


def version(body: str) -> str:
    return content_version(body.encode())


class Playbook:
    """A stream under test and the snapshot behind it."""

    def __init__(self, snapshot: Any = None, **options: Any) -> None:
        self.snapshot: Snapshot = snapshot or Snapshot(ORDER)
        self.stream = Stream(self.snapshot, **options)
        self.last: dict[str, Response] = {}

    def change(self, type_: str, *dropped: str, **bodies: str) -> "Playbook":
        """Change rows and commit them together."""
        return self.stage(type_, *dropped, **bodies).commit()

    def stage(self, type_: str, *dropped: str, **bodies: str) -> "Playbook":
        for name, body in bodies.items():
            self.snapshot.put(type_, name, body.encode())
        for name in dropped:
            self.snapshot.drop(type_, name)
        return self

    def lazily(self, type_: str, **bodies: str) -> "Playbook":
        for name, body in bodies.items():
            self.snapshot.put(type_, name, body.encode(), lazy=True)
        return self

    def commit(self) -> "Playbook":
        assert self.snapshot.commit()
        return self

    def __rshift__(self, said: Request | Answer) -> "Playbook":
        if isinstance(said, Answer):
            nonce = self.last[said.type].nonce
            said = Request(said.type, said.subscribe, said.unsubscribe, nonce, said.error)
        self.stream.receive(said)
        return self

    def __lshift__(self, expected: Expected) -> "Playbook":
        response = self.stream.next_response()
        assert response is not None, f"nothing was sent, expected {expected}"
        resources = {resource.name: resource.body for resource in response.resources}
        assert Expected(response.type, resources, frozenset(response.removed)) == expected
        assert len(resources) == len(response.resources)
        self.last[response.type] = response
        return self

    def quiet(self) -> "Playbook":
        assert self.stream.next_response() is None
        return self

    def resource(self, type_: str, name: str) -> Resource:
        """A resource of the last response of a type."""
        (found,) = [resource for resource in self.last[type_].resources if resource.name == name]
        return found

    def pump(self) -> list[tuple[str, int, int]]:
        """Acknowledge everything until the stream is quiet: (type, resources, removals) of what went out."""
        out = []
        while (response := self.stream.next_response()) is not None:
            out.append((response.type, len(response.resources), len(response.removed)))
            self.stream.receive(Request(response.type, nonce=response.nonce))
            assert len(out) < 10_000, "the stream does not come to rest"
        return out
