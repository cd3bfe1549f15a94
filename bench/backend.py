"""The smallest HTTP/1.1 backend: every request gets 200 and the backend's name. `python -m bench.backend NAME`.

It prints its port. A process of its own, so that it takes no time from the client that measures.
"""

import asyncio
import sys

END_OF_HEADERS = b"\r\n\r\n"


class Answer(asyncio.Protocol):
    """One connection; requests have no bodies."""

    def __init__(self, name: str) -> None:
        self._response = f"HTTP/1.1 200 OK\r\ncontent-length: {len(name)}\r\n\r\n{name}".encode()
        self._pending = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer as many requests as are complete."""
        *requests, self._pending = (self._pending + data).split(END_OF_HEADERS)
        self._transport.write(self._response * len(requests))


async def serve(name: str) -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(lambda: Answer(name), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
