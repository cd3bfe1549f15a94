"""A server for a handful of paths."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import h11

log = logging.getLogger(__name__)

_HEAD_BYTES: Final = 16_384
_READ_BYTES: Final = 65_536
#: Nobody may hold a connection for longer without saying anything, or without taking what we say.
_IDLE_SECONDS: Final = 75.0
_LINGER_SECONDS: Final = 1.0
_TEXT: Final = "text/plain; charset=utf-8"


class Request(NamedTuple):
    """What was asked. Names of headers are in lower case; of a name that comes twice the last value counts."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Response(NamedTuple):
    """What is answered. A body that comes in pieces is sent as it comes; if it raises, the connection is cut."""

    status: int = 200
    body: bytes | AsyncGenerator[bytes, None] = b""
    content_type: str = _TEXT


Page = Callable[[Request], Awaitable[Response]]


def text(words: str, status: int = 200) -> Response:
    """An answer for people."""
    return Response(status, words.encode())


class _RefusedError(Exception):
    """A request that no page sees: its status, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Server:
    """Answers `method` on these paths (and HEAD where that is GET); `most` bounds the body of a request, in bytes."""

    def __init__(self, pages: Mapping[str, Page], method: str = "GET", most: int = 0) -> None:
        self._pages, self._most = dict(pages), most
        self._methods = ("GET", "HEAD") if method == "GET" else (method,)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[Any]] = set()

    async def listen(self, address: str, port: int) -> None:
        """On TCP. Raises OSError."""
        self._server = await asyncio.start_server(self._serve, address, port, reuse_address=True)

    async def listen_unix(self, socket: Path) -> None:
        """On a Unix socket, in place of one that lies there (asyncio sees to that). Raises OSError."""
        self._server = await asyncio.start_unix_server(self._serve, str(socket))

    async def close(self) -> None:
        """Stop listening and cut what is open."""
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        if self._open:
            await asyncio.wait(self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._converse(_Conversation(reader, writer))
        except (OSError, TimeoutError, asyncio.CancelledError):
            writer.transport.abort()  # the client is gone, says nothing, or we end
        finally:
            writer.close()
            self._open.discard(task)

    async def _converse(self, talk: _Conversation) -> None:
        """One request after the other, as long as both sides keep the connection."""
        more = True
        while more:
            try:
                request = await talk.request(self._most)
                if request is None:
                    return
                response = await self._answer(request)
            except _RefusedError as error:
                request, response = None, text(f"{error}\n", error.status)
            more = await talk.respond(request, response)
            if request is None:
                await talk.linger()

    async def _answer(self, request: Request) -> Response:
        page = self._pages.get(request.path)
        if page is None:
            return text("there is no such page\n", 404)
        if request.method not in self._methods:
            return text(f"only {self._methods[0]} is answered here\n", 405)
        try:
            return await page(request)
        except Exception:
            log.exception("%s cannot be answered", request.path)
            return text("internal error; the log says more\n", 500)


class _Conversation:
    """One connection, its bytes read and written as h11 says."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._state = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_BYTES)

    async def request(self, most: int) -> Request | None:
        """The next one; None when there is none. Raises _RefusedError, OSError, TimeoutError."""
        if self._state.our_state is h11.DONE:
            self._state.start_next_cycle()
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        body = bytearray()
        while isinstance(part := await self._event(), h11.Data):
            body += part.data
            if len(body) > most:
                raise _RefusedError(413, f"at most {most} bytes are read")
        try:
            target = urlsplit(head.target.decode("ascii"))
        except ValueError as error:
            raise _RefusedError(400, f"this is no URL: {error}") from error
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        return Request(head.method.decode("ascii"), target.path, query, headers, bytes(body))

    async def _event(self) -> Any:
        try:
            while (event := self._state.next_event()) is h11.NEED_DATA:
                if self._state.they_are_waiting_for_100_continue:
                    await self._send(h11.InformationalResponse(status_code=100, headers=[]))
                async with asyncio.timeout(_IDLE_SECONDS):
                    self._state.receive_data(await self._reader.read(_READ_BYTES))
        except h11.RemoteProtocolError as error:
            raise _RefusedError(error.error_status_hint, str(error)) from error
        return event

    async def respond(self, request: Request | None, response: Response) -> bool:
        """Send it; whether the connection can be used for another request. Raises OSError, TimeoutError."""
        headers = [("content-type", response.content_type)]
        if request is None:
            headers.append(("connection", "close"))
        if isinstance(response.body, bytes):
            headers.append(("content-length", str(len(response.body))))
        await self._send(h11.Response(status_code=response.status, headers=headers))
        await self._send_body(response.body, silent=request is not None and request.method == "HEAD")
        await self._send(h11.EndOfMessage())
        return self._state.our_state is h11.DONE and self._state.their_state is h11.DONE

    async def linger(self) -> None:
        """Drop what else was sent for a moment: an end with bytes unread would take our answer away from the client."""
        self._writer.write_eof()
        async with asyncio.timeout(_LINGER_SECONDS):
            while await self._reader.read(_READ_BYTES):
                pass

    async def _send_body(self, body: bytes | AsyncGenerator[bytes, None], silent: bool) -> None:
        if isinstance(body, bytes):
            if body and not silent:
                await self._send(h11.Data(data=body))
            return
        async with contextlib.aclosing(body) as pieces:
            async for piece in pieces:
                if not silent:
                    await self._send(h11.Data(data=piece))

    async def _send(self, event: Any) -> None:
        self._writer.write(self._state.send(event) or b"")
        async with asyncio.timeout(_IDLE_SECONDS):
            await self._writer.drain()
