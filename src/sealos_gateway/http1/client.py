"""A client for one question at a time, over a Unix socket; each has a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import h11

_READ_BYTES: Final = 65_536
_HEAD_BYTES: Final = 65_536


class AnswerError(Exception):
    """There is no answer, or none that can be understood; the message says why."""


class Answer:
    """The head of an answer; `pieces` is its body as it comes."""

    def __init__(self, status: int, pieces: AsyncGenerator[bytes, None]) -> None:
        self.status, self.pieces = status, pieces

    async def text(self) -> str:
        """The whole body. Raises AnswerError."""
        return b"".join([piece async for piece in self.pieces]).decode("utf-8", "replace")


@asynccontextmanager
async def asked(socket: Path, method: str, target: str, seconds: float) -> AsyncGenerator[Answer, None]:
    """The answer to a question, while the block lasts. No wait for the other side is longer than `seconds`.

    Raises AnswerError.
    """
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_unix_connection(str(socket))
    except (OSError, TimeoutError) as error:
        raise _no_answer(error) from error
    try:
        yield await _answer(reader, writer, method, target, seconds)
    finally:
        writer.close()


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, target: str, seconds: float
) -> Answer:
    state = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES)
    headers = [("host", "localhost"), ("connection", "close"), ("content-length", "0")]
    for event in (h11.Request(method=method, target=target, headers=headers), h11.EndOfMessage()):
        writer.write(state.send(event) or b"")
    while isinstance(head := await _event(state, reader, seconds), h11.InformationalResponse):
        pass
    if not isinstance(head, h11.Response):
        raise AnswerError("it answers with something else than HTTP")
    return Answer(head.status_code, _pieces(state, reader, seconds))


async def _pieces(state: h11.Connection, reader: asyncio.StreamReader, seconds: float) -> AsyncGenerator[bytes, None]:
    while isinstance(event := await _event(state, reader, seconds), h11.Data):
        yield bytes(event.data)


async def _event(state: h11.Connection, reader: asyncio.StreamReader, seconds: float) -> Any:
    try:
        async with asyncio.timeout(seconds):
            while (event := state.next_event()) is h11.NEED_DATA:
                state.receive_data(await reader.read(_READ_BYTES))
    except (OSError, TimeoutError, h11.RemoteProtocolError) as error:
        raise _no_answer(error) from error
    return event


def _no_answer(error: Exception) -> AnswerError:
    return AnswerError(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
