"""Private keys on disk: AES-256-GCM, under a key that is derived for each file from what the operator mounted.

The name of the row is authenticated with it, so that no sealed row can be given to another name.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

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
        derived = HKDF(hashes.SHA256(), length=32, salt=salt, info=_INFO).derive(self._secret)
        return Sealer(AESGCM(derived))

    def __repr__(self) -> str:
        return f"Seal({self.mark})"


class Sealer:
    """Seals and opens rows of one file."""

    def __init__(self, cipher: AESGCM) -> None:
        self._cipher = cipher

    def seal(self, name: str, body: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, body, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        """Raises SealError."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
        except InvalidTag as error:
            raise SealError(f"{name} was sealed with another key, or is damaged") from error
