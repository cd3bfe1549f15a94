"""How fast changes may reach Envoy, from the annotations of ingress classes and Gateways.

A class says it for its own Ingresses, a Gateway for its routes, the settings where neither says anything. Where one
answer must do for several of them, the smallest counts: the batch size, because all come to an Envoy in one stream;
the time to live of a backend, because its endpoints are one resource whoever routes to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from sealos_gateway.live import Read, Rows
from sealos_gateway.model.problem import Problem
from sealos_gateway.resources.annotations.entry import SEALOS, Annotation
from sealos_gateway.resources.annotations.push import CDS_BATCH_SIZE, EDS_CACHE_TTL
from sealos_gateway.resources.meta import Metadata, Origin, Ref
from sealos_gateway.translate import ingress as ingresses
from sealos_gateway.translate import ingress_backends
from sealos_gateway.translate.gateway_api.world import GatewayWorld
from sealos_gateway.translate.world import World

N = TypeVar("N", int, float)

KIND, GATEWAY = "IngressClass", "Gateway"
MOST_BATCH = 100_000
MOST_TTL = 3600.0

_UNITS: Mapping[str, float] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)", re.ASCII)


class Pace(msgspec.Struct, frozen=True, gc=False):
    """What one object says; None where it says nothing. `ttl` in seconds, 0 sends every change at once."""

    batch: int | None = None
    ttl: float | None = None
    problems: tuple[Problem, ...] = ()


def of_class(ref: Ref, read: Read, world: World) -> Pace | None:
    """The annotations of one IngressClass; None when it is not ours or has none of them."""
    found = read(world.ingress_classes, ref)
    if found is None or not ingresses.class_is_ours(ref.name, read, world):
        return None
    return _pace(Origin(KIND, ref), found.metadata, tuple(_unknown(ref, found.metadata)))


def of_gateway(ref: Ref, read: Read, world: GatewayWorld) -> Pace | None:
    """The annotations of one Gateway; None when it is not ours or has none of them."""
    found = read(world.gateways, ref) if read(world.ours, ref) is not None else None
    return _pace(Origin(GATEWAY, ref), found.metadata) if found is not None else None


def _pace(origin: Origin, metadata: Metadata, found: tuple[Problem, ...] = ()) -> Pace | None:
    sizes, seconds = metadata.annotation(CDS_BATCH_SIZE.name), metadata.annotation(EDS_CACHE_TTL.name)
    problems = list(found)
    if sizes is None and seconds is None and not problems:
        return None
    batch = _value(origin, CDS_BATCH_SIZE, _size, sizes, problems)
    return Pace(batch, _value(origin, EDS_CACHE_TTL, _seconds, seconds, problems), tuple(problems))


def batch_size(said: Iterable[Pace], default: int) -> int:
    """Most clusters in one response: the smallest anybody asks for, or else the setting."""
    return min((row.batch for row in said if row.batch is not None), default=default)


def shortest(said: Iterable[Pace | None], default: float) -> float:
    """Seconds for a backend that these serve: the smallest, where one who says nothing has the setting's."""
    return min((row.ttl if row and row.ttl is not None else default for row in said), default=default)


def classes(origin: Origin, read: Read, world: World, rows: Rows[Ref, Pace]) -> Iterator[Pace | None]:
    """What the classes of the object say that routes to a backend."""
    found = read(world.ingresses, origin.ref) if origin.kind == ingress_backends.KIND else None
    names = ingresses.class_names(found, read, world) if found else ()
    yield from (read(rows, Ref("", name)) for name in names)


def _unknown(ref: Ref, metadata: Metadata) -> Iterator[Problem]:
    """A name in our own domain that means nothing on a class is a mistake, not something to be ignored."""
    for name in metadata.annotations or ():
        if name.startswith(SEALOS) and name not in (CDS_BATCH_SIZE.name, EDS_CACHE_TTL.name):
            message = "no annotation of this name is known for a class (docs/annotations.md); it has no effect"
            yield Problem(Origin(KIND, ref), f"metadata.annotations[{name}]", "UnknownAnnotation", message)


def _value(
    origin: Origin, annotation: Annotation, parse: Callable[[str], N | str], text: str | None, problems: list[Problem]
) -> N | None:
    """What the text says; None, and a problem, when `parse` gives the words for what is wrong with it."""
    found = parse(text) if text is not None else None
    if isinstance(found, str):
        message = f"{str(text)[:40]!r} {found}; the setting holds meanwhile"
        field = f"metadata.annotations[{annotation.name}]"
        problems.append(Problem(origin, field, "InvalidAnnotation", message))
        return None
    return found


def _size(text: str) -> int | str:
    if re.fullmatch(r"[0-9]{1,6}", text, re.ASCII) and 1 <= int(text) <= MOST_BATCH:
        return int(text)
    return f"is not a whole number from 1 to {MOST_BATCH}"


def _seconds(text: str) -> float | str:
    """A duration as Go writes it (time.ParseDuration), without signs."""
    parts = _PART.findall(text)
    whole = "".join(number + unit for number, unit in parts)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if text == "0" or (parts and whole == text and seconds <= MOST_TTL):
        return seconds
    if parts and whole == text:
        return "is longer than 1h: new endpoints would be unknown for that long"
    return 'is not a duration with a unit, such as "60s", "500ms" or "1m30s"; "0s" turns it off'
