"""One HTTP exchange of the echo server: the request as it arrived and the means to answer it.

The request body is hashed and counted while it passes and is never held. What is answered is decided in `app`.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from sealos_gateway.echo import controls as control
from sealos_gateway.echo.controls import Controls

Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TEXT_LIMIT = 4096


class Received(msgspec.Struct):
    """A request body after it has passed: what is left of it."""

    size: int
    sha256: str
    text: str | None


class Answer(msgspec.Struct):
    """The plain answer, in the order it is printed."""

    name: str
    method: str
    scheme: str
    http_version: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    client: str | None
    body_bytes: int
    body_sha256: str
    body: str | None


@dataclass(slots=True)
class Exchange:
    """One request and what is needed to answer it."""

    scope: Scope
    receive: Receive
    send: Send
    controls: Controls = control.PLAIN

    @property
    def trailers(self) -> bool:
        return self.controls.trailers and "http.response.trailers" in self.scope["extensions"]

    async def gone(self, seconds: float) -> bool:
        """Wait; true as soon as the client has left. To be called only after the request body has been read."""
        try:
            async with asyncio.timeout(seconds):
                message = await self.receive()
        except TimeoutError:
            return False
        return bool(message["type"] == "http.disconnect")

    async def body(self, data: bytes, more: bool) -> None:
        await self.send({"type": "http.response.body", "body": data, "more_body": more})


def answer(name: str, scope: Scope, received: Received) -> Answer:
    """The plain answer; path and query as they were on the wire, not decoded."""
    client = scope["client"]
    return Answer(
        name=name,
        method=scope["method"],
        scheme=scope["scheme"],
        http_version=scope["http_version"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=[(key.decode("latin-1"), value.decode("latin-1")) for key, value in scope["headers"]],
        client=f"{client[0]}:{client[1]}" if client else None,
        body_bytes=received.size,
        body_sha256=received.sha256,
        body=received.text,
    )


async def consume(receive: Receive) -> Received | None:
    """Read a request body to its end, keeping only what the answer says of it; None when the client left."""
    digest, size, head = hashlib.sha256(), 0, bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        digest.update(chunk)
        size += len(chunk)
        if size <= TEXT_LIMIT:
            head += chunk
        more = message.get("more_body", False)
    return Received(size, digest.hexdigest(), _text(head) if size <= TEXT_LIMIT else None)


def _text(data: bytearray) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
