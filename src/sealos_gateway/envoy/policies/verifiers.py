"""Lines of htpasswd as what Envoy gets: enough to check a password, and not the digest itself.

When Envoy refuses routes it writes them to its log as they are. So what stands there is no password and no digest that
is used elsewhere too, but a salted hash of it: `access.lua` computes the digest of what a client sent, hashes that in
the same way, and compares.
"""

from __future__ import annotations

import base64
import hashlib
import re

_MD5 = re.compile(rb"\$(apr1|1)\$([^$]*)\$(.*)")
_SHA1_BYTES = 20
_BCRYPT, _DES = 29, 2  # how long the settings of these are
#: The form of what is hashed elsewhere (`node.passwords`).
SLOW = "crypt"


def lines(users: bytes) -> str:
    """`name:form:salt:pepper:verifier` for each line `name:digest`. `form` is plain, sha, ssha, apr1, 1 or crypt,
    `salt` (in hex) belongs to the form (of crypt: its setting), `verifier` is SHA-1 of pepper and digest, in hex."""
    return "\n".join(_line(line) for line in users.split(b"\n"))


def _line(line: bytes) -> str:
    name, _, digest = line.partition(b":")
    form, salt, value = _parts(digest)
    # The same for the same line, so that equal routes have equal bytes; it need not be secret, only of its own.
    pepper = hashlib.blake2b(line, digest_size=8).hexdigest()
    verifier = hashlib.sha1(pepper.encode() + value, usedforsecurity=False).hexdigest()
    return f"{name.decode('utf-8', 'surrogateescape')}:{form}:{salt.hex()}:{pepper}:{verifier}"


def _parts(digest: bytes) -> tuple[str, bytes, bytes]:
    """Form, salt, and what the form makes of the password."""
    if digest.startswith(b"{PLAIN}"):
        return "plain", b"", digest.removeprefix(b"{PLAIN}")
    if digest.startswith(b"{SHA}"):
        return "sha", b"", _decoded(digest.removeprefix(b"{SHA}"))
    if digest.startswith(b"{SSHA}"):
        raw = _decoded(digest.removeprefix(b"{SSHA}"))
        return "ssha", raw[_SHA1_BYTES:], raw[:_SHA1_BYTES]
    digest = digest.partition(b":")[0]
    if found := _MD5.fullmatch(digest):
        return found[1].decode(), found[2], found[3]
    return SLOW, _setting(digest), digest


def _setting(digest: bytes) -> bytes:
    """How to hash a password so that it can be this digest (crypt(5)): what stands in front of the hash itself."""
    if digest.startswith(b"$2"):
        return digest[:_BCRYPT]
    return digest.rpartition(b"$")[0] if digest.startswith(b"$") else digest[:_DES]


def _decoded(text: bytes) -> bytes:
    return base64.b64decode(text.rstrip(b"=") + b"=" * (-len(text.rstrip(b"=")) % 4))
