"""What stands behind the gateway: `sgw echo` processes, and tiny servers that show or break exact bytes."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import h11

from sealos_gateway.echo import server
from sealos_gateway.echo.server import EchoAddresses, EchoSettings
from tests.e2e import processes

LOOPBACK = "127.0.0.1"


class Echo:
    """One `sgw echo` process; its answers name it."""

    def __init__(self, name: str, folder: Path, host: str = LOOPBACK) -> None:
        self.name, self.host = name, host
        self.port, self.grpc_port = processes.free_ports(2)
        command = [sys.executable, "-m", "sealos_gateway", "echo", "--host", host, "--name", name]
        command += ["--port", str(self.port), "--grpc-port", str(self.grpc_port)]
        with open(folder / f"{name}.log", "ab") as log:
            self._process = processes.start(command, log, log)

    def wait(self) -> None:
        def listens() -> bool:
            return all(processes.is_listening(port, self.host) for port in (self.port, self.grpc_port))

        processes.wait_for(listens, 20, f"echo {self.name}")

    def stop(self) -> None:
        processes.end(self._process, 5)


@asynccontextmanager
async def echo(settings: EchoSettings) -> AsyncIterator[EchoAddresses]:
    """An echo server within the test (TLS, another address); it has ended when the block is left."""
    stop = asyncio.Event()
    ready: asyncio.Future[EchoAddresses] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(settings, stop, ready.set_result))
        try:
            yield await ready
        finally:
            stop.set()


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """Where it listens, and how many connections it had."""

    port: int = 0
    connections: int = 0


@asynccontextmanager
async def raw(
    handler: Handler, host: str = LOOPBACK, context: ssl.SSLContext | None = None
) -> AsyncIterator[RawServer]:
    """A server of a few lines: the handler owns each connection and may end it as it likes."""
    found = RawServer()
    running: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def own(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, h11.RemoteProtocolError):
            await handler(reader, writer)
        writer.close()

    def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.connections += 1
        task = tasks.create_task(own(reader, writer))
        running[task] = writer
        task.add_done_callback(lambda it: running.pop(it))

    async with asyncio.TaskGroup() as tasks:
        listener = await asyncio.start_server(connection, host, 0, ssl=context)
        found.port = listener.sockets[0].getsockname()[1]
        try:
            yield found
        finally:
            listener.close()
            for task, writer in list(running.items()):
                writer.transport.abort()
                task.cancel()
            await listener.wait_closed()


@dataclass
class Seen:
    """One request as a strict parser reads it."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


Answer = Callable[[h11.Connection, Seen], bytes]


def strict(seen: list[Seen], answer: Answer, limit: int = 16 << 20) -> Handler:
    """A handler for `raw`: a strict parser, that keeps every request in `seen` and says what `answer` makes of it.

    `limit` is for the size of a request head.
    """

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=limit)
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(1 << 16))
            elif isinstance(event, h11.Request):
                headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in event.headers]
                seen.append(Seen(event.method.decode(), event.target.decode("latin-1"), headers))
            elif isinstance(event, h11.Data):
                seen[-1].body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                writer.write(answer(connection, seen[-1]))
                await writer.drain()
                if connection.our_state is h11.MUST_CLOSE:
                    return
                connection.start_next_cycle()
            else:
                return

    return handle


class Recorder:
    """A handler for `raw` that keeps every request and answers 200; `limit` is for the size of a request head."""

    def __init__(self, limit: int = 16 << 20) -> None:
        self.seen: list[Seen] = []
        self._handle = strict(self.seen, _ok, limit)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._handle(reader, writer)


def _ok(connection: h11.Connection, seen: Seen) -> bytes:
    parts: list[h11.Event] = [h11.Response(status_code=200, headers=[("content-length", "2")])]
    if seen.method != "HEAD":
        parts.append(h11.Data(b"ok"))
    return b"".join(connection.send(part) or b"" for part in (*parts, h11.EndOfMessage()))


async def sick(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A handler for `raw` that answers `sick` to all, and 503 where it is asked for `/ready`."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        status = b"503 Sick" if b"/ready" in head else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 4\r\n\r\nsick")
