"""What one policy object says: values of the model, what it refers to, and what is wrong with it."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from sealos_gateway.model.client_tls import ClientTls
from sealos_gateway.resources.meta import Origin, Ref

#: Fields of `Policy` or `BackendPolicy` by their names. What is not said is not in it, so a default can be said.
Fields = tuple[tuple[str, Any], ...]


class Target(NamedTuple):
    """What a policy is attached to; `section` is empty for all of it."""

    origin: Origin
    section: str = ""

    def __str__(self) -> str:
        return f"{self.origin}, section {self.section}" if self.section else str(self.origin)


class Fault(NamedTuple):
    """What cannot be honoured: a field as `spec.retry`, why, and in words."""

    field: str
    reason: str
    message: str


class Said(msgspec.Struct, frozen=True, gc=False):
    """One policy. `invalid` is wrong by itself, `unresolved` refers to what is not there.

    `secrets`, `config_maps`, `authorities` and `client_pairs` are what it refers to: fetched because of this.
    """

    origin: Origin
    #: (creation time, namespace, name): of two the smaller one wins.
    age: tuple[str, str, str]
    targets: tuple[Target, ...]
    generation: int = 0
    fields: Fields = ()
    #: What of a BackendPolicy belongs to the routes that lead to the Service.
    route_fields: Fields = ()
    client_tls: ClientTls | None = None
    #: It protects something and cannot be honoured: what it is attached to is closed.
    closed: bool = False
    #: All routes of a host are closed, because they count on the check of its clients.
    closes_host: bool = False
    invalid: tuple[Fault, ...] = ()
    unresolved: tuple[Fault, ...] = ()
    #: What is not as it could be and harms nobody.
    notes: tuple[str, ...] = ()
    secrets: tuple[Ref, ...] = ()
    config_maps: tuple[Ref, ...] = ()
    authorities: tuple[Origin, ...] = ()
    client_pairs: tuple[Ref, ...] = ()
