"""Where the authority is kept so that all replicas have the same one: a folder here, a Secret in `kube.keeping`.

Whoever comes first makes it; the others take what is there.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sealos_gateway.trust.authority import Authority
from sealos_gateway.trust.credentials import Credentials
from sealos_gateway.trust.identity import TrustError

_KEY = b"-----BEGIN PRIVATE KEY-----"


class Keeper(Protocol):
    """A place for one authority."""

    async def authority(self, make: Callable[[], Credentials]) -> Authority:
        """The one that is kept; if there is none, one is made. Raises TrustError when it cannot be had now."""


class Folder:
    """`authority.pem` (certificate and key) for replicas, `ca.crt` (the certificate) for nodes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def authority(self, make: Callable[[], Credentials]) -> Authority:
        try:
            whole = self._kept() or self._create(make())
            certificate, mark, key = whole.partition(_KEY)
            found = Authority(certificate, mark + key)
            self._publish(certificate)
        except OSError as error:
            raise TrustError(f"the authority cannot be kept in {self._folder}: {error}") from error
        return found

    def _kept(self) -> bytes:
        try:
            return (self._folder / "authority.pem").read_bytes()
        except FileNotFoundError:
            return b""

    def _create(self, made: Credentials) -> bytes:
        """Only one of several replicas can create the link, and nobody sees half of a file."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=self._folder)  # for its owner only
        fresh = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(made.certificate + bytes(made.key))
            file.flush()
            os.fsync(file.fileno())
        try:
            with contextlib.suppress(FileExistsError):
                os.link(fresh, self._folder / "authority.pem")
        finally:
            fresh.unlink()
        return self._kept()

    def _publish(self, certificate: bytes) -> None:
        path = self._folder / "ca.crt"
        if path.exists() and path.read_bytes() == certificate:
            return
        descriptor, fresh = tempfile.mkstemp(dir=self._folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(certificate)
        os.chmod(fresh, 0o644)
        os.replace(fresh, path)
