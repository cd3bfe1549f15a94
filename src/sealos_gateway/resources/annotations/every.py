"""All families in one list, and every spelling that is known."""

from __future__ import annotations

from sealos_gateway.resources.annotations import (
    answers,
    auth,
    balance,
    client_tls,
    copies,
    fastcgi,
    general,
    higress,
    limits,
    pods,
    push,
    routing,
    snippets,
    times,
    tracing,
    traffic,
    upstream,
    waf,
)
from sealos_gateway.resources.annotations.entry import HIGRESS, NGINX, SEALOS, Annotation

FAMILIES = (
    general,
    push,
    traffic,
    limits,
    times,
    balance,
    upstream,
    copies,
    routing,
    higress,
    auth,
    snippets,
    client_tls,
    answers,
    pods,
    waf,
    tracing,
    fastcgi,
)
ALL: tuple[Annotation, ...] = tuple(entry for family in FAMILIES for entry in family.ALL)
BY_NAME = {name: entry for entry in ALL for name in entry.names}
_PREFIXES = tuple((name.removesuffix("*"), entry) for name, entry in BY_NAME.items() if name.endswith("*"))
#: Domains in which a name that is not in the list is a mistake that is told.
DOMAINS = (SEALOS, NGINX, HIGRESS)


def find(name: str) -> Annotation | None:
    """The entry of a name, also of one that only begins as an entry does whose end is a name of the user's."""
    found = BY_NAME.get(name)
    if found is not None or not name.startswith(DOMAINS):
        return found
    return next((entry for prefix, entry in _PREFIXES if name.startswith(prefix)), None)
