"""Names of new objects: valid, at most 63 characters (they become labels and names of Services), each once."""

from __future__ import annotations

import hashlib
import re

_LONGEST = 63
_ODD = re.compile(r"[^a-z0-9]+")


def plain(text: str) -> str:
    """The text as a DNS label (RFC 1123); `*` reads as `any`."""
    found = _ODD.sub("-", text.lower().replace("*", "any")).strip("-")
    return found[:_LONGEST].strip("-") or "x"


class Names:
    """Hands out names. Which one an object gets depends on what asked before it, so ask in a fixed order."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str], set[str]] = {}

    def name(self, kind: str, namespace: str, wanted: str) -> str:
        """The wanted name if it is short and free; else cut, with a hash of the whole at its end."""
        taken = self._taken.setdefault((kind, namespace), set())
        found = plain(wanted)
        number = 0
        while found in taken or (number == 0 and len(plain_length(wanted)) > _LONGEST):
            digest = hashlib.blake2b(f"{wanted}|{number}".encode(), digest_size=4).hexdigest()
            found = f"{plain(wanted)[: _LONGEST - 9].rstrip('-')}-{digest}"
            number += 1
        taken.add(found)
        return found


def plain_length(text: str) -> str:
    """The label before it is cut."""
    return _ODD.sub("-", text.lower().replace("*", "any")).strip("-")
