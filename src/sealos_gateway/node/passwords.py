"""What a password becomes in a form that takes too long for Envoy's workers: bcrypt, SHA-crypt, DES.

Envoy's program (`envoy/policies/access.lua`) asks here over a Unix socket, about once for each password and worker, and
only for users whose passwords are kept so, where `ingress.slow_passwords` lets them in. It sends the password and how
to hash it (crypt(5): everything in front of the digest), and compares by itself: no digest comes here, nothing is kept.

The C library does the work, as it does for nginx, and the interpreter goes on meanwhile. Whoever asks is bounded: so
many may wait, and so many of them for one route configuration, that guesses at one host leave room for the others.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sealos_gateway.http1.server import Request, Response, Server

_THREADS = 2
_MOST_WAITING, _MOST_OF_ONE = 32, 8
_MOST_BYTES = 4096
#: Whose question it is: the id of a route's users.
_WHOSE = "x-sealos-users"
_DATA_BYTES = 32_768  # struct crypt_data of libxcrypt
_LIBRARY = "libcrypt.so.1"


class UnknownFormError(ValueError):
    """The C library does not know such a setting, or there is no library for it."""


class BusyError(Exception):
    """So many wait that nobody else may."""


def crypt(password: bytes, setting: bytes) -> bytes:
    """crypt(3). Raises UnknownFormError. Takes as long as the setting says; other threads run meanwhile."""
    if b"\0" in password or b"\0" in setting:
        raise UnknownFormError
    try:
        function = ctypes.CDLL(_LIBRARY).crypt_rn  # that of glibc itself has none: another structure, and no bcrypt
    except (OSError, AttributeError) as error:
        raise UnknownFormError from error
    function.restype = ctypes.c_char_p
    function.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int)
    data = ctypes.create_string_buffer(_DATA_BYTES)
    found: bytes | None = function(password, setting, data, _DATA_BYTES)
    if found is None:
        raise UnknownFormError
    return found


class PasswordHasher:
    """Answers POST with 200 and what crypt(3) makes of it, 422 for what it cannot, 503 where too many wait. The body is
    a setting, a line feed, and a password."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self._threads = ThreadPoolExecutor(_THREADS, "passwords")
        self._running: dict[bytes, asyncio.Future[bytes]] = {}
        self._waiting: Counter[str] = Counter()
        self._server = Server({"/": self._answer}, method="POST", most=_MOST_BYTES)

    async def start(self) -> None:
        """Listen. Raises OSError."""
        await self._server.listen_unix(self.socket)

    async def close(self) -> None:
        await self._server.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, request: Request) -> Response:
        question, whose = request.body, request.headers.get(_WHOSE, "")
        try:
            return Response(body=await self.hashed(question, whose))
        except UnknownFormError:
            return Response(422)
        except BusyError:
            return Response(503)

    async def hashed(self, question: bytes, whose: str) -> bytes:
        """The answer to a question. Workers that ask the same at the same time, for a page with many parts, share one.
        Raises UnknownFormError, BusyError."""
        running = self._running.get(question)
        if running is None:
            if self._waiting.total() >= _MOST_WAITING or self._waiting[whose] >= _MOST_OF_ONE:
                raise BusyError
            setting, _, password = question.partition(b"\n")
            running = asyncio.get_running_loop().run_in_executor(self._threads, crypt, password, setting)
            self._running[question] = running
            self._waiting[whose] += 1
            running.add_done_callback(lambda done: self._done(question, whose, done))
        return await asyncio.shield(running)

    def _done(self, question: bytes, whose: str, done: asyncio.Future[bytes]) -> None:
        if not done.cancelled():
            done.exception()  # whoever asked may have gone
        del self._running[question]
        self._waiting[whose] -= 1
        self._waiting += Counter()  # without those that have none
