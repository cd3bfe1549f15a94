"""Both ends of datagrams: servers that answer with their name, and senders with a socket of their own each."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import cast

from tests.e2e import processes

LOOPBACK = "127.0.0.1"
_AT_ONCE = 50


class Echo(asyncio.DatagramProtocol):
    """Answers `name:` and what came; keeps who sent it. With `silent` it answers nothing."""

    def __init__(self, name: str) -> None:
        self.name, self.port, self.silent = name, 0, False
        self.senders: list[tuple[str, int]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.senders.append(addr)
        if not self.silent:
            self._transport.sendto(self.name.encode() + b":" + data, addr)


@asynccontextmanager
async def echo(name: str, port: int = 0) -> AsyncIterator[Echo]:
    """A server within the test, on a port of the kernel's choice if none is said."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: Echo(name), local_addr=(LOOPBACK, port))
    protocol.port = transport.get_extra_info("sockname")[1]
    try:
        yield protocol
    finally:
        transport.close()


class Sender:
    """One sender, that is one session of Envoy: its address and port stay the same."""

    def __init__(self, port: int, source: tuple[str, int] = (LOOPBACK, 0)) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(source)
        self._socket.connect((LOOPBACK, port))

    async def ask(self, data: bytes = b"ping", seconds: float = 5.0) -> bytes:
        """The answer to a datagram; empty when none comes in time, or nobody listens."""
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(self._socket, data)
            async with asyncio.timeout(seconds):
                return await loop.sock_recv(self._socket, 65_535)
        except (TimeoutError, ConnectionRefusedError):
            return b""

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._socket.getsockname()
        return host, port

    def close(self) -> None:
        self._socket.close()


async def ask(port: int, data: bytes = b"ping", seconds: float = 5.0, source: tuple[str, int] = (LOOPBACK, 0)) -> bytes:
    """The answer to one datagram of a new sender."""
    sender = Sender(port, source)
    try:
        return await sender.ask(data, seconds)
    finally:
        sender.close()


async def who(port: int, seconds: float = 5.0, source: tuple[str, int] = (LOOPBACK, 0)) -> str:
    """The name of the server at the other end; empty where nobody answers."""
    return (await ask(port, b"ping", seconds, source)).decode().partition(":")[0]


async def shares(port: int, senders: int, seconds: float = 5.0) -> Counter[str]:
    """How many of so many new senders each server answered. Some at a time: a socket keeps only so many datagrams."""
    found: Counter[str] = Counter()
    for begin in range(0, senders, _AT_ONCE):
        some = min(_AT_ONCE, senders - begin)
        found.update(await asyncio.gather(*(who(port, seconds) for _ in range(some))))
    return found


def free_port() -> int:
    """A port on which nobody has a socket, neither of UDP nor of TCP."""
    while True:
        (number,) = processes.free_ports(1, socket.SOCK_DGRAM)
        with socket.socket() as other, suppress(OSError):
            other.bind((LOOPBACK, number))
            return number
