"""A server for a handful of paths, over real sockets: what clients do, and what they should not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import httpx
import pytest

from sealos_gateway.http1 import server
from sealos_gateway.http1.server import Request, Response, Server, text


async def echo(request: Request) -> Response:
    return Response(body=b"|".join([request.path.encode(), str(request.query).encode(), request.body]))


async def broken(_: Request) -> Response:
    raise LookupError("nobody expected this")


async def pieces(_: Request) -> Response:
    async def come() -> AsyncGenerator[bytes, None]:
        yield b"one,"
        yield b"two"

    return Response(body=come(), content_type="text/csv")


async def cut(_: Request) -> Response:
    async def come() -> AsyncGenerator[bytes, None]:
        yield b"one,"
        raise ConnectionError("the other side is gone")

    return Response(body=come())


PAGES: dict[str, server.Page] = {"/": echo, "/broken": broken, "/pieces": pieces, "/cut": cut}


@pytest.fixture
async def port() -> AsyncIterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found = int(probe.getsockname()[1])
    made = Server(PAGES)
    await made.listen("127.0.0.1", found)
    yield found
    await made.close()


@pytest.fixture
async def client(port: int) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as made:
        yield made


async def said(port: int, *requests: bytes) -> bytes:
    """Everything that comes back on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        writer.write(request)
    writer.write_eof()
    found = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return found


async def test_path_and_query(client: httpx.AsyncClient) -> None:
    assert (await client.get("/?a=1&b=%2F&a=2&c=")).text == "/|{'a': '2', 'b': '/', 'c': ''}|"


async def test_one_connection_after_the_other_request(port: int) -> None:
    one = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
    found = await said(port, one, one, one)
    assert found.count(b"HTTP/1.1 200") == 3


async def test_an_old_client_is_answered_and_left(port: int) -> None:
    found = await said(port, b"GET /pieces HTTP/1.0\r\n\r\n")
    assert found.endswith(b"\r\n\r\none,two")
    assert b"chunked" not in found


async def test_head_has_no_body(client: httpx.AsyncClient) -> None:
    for path in ("/", "/pieces", "/broken"):
        found = await client.head(path)
        assert (found.content, found.status_code) == (b"", 500 if path == "/broken" else 200)


async def test_a_page_that_fails_is_said_and_the_next_request_works(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    found = await client.get("/broken")
    assert (found.status_code, found.text) == (500, "internal error; the log says more\n")
    assert "nobody expected this" in caplog.text
    assert (await client.get("/")).status_code == 200


async def test_pieces_are_sent_as_they_come(client: httpx.AsyncClient) -> None:
    found = await client.get("/pieces")
    assert (found.text, found.headers["content-type"]) == ("one,two", "text/csv")


async def test_an_answer_that_ends_early_is_not_taken_for_a_whole_one(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.TransportError):
        await client.get("/cut")
    assert (await client.get("/")).status_code == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /other HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        (b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc", 413),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET http://[::1 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 200_000 + b"\r\n\r\n", 431),
    ],
)
async def test_what_is_refused(port: int, request_: bytes, status: int) -> None:
    found = await said(port, request_)
    assert found.startswith(b"HTTP/1.1 %d " % status), found


async def test_who_says_nothing_or_leaves_in_the_middle_is_forgotten(
    port: int, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_IDLE_SECONDS", 0.05)
    for part in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: x\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(part)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        writer.close()
    assert (await client.get("/")).status_code == 200


async def test_a_body_is_read_where_it_is_wanted(tmp_path: Path) -> None:
    made = Server({"/": echo}, method="POST", most=10)
    (tmp_path / "s").touch()
    await made.listen_unix(tmp_path / "s2")
    transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "s2"))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        assert (await client.post("/", content=b"0123456789")).text == "/|{}|0123456789"
        assert (await client.post("/", content=b"0123456789a")).status_code == 413
        assert (await client.post("/", content=b"a", headers={"expect": "100-continue"})).text == "/|{}|a"
        assert (await client.get("/")).status_code == 405
    await made.close()


async def test_an_end_cuts_what_is_open_and_frees_the_port() -> None:
    waits = asyncio.Event()

    async def slow(_: Request) -> Response:
        waits.set()
        await asyncio.sleep(60)
        return text("never")

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    made = Server({"/": slow})
    await made.listen("127.0.0.1", port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await asyncio.wait_for(waits.wait(), 5)
    await asyncio.wait_for(made.close(), 5)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)
