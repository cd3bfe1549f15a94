"""What somebody shows to prove who he is; made in `keys`, and held without the library that made it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from sealos_gateway.model.private import Private


class Credentials(msgspec.Struct, frozen=True):
    """A certificate with its key (both PEM) and its time."""

    certificate: bytes
    key: Private
    not_before: datetime
    not_after: datetime

    def valid(self, now: datetime) -> bool:
        return self.not_before <= now < self.not_after
