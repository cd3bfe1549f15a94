"""Private keys on disk: AES-256-GCM, under a key that is derived for each file from what the operator mounted.

The name of the row is authenticated with it, so that no sealed row can be given to another name. The library is
imported when there is something to seal or to open: a node without certificates does not need it.
"""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LEAST: Final = 32
_NONCE: Final = 12
_INFO: Final = b"sealos-gateway node snapshot 1"


class SealError(Exception):
    """The key cannot be used, or something sealed cannot be opened."""


class Seal:
    """The operator's key. `mark` tells keys apart without telling anything of them."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < LEAST:
            raise SealError(f"the key to seal private keys has {len(secret)} bytes, it needs at least {LEAST}")
        self._secret = secret
        self.mark = hashlib.blake2b(secret, digest_size=4, person=b"sgw seal mark").hexdigest()

    @classmethod
    def from_file(cls, path: Path) -> Seal:
        """Raises SealError."""
        try:
            return cls(path.read_bytes().strip())
        except OSError as error:
            raise SealError(f"the key to seal private keys, {path}, cannot be read: {error.strerror}") from error

    def sealer(self, salt: bytes) -> Sealer:
        """For one file: so many files, so many keys, and a nonce by chance is safe in each."""
        return Sealer(self._secret, salt)

    def __repr__(self) -> str:
        return f"Seal({self.mark})"


class Sealer:
    """Seals and opens rows of one file."""

    def __init__(self, secret: bytes, salt: bytes) -> None:
        self._secret, self._salt = secret, salt

    @functools.cached_property
    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

        return AESGCM(HKDF(hashes.SHA256(), length=32, salt=self._salt, info=_INFO).derive(self._secret))

    def seal(self, name: str, body: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, body, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        """Raises SealError."""
        cipher = self._cipher
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415

        try:
            return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
        except InvalidTag as error:
            raise SealError(f"{name} was sealed with another key, or is damaged") from error
