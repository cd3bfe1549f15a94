"""All families in one list, and every spelling that is known."""

from __future__ import annotations

from sealos_gateway.resources.annotations import backends, general, limits, push, traffic
from sealos_gateway.resources.annotations.entry import HIGRESS, NGINX, SEALOS, Annotation

FAMILIES = (
    general,
    push,
    traffic,
    limits,
    backends,
)
ALL: tuple[Annotation, ...] = tuple(entry for family in FAMILIES for entry in family.ALL)
BY_NAME = {name: entry for entry in ALL for name in entry.names}
#: Domains in which a name that is not in the list is a mistake that is told.
DOMAINS = (SEALOS, NGINX, HIGRESS)
