"""What goes into a stream and what comes out of it, as values: no protobuf, no behaviour."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import msgspec


class Request(msgspec.Struct, frozen=True):
    """A DeltaDiscoveryRequest. `error` set means that the response with this nonce was refused."""

    type: str
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    nonce: str = ""
    error: str | None = None
    initial_versions: Mapping[str, str] = {}


class Resource(NamedTuple):
    """One resource on its way to the client, under the name that the client knows."""

    name: str
    version: str
    body: bytes


class Response(msgspec.Struct, frozen=True):
    """A DeltaDiscoveryResponse."""

    type: str
    nonce: str
    resources: tuple[Resource, ...] = ()
    removed: tuple[str, ...] = ()


class Acked(msgspec.Struct, frozen=True):
    """The client took these snapshot rows: (row name, row version)."""

    type: str
    rows: tuple[tuple[str, str], ...]


class Rejected(msgspec.Struct, frozen=True):
    """The client refused this snapshot row. An empty name: a response without resources was refused."""

    type: str
    name: str
    version: str
    message: str


Event = Acked | Rejected


class Presentation(Protocol):
    """How rows answer to the names that clients ask for. All methods are pure functions of their arguments."""

    def candidates(self, type_: str, name: str) -> tuple[str, ...]:
        """The row names that can answer a subscribed name, best first."""

    def present(self, type_: str, name: str, row_name: str, body: bytes, hot: bool) -> bytes:
        """The bytes of the row as this client shall see them."""

    def absent(self, type_: str, name: str) -> bytes | None:
        """What to send for a name asked for that has no row; None lets the client hear 'removed'."""

    def invented(self, type_: str, name: str) -> bool:
        """Whether whoever sends traffic can make this name up, so that there may be any number of such."""

    def companions(self, type_: str, body: bytes) -> tuple[tuple[str, str], ...]:
        """(type, name) of rows that must be with the client before this one, though nobody asks for them."""

    def followed(self, type_: str, body: bytes) -> bool:
        """Whether the client will ask for what completes this row (the endpoints of a cluster)."""


class AsIs:
    """The presentation that changes nothing: a row answers to its own name."""

    def candidates(self, type_: str, name: str) -> tuple[str, ...]:  # noqa: ARG002
        return (name,)

    def present(self, type_: str, name: str, row_name: str, body: bytes, hot: bool) -> bytes:  # noqa: ARG002
        return body

    def absent(self, type_: str, name: str) -> bytes | None:  # noqa: ARG002
        return None

    def invented(self, type_: str, name: str) -> bool:  # noqa: ARG002
        return True

    def companions(self, type_: str, body: bytes) -> tuple[tuple[str, str], ...]:  # noqa: ARG002
        return ()

    def followed(self, type_: str, body: bytes) -> bool:  # noqa: ARG002
        return True
