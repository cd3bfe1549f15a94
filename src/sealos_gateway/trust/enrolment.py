"""What a node says to become a member, and what it gets: JSON in one call each way.

`Enrol` goes to the port where only the server shows a certificate; `Renew` to the one where both do.
"""

from __future__ import annotations

from typing import Final

import msgspec

SERVICE: Final = "sealos.gateway.v1.Enrolment"
ENROL: Final = "Enrol"
RENEW: Final = "Renew"


class Application(msgspec.Struct, frozen=True):
    """`time` is the node's, in seconds since 1970: clocks that differ are told before they do harm."""

    node: str
    gateway: str
    token: str
    request: str
    time: float

    def __repr__(self) -> str:
        return f"Application({self.node!r}, {self.gateway!r}, token [redacted])"


class Admission(msgspec.Struct, frozen=True):
    """The certificate (PEM) for the key of the request."""

    certificate: str


APPLICATIONS = msgspec.json.Decoder(Application)
ADMISSIONS = msgspec.json.Decoder(Admission)
