"""Names that a tenant may not make the gateway connect to."""

from __future__ import annotations

import re

#: The machine the gateway runs on, where ports may listen that are not for tenants; link-local addresses too, under
#: which clouds tell machines their credentials.
_OWN_MACHINE = re.compile(r"(.*\.)?localhost|127(\.[0-9]+){0,3}|0(\.0){0,3}|169\.254\..*")


def is_own_machine(name: str) -> bool:
    """Whether a name in lower case, without a dot at its end, says the gateway's own machine."""
    return _OWN_MACHINE.fullmatch(name) is not None
