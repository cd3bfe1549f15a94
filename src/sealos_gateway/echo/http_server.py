"""Owns the HTTP connections of the echo server, from accept to end; Hypercorn speaks the protocols on them.

Hypercorn's own `serve` is not used because it cannot abort a connection: one client that does not read would hold up
the end of the server (from Python 3.12 on without limit). What is answered is decided in `app`.
"""

import asyncio
import socket
from typing import Any

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext

from sealos_gateway.echo.app import EchoApp

# From the end of the grace to the cut of a connection, and from the cut to the cancelling of its task.
CUT_AFTER = 0.2


class HttpServer:
    """One listening socket and its connections."""

    def __init__(self, app: EchoApp, config: Any, grace: float) -> None:
        self._app = app
        self._config = config
        self._grace = grace
        self._context = WorkerContext(None)
        self._connections: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        tls = self._config.create_ssl_context()
        self._server = await asyncio.start_server(
            self._connection, sock=listener, ssl=tls, backlog=self._config.backlog
        )

    async def stop(self) -> None:
        """Idle connections end now, the others with their answer, and what is left after the grace is cut."""
        if self._server is None:
            return
        self._server.close()
        await self._context.terminated.set()
        self._app.stop()
        if not await self._ended(self._grace + CUT_AFTER):
            for writer in self._connections.values():
                writer.transport.abort()
        if not await self._ended(CUT_AFTER):
            for task in self._connections:
                task.cancel()
        await self._server.wait_closed()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        loop = asyncio.get_running_loop()
        try:
            await TCPServer(ASGIWrapper(self._app), loop, self._config, self._context, {}, reader, writer)
        except asyncio.CancelledError:
            # Nothing waits for this task, and asyncio 3.11 reports a cancelled one as a fault of its own callback.
            writer.transport.abort()
        finally:
            del self._connections[task]

    async def _ended(self, seconds: float) -> bool:
        if self._connections:
            await asyncio.wait(self._connections, timeout=seconds)
        return not self._connections
