"""How a node reaches its control plane: addresses, TLS channels, and what goes wrong in words for a person.

The bundle is read again for every connection, so that an authority that was exchanged is found without a restart.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc

from sealos_gateway.clock import Clock
from sealos_gateway.trust.credentials import Credentials
from sealos_gateway.trust.identity import CONTROL

_OPTIONS: Final = (
    ("grpc.ssl_target_name_override", CONTROL),
    ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
    # A control plane that vanished without a word is noticed in half a minute.
    ("grpc.keepalive_time_ms", 20_000), ("grpc.keepalive_timeout_ms", 10_000),
    # Each attempt is a connection of its own, with the certificate of now; we do the waiting.
    ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0),
)  # fmt: skip
_UNTRUSTED = re.compile(r"CERTIFICATE_VERIFY_FAILED:? ?([a-z ]*)|Hostname Verification Check failed")
REFUSALS: Final = frozenset(
    {grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INVALID_ARGUMENT}
)


class LinkError(Exception):
    """The control plane cannot be followed now; the message says why, and what to do.

    `refused`: it said no itself. `doubtful`: perhaps it does not take our certificate.
    """

    def __init__(self, message: str, refused: bool = False, doubtful: bool = False) -> None:
        super().__init__(message)
        self.refused, self.doubtful = refused, doubtful or refused


class Place(NamedTuple):
    """Where the control plane is, and what the node trusts and shows."""

    host: str
    xds_port: int
    enrol_port: int
    ca_file: Path
    token_file: Path

    def target(self, port: int) -> str:
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"

    def bundle(self) -> bytes:
        """Raises LinkError."""
        return _read(self.ca_file, "the bundle of the control plane (node.ca_file)")

    def token(self) -> str:
        """Raises LinkError."""
        return _read(self.token_file, "the token of this node (node.token_file)").decode(errors="replace").strip()


def _read(path: Path, what: str) -> bytes:
    try:
        found = path.read_bytes()
    except OSError as error:
        raise LinkError(f"{what}, {path}, cannot be read: {error.strerror}; waiting for it") from error
    if not found.strip():
        raise LinkError(f"{what}, {path}, is empty; waiting for it")
    return found


def enrolment_channel(place: Place) -> Any:
    """To the port for newcomers. Raises LinkError."""
    trust = grpc.ssl_channel_credentials(place.bundle())
    return grpc.aio.secure_channel(place.target(place.enrol_port), trust, options=_OPTIONS)


def member_channel(place: Place, credentials: Credentials) -> Any:
    """To the port for members. Raises LinkError."""
    both = grpc.ssl_channel_credentials(place.bundle(), bytes(credentials.key), credentials.certificate)
    return grpc.aio.secure_channel(place.target(place.xds_port), both, options=_OPTIONS)


def explained(error: Any, place: Place, port: int, clock: Clock) -> LinkError:
    """A gRPC error in words."""
    code, details = error.code(), str(error.details() or "")
    if code in REFUSALS:
        return LinkError(f"the control plane refuses this node: {details}", refused=True)
    if found := _UNTRUSTED.search(details):
        why = (found[1] or "it has another name").strip()
        if "expired" in why or "not yet valid" in why:
            remedy = f"is the clock of this machine right? It says {clock.now():%F %T} UTC"
        else:
            remedy = f"is {place.ca_file} the bundle of this control plane?"
        return LinkError(f"{place.target(port)} shows a certificate that is not trusted: {why}; {remedy}")
    if "Socket closed" in details and "handshak" not in details.lower():
        words = f"{place.target(port)} closed the connection: it has ended, or does not take our certificate"
        return LinkError(words, doubtful=True)
    reason = details.rpartition("last error: ")[2] or code.name
    return LinkError(f"the control plane at {place.target(port)} cannot be reached: {reason}")
