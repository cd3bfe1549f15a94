"""Questions over a Unix socket: answers, and everything that is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sealos_gateway.http1.client import AnswerError, asked


@asynccontextmanager
async def other_side(folder: Path, *said: bytes, wait: bool = False) -> AsyncIterator[list[bytes]]:
    """Somebody who says this, whatever he is asked, perhaps waits, and leaves; what he was asked."""
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        for piece in said:
            writer.write(piece)
            await writer.drain()
        if wait:
            await over.wait()
        writer.close()
        ended.set()

    over, ended = asyncio.Event(), asyncio.Event()
    server = await asyncio.start_unix_server(answer, str(folder / "s"))
    yield heard
    over.set()
    await asyncio.wait_for(ended.wait(), 5)
    server.close()


async def text(folder: Path, seconds: float = 5.0) -> tuple[int, str]:
    async with asked(folder / "s", "POST", "/x?y", seconds) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nbody",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody",
    ],
)
async def test_every_form_of_an_answer(tmp_path: Path, said: bytes) -> None:
    async with other_side(tmp_path, said) as heard:
        assert await text(tmp_path) == (200, "body")
    assert heard[0].startswith(b"POST /x?y HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "said", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbody", b"HTTP/1.1 200"]
)
async def test_what_is_no_answer(tmp_path: Path, said: bytes) -> None:
    async with other_side(tmp_path, said):
        with pytest.raises(AnswerError):
            await text(tmp_path)


async def test_nobody_is_there(tmp_path: Path) -> None:
    with pytest.raises(AnswerError, match="FileNotFoundError"):
        await text(tmp_path)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbody"])
async def test_no_wait_is_longer_than_that(tmp_path: Path, said: bytes) -> None:
    async with other_side(tmp_path, said, wait=True):
        with pytest.raises(AnswerError, match="Timeout"):
            await text(tmp_path, 0.1)
