"""The ASGI application of the echo server: HTTP/1.1, HTTP/2 and WebSocket, one class for every path.

A long answer is cut when its client leaves or when the server stops. No sockets and no settings here: `http_server`
and `server` own those; what a query may ask is read in `controls`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from sealos_gateway.echo import controls as control
from sealos_gateway.echo import exchange as exchanges
from sealos_gateway.echo.exchange import Exchange, Receive, Scope, Send

CHUNK = b"x" * 65536
GOING_AWAY = 1001
_JSON = b"application/json"
_NO_BODY = frozenset({204, 304})
_encode = msgspec.json.Encoder().encode


class EchoApp:
    """Answers every path; `stop` lets what is running end."""

    def __init__(self, name: str, grace: float) -> None:
        self._name = name
        self._pod = (b"x-echo-pod", name.encode("ascii"))
        self._grace = grace
        self._stopping = False
        self._running: dict[asyncio.Timeout, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(Exchange(scope, receive, send))

    def stop(self) -> None:
        """Endless exchanges end now, the others within the grace."""
        self._stopping = True
        now = asyncio.get_running_loop().time()
        for limit, grace in self._running.items():
            limit.reschedule(now + grace)

    @asynccontextmanager
    async def _until_stop(self, grace: float) -> AsyncIterator[None]:
        """Leave the block early, without an error, once the server stops and the grace is over."""
        try:
            async with asyncio.timeout(grace if self._stopping else None) as limit:
                self._running[limit] = grace
                try:
                    yield
                finally:
                    del self._running[limit]
        except TimeoutError:
            if not limit.expired():
                raise

    async def _http(self, exchange: Exchange) -> None:
        refusal = None
        try:
            exchange.controls = control.parse(exchange.scope["query_string"])
        except control.ControlError as error:
            refusal = _encode({"error": str(error)})
        async with self._until_stop(self._grace):
            if exchange.controls.stream:
                await self._stream_back(exchange)
                return
            # Also a refused or ignored body is read to its end: otherwise it would block the connection behind it.
            received = await exchanges.consume(exchange.receive)
            if received is None or (exchange.controls.delay and await exchange.gone(exchange.controls.delay)):
                return
            if refusal is not None:
                await self._whole(exchange, refusal, status=400)
            elif exchange.controls.sse is not None:
                await self._events(exchange, exchange.controls.sse)
            elif exchange.controls.size is not None:
                await self._sized(exchange, exchange.controls.size)
            else:
                await self._whole(exchange, _encode(exchanges.answer(self._name, exchange.scope, received)))

    async def _whole(self, exchange: Exchange, body: bytes, status: int | None = None) -> None:
        await self._start(exchange, _JSON, len(body), status)
        await exchange.body(body, more=False)
        await self._trail(exchange)

    async def _sized(self, exchange: Exchange, size: int) -> None:
        await self._start(exchange, b"application/octet-stream", size)
        left = 0 if exchange.scope["method"] == "HEAD" else size
        while left > len(CHUNK):
            await exchange.body(CHUNK, more=True)
            left -= len(CHUNK)
            if await exchange.gone(0):
                return
        await exchange.body(CHUNK[:left], more=False)
        await self._trail(exchange)

    async def _events(self, exchange: Exchange, count: int) -> None:
        await self._start(exchange, b"text/event-stream", None)
        async with self._until_stop(0):
            for number in range(1, count + 1):
                if number > 1 and await exchange.gone(exchange.controls.every):
                    return
                data = _encode({"name": self._name, "number": number})
                await exchange.body(b"id: %d\ndata: %s\n\n" % (number, data), more=True)
        await exchange.body(b"", more=False)
        await self._trail(exchange)

    async def _stream_back(self, exchange: Exchange) -> None:
        if exchange.controls.delay:
            await asyncio.sleep(exchange.controls.delay)
        headers = {name.lower(): value for name, value in exchange.scope["headers"]}
        await self._start(exchange, headers.get(b"content-type", b"application/octet-stream"), None)
        async with self._until_stop(0):
            more = True
            while more:
                message = await exchange.receive()
                if message["type"] == "http.disconnect":
                    return
                more = message.get("more_body", False)
                await exchange.body(message.get("body", b""), more=True)
        await exchange.body(b"", more=False)
        await self._trail(exchange)

    async def _start(self, exchange: Exchange, kind: bytes, length: int | None, status: int | None = None) -> None:
        status = status or exchange.controls.status
        headers = [self._pod, *exchange.controls.headers]
        if status not in _NO_BODY:
            headers.append((b"content-type", kind))
            if length is not None:
                headers.append((b"content-length", b"%d" % length))
        if exchange.trailers:
            headers.append((b"trailer", b"x-echo-trailer"))
        start = {"type": "http.response.start", "status": status, "headers": headers, "trailers": exchange.trailers}
        await exchange.send(start)

    async def _trail(self, exchange: Exchange) -> None:
        if exchange.trailers:
            trailers = [(b"x-echo-trailer", self._name.encode("ascii"))]
            await exchange.send({"type": "http.response.trailers", "headers": trailers})

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        subprotocol = next(iter(scope["subprotocols"]), None)
        await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": [self._pod]})
        async with self._until_stop(0):
            while (message := await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": message["text"], "bytes": message["bytes"]})
            return
        await send({"type": "websocket.close", "code": GOING_AWAY, "reason": "the echo server stops"})
