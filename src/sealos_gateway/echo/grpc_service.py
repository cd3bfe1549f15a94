"""The gRPC side of the echo server: unary, server-streaming and bidirectional echo of raw bytes.

The handlers are generic (no generated code): a message of any type comes back as the same bytes. Request metadata
`echo-*` comes back in the initial and in the trailing metadata, and some of it asks for something: `echo-status` a
status code, `echo-delay` seconds before the answer, `echo-count` the messages of a server stream.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from sealos_gateway.echo.controls import MAX_DELAY, MAX_EVENTS

SERVICE = "sealos.echo.v1.Echo"
_CODES = {code.value[0]: code for code in grpc.StatusCode}


def handler(name: str) -> Any:
    """The generic handler to add to a `grpc.aio` server; `name` goes into the metadata `x-echo-pod`."""
    service = _EchoService(name)
    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "Unary": grpc.unary_unary_rpc_method_handler(service.unary),
            "ServerStream": grpc.unary_stream_rpc_method_handler(service.server_stream),
            "Bidi": grpc.stream_stream_rpc_method_handler(service.bidi),
        },
    )


class _EchoService:
    def __init__(self, name: str) -> None:
        self._pod = ("x-echo-pod", name)

    async def unary(self, request: bytes, context: Any) -> bytes:
        await self._open(context)
        return request

    async def server_stream(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        asked = await self._open(context)
        for _ in range(int(await _number(context, asked, "echo-count", 3, MAX_EVENTS))):
            yield request

    async def bidi(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        await self._open(context)
        async for request in requests:
            yield request

    async def _open(self, context: Any) -> dict[str, Any]:
        """Echo the metadata and do what it asks; an asked error goes out before anything else of the answer."""
        echoed = tuple((key, value) for key, value in context.invocation_metadata() if key.startswith("echo-"))
        asked = dict(echoed)
        context.set_trailing_metadata((self._pod, *echoed))
        await asyncio.sleep(await _number(context, asked, "echo-delay", 0.0, MAX_DELAY))
        status = int(await _number(context, asked, "echo-status", 0, max(_CODES)))
        if status:
            await context.abort(_CODES[status], f"asked for by echo-status: {status}", (self._pod, *echoed))
        await context.send_initial_metadata((self._pod, *echoed))
        return asked


async def _number(context: Any, asked: dict[str, Any], name: str, default: float, high: float) -> float:
    kind: Callable[[Any], float] = type(default)
    try:
        value = kind(asked.get(name, default))
    except ValueError:
        value = -1
    if not 0 <= value <= high:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{name}: give a number from 0 to {high}")
    return value
