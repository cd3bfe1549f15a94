"""Runs the echo server: binds the ports, says where it listens, serves until told to stop, ends cleanly.

HTTP/1.1, HTTP/2 (prior knowledge, upgrade, ALPN) and WebSocket share one port (Hypercorn); gRPC has its own. What is
answered is decided in `app` and `grpc_service`, not here.
"""

import asyncio
import errno
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import hypercorn.config

from sealos_gateway.echo import grpc_service
from sealos_gateway.echo.app import EchoApp
from sealos_gateway.echo.http_server import HttpServer

BACKLOG = 2048


class EchoError(Exception):
    """The server cannot start; the text says why and what to do."""


@dataclass(frozen=True)
class EchoSettings:
    """Port 0 lets the kernel choose; `grpc_port` None leaves gRPC off. `grace`: seconds for running answers at stop."""

    host: str = "127.0.0.1"
    port: int = 0
    grpc_port: int | None = None
    name: str = "echo"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    grace: float = 2.0

    def __post_init__(self) -> None:
        if not (self.name.isascii() and self.name.isprintable() and self.name == self.name.strip()):
            raise EchoError(f"name {self.name!r}: it goes into a header, so give printable ASCII")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise EchoError("TLS needs both a certificate file and a key file")

    @property
    def tls(self) -> bool:
        return self.tls_cert is not None


@dataclass(frozen=True)
class EchoAddresses:
    """Where the server listens, with the ports the kernel chose."""

    host: str
    port: int
    grpc_port: int | None
    tls: bool

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{_target(self.host, self.port)}"

    @property
    def grpc_target(self) -> str | None:
        return None if self.grpc_port is None else _target(self.host, self.grpc_port)


Started = Callable[[EchoAddresses], None]


async def serve(settings: EchoSettings, stop: asyncio.Event, started: Started | None) -> None:
    """Serve until `stop` is set. `started` is called once, when clients can connect."""
    config = _http_config(settings)
    with _bind(settings.host, settings.port) as listener:
        port = listener.getsockname()[1]
        rpc, grpc_port = await _start_grpc(settings)
        http = HttpServer(EchoApp(settings.name, settings.grace), config, settings.grace)
        try:
            await http.start(listener)
            if started is not None:
                started(EchoAddresses(settings.host, port, grpc_port, settings.tls))
            await stop.wait()
        finally:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(http.stop())
                if rpc is not None:
                    tasks.create_task(rpc.stop(settings.grace))


def run(settings: EchoSettings, started: Started | None = None) -> None:
    """Serve until SIGINT or SIGTERM."""
    asyncio.run(_run(settings, started))


async def _run(settings: EchoSettings, started: Started | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop, started)


def _http_config(settings: EchoSettings) -> Any:
    config = hypercorn.config.Config()
    config.errorlog = logging.getLogger(__name__)
    config.errorlog.setLevel(logging.WARNING)
    config.backlog = BACKLOG
    config.include_server_header = False
    config.h11_pass_raw_headers = True  # header names come back in the case they were sent
    config.keep_alive_timeout = 75.0
    config.keep_alive_max_requests = 1 << 62  # a bench must not see connections close under it
    # While an answer is blocked by a slow reader, the request body waits in this queue. A full queue also stops the
    # reading of HTTP/2 window updates, so it has to hold what a client sends before it starts to read.
    config.max_app_queue_size = 256
    if settings.tls:
        config.certfile, config.keyfile = str(settings.tls_cert), str(settings.tls_key)
        _check_tls(settings, config)
    return config


def _check_tls(settings: EchoSettings, config: Any) -> None:
    """Load the files once before anything is bound: later the error would come after `started`."""
    try:
        config.create_ssl_context()
    except OSError as error:
        text = f"cannot use the TLS files {settings.tls_cert} and {settings.tls_key}: {error}"
        raise EchoError(f"{text}. Give a PEM certificate and its PEM key.") from error


async def _start_grpc(settings: EchoSettings) -> tuple[Any, int | None]:
    if settings.grpc_port is None:
        return None, None
    # gRPC reports a taken port only as noise on stderr and a general error: ask the kernel first.
    _bind(settings.host, settings.grpc_port).close()
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers((grpc_service.handler(settings.name),))
    target = _target(settings.host, settings.grpc_port)
    port = server.add_secure_port(target, _credentials(settings)) if settings.tls else server.add_insecure_port(target)
    await server.start()
    return server, port


def _credentials(settings: EchoSettings) -> Any:
    assert settings.tls_cert is not None
    assert settings.tls_key is not None
    return grpc.ssl_server_credentials([(settings.tls_key.read_bytes(), settings.tls_cert.read_bytes())])


def _bind(host: str, port: int) -> socket.socket:
    # With the protocol spelled out, asyncio sets TCP_NODELAY; without it each answer waits 40 ms for an ACK.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise EchoError(_why_not(host, port, error)) from error
    return listener


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is taken by another process: stop that process "
            f"(ss -ltnp 'sport = :{port}' names it) or choose another port; 0 lets the kernel choose"
        )
    return f"cannot listen on {host} port {port}: {error.strerror}; choose an address of this machine and a free port"


def _target(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
