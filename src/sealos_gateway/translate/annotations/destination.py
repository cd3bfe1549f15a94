"""`higress.io/destination`: Services that answer instead of the backend of the Ingress, by weight."""

from __future__ import annotations

import re

from sealos_gateway.model.traffic import Target
from sealos_gateway.resources.annotations import higress
from sealos_gateway.translate.annotations import targets
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values

_LINE = re.compile(r"(?:([0-9]{1,3})%\s+)?(\S+)(?:\s+(\S+))?", re.ASCII)
_REGISTRIES = ("dns", "static", "nacos", "eureka", "consul", "zookeeper")
_WANTED = "`[weight%] name.namespace.svc.cluster.local:port`"


def read(values: Values, draft: Draft) -> None:
    """All lines, or none where one of them is wrong: the rest would get requests that are not meant for it."""
    text = values.text(higress.DESTINATION, lines=True)
    if not text:
        return
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [_target(line, len(lines) == 1, values, draft) for line in lines]
    right = [target for target in found if target is not None]
    if len(right) == len(found) and not any(target.weight for target in right):
        values.complain(higress.DESTINATION, "the weights are 0 together")
    elif len(right) == len(found):
        draft.destination = tuple(right)


def _target(line: str, alone: bool, values: Values, draft: Draft) -> Target | None:
    found = _LINE.fullmatch(line)
    if found is None or (found[1] is None and not alone):
        values.complain(
            higress.DESTINATION, f"{line[:80]!r} is not a line {_WANTED}; of several lines each has a weight"
        )
        return None
    place, subset = found[2], found[3]
    registry = place.partition(":")[0].rpartition(".")[2]
    if subset or registry in _REGISTRIES:
        what = f"subset {subset[:40]!r}" if subset else f"a service of a registry ({registry})"
        values.complain(higress.DESTINATION, f"{what} is not supported; write {_WANTED}", "UnsupportedAnnotation")
        return None
    key = targets.named(values, higress.DESTINATION, draft, place)
    return Target(key, 100 if found[1] is None else int(found[1])) if key is not None else None
