"""A new key for this node and its credentials, from a process of their own (`keymaker`).

The library that makes them is ten megabytes, and is needed for a moment each hour.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import msgspec

from sealos_gateway.model.private import Private
from sealos_gateway.trust.credentials import Credentials
from sealos_gateway.trust.identity import TrustError

#: The folder that the command was started in is not where modules are looked for (-P).
_COMMAND: Final = (sys.executable, "-P", "-m", "sealos_gateway.node.keymaker")
_SECONDS: Final = 60.0
_LINE_BYTES: Final = 1 << 20


class _Made(msgspec.Struct):
    problem: str
    certificate: str
    key: str
    not_before: datetime | None
    not_after: datetime | None


class Applicant:
    """One key, from its signing request to its credentials."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def request(self) -> str:
        """The signing request (PEM). Raises TrustError."""
        return msgspec.json.decode(await self._line(), type=str)

    async def credentials(self, certificate: str) -> Credentials:
        """With the certificate that came back. Raises TrustError."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(certificate) + b"\n")
        made = msgspec.json.decode(await self._line(), type=_Made)
        if made.problem or made.not_before is None or made.not_after is None:
            raise TrustError(made.problem)
        key = Private(made.key.encode())
        return Credentials(made.certificate.encode(), key, made.not_before, made.not_after)

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_SECONDS):
                line = await self._process.stdout.readline()
        except (TimeoutError, OSError) as error:
            raise TrustError("the process that makes keys does not answer") from error
        if not line.endswith(b"\n"):
            raise TrustError("the process that makes keys ended too early (is there memory for it?)")
        return line


@asynccontextmanager
async def applicant() -> AsyncIterator[Applicant]:
    """A fresh one; its process ends with the block. Raises TrustError."""
    pipes: dict[str, Any] = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    try:
        process = await asyncio.create_subprocess_exec(*_COMMAND, **pipes, limit=_LINE_BYTES)
    except OSError as error:
        raise TrustError(f"the process that makes keys cannot be started: {error.strerror}") from error
    try:
        yield Applicant(process)
    finally:
        if process.returncode is None:
            process.kill()  # it may still wait for a certificate
        await process.wait()
