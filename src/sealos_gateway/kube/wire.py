"""The bytes of lists and watches as values: lines, pages, events, objects. Pure.

Objects are decoded straight into the struct of their kind, so of each only the declared fields are ever made.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from sealos_gateway.kube.errors import GarbledError
from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref, Resource


class Put(NamedTuple):
    """An object as it is now."""

    ref: Ref
    resource: Resource


class Gone(NamedTuple):
    """An object that is no more, or no longer selected."""

    ref: Ref


class Bad(NamedTuple):
    """An object that exists and has not the shape of its kind."""

    ref: Ref
    field: str
    reason: str


Change = Put | Gone | Bad


class Lines:
    """Pieces of any size to whole lines, in time linear in the bytes, also for one line of megabytes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        head, newline, rest = piece.rpartition(b"\n")
        if not newline:
            self._parts.append(piece)
            return []
        whole = b"".join((*self._parts, head))
        self._parts = [rest]
        return [line for line in whole.split(b"\n") if line]


class Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    resource_version: str = ""
    annotations: dict[str, str] | None = None


class Identified(msgspec.Struct):
    metadata: Metadata


class Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class PageMetadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class Page(msgspec.Struct):
    metadata: PageMetadata
    items: list[msgspec.Raw] | None = None


class Status(msgspec.Struct):
    code: int = 0
    message: str = ""


class ApiResource(msgspec.Struct):
    name: str


class ApiResources(msgspec.Struct):
    """What discovery says about one version of one group."""

    resources: tuple[ApiResource, ...] = ()


IDENTITIES = msgspec.json.Decoder(Identified)
EVENTS = msgspec.json.Decoder(Event)
PAGES = msgspec.json.Decoder(Page)
RESOURCES = msgspec.json.Decoder(ApiResources)
STATUSES = msgspec.json.Decoder(Status)


def decode(decoder: msgspec.json.Decoder[Any], data: bytes | msgspec.Raw) -> Any:
    try:
        return decoder.decode(data)
    except msgspec.DecodeError as error:
        raise GarbledError(f"not understood: {error}") from error


def present(kind: Kind, raw: bytes | msgspec.Raw) -> Put | Bad:
    """One object. Raises GarbledError when not even its name can be read."""
    try:
        resource = kinds.from_json(kind, raw)
    except (kinds.DecodeError, msgspec.DecodeError) as error:
        metadata = decode(IDENTITIES, raw).metadata
        if not metadata.name:
            raise GarbledError("an object without a name") from error
        field = error.field if isinstance(error, kinds.DecodeError) else ""
        reason = error.reason if isinstance(error, kinds.DecodeError) else str(error)
        return Bad(Ref(metadata.namespace, metadata.name), field, reason)
    return Put(resource.ref, resource)
