"""Makes the key of a node and what has to be known of its certificate, in a process that ends with that.

`python -m sealos_gateway.node.keymaker`, started by `applicant` about once an hour. Lines of JSON: it says a signing
request; hears the certificate that came back; says the credentials, or why there are none. The key is never written
anywhere but to the process that asked, over a pipe.
"""

from __future__ import annotations

import sys
from datetime import datetime

import msgspec

from sealos_gateway.trust.identity import TrustError
from sealos_gateway.trust.keys import NodeKey


class Made(msgspec.Struct, frozen=True):
    """The last line: credentials (PEM), or a problem."""

    problem: str = ""
    certificate: str = ""
    key: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None


def main() -> None:
    """The conversation; who ends it early gets nothing."""
    key = NodeKey()
    _say(key.request().decode())
    if certificate := sys.stdin.buffer.readline():
        _say(_made(key, msgspec.json.decode(certificate, type=str).encode()))


def _made(key: NodeKey, certificate: bytes) -> Made:
    try:
        found = key.credentials(certificate)
    except TrustError as error:
        return Made(str(error))
    return Made("", found.certificate.decode(), bytes(found.key).decode(), found.not_before, found.not_after)


def _say(value: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
