"""A collector of spans that speaks OTLP over gRPC and over HTTP, and remembers what it was sent.

Source: the OTLP specification. The messages come with xds-protos, in an older form: what is `scope_spans` today is
called `instrumentation_library_spans` there, the bytes are the same.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import h11
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service

from tests import pem
from tests.e2e.backends import LOOPBACK, raw
from tests.e2e.processes import eventually

_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


@dataclass(frozen=True)
class Span:
    """One span, ids in hexadecimal digits; `service` is the `service.name` of who sent it."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    kind: int
    attributes: dict[str, str]


class Collector:
    """`port` is where it listens, `spans` what arrived."""

    def __init__(self) -> None:
        self.port = 0
        self.spans: list[Span] = []
        self.paths: list[str] = []

    async def of(self, mark: str, number: int = 1) -> list[Span]:
        """Spans of requests whose URL holds `mark`, as soon as there are so many. Envoy sends every five seconds."""

        async def arrived() -> bool:
            return len(self.marked(mark)) >= number

        await eventually(arrived, 20)
        return self.marked(mark)

    def marked(self, mark: str) -> list[Span]:
        """Those that have arrived."""
        return [span for span in self.spans if mark in span.attributes.get("http.url", "")]

    def take(self, request: Any) -> None:
        for resource in request.resource_spans:
            name = next((it.value.string_value for it in resource.resource.attributes if it.key == "service.name"), "")
            for scope in resource.instrumentation_library_spans:
                self.spans += [_span(name, span) for span in scope.spans]


def _span(name: str, span: Any) -> Span:
    attributes = {it.key: it.value.string_value for it in span.attributes}
    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
    return Span(name, span.name, *ids, span.kind, attributes)


@asynccontextmanager
async def over_grpc(pair: pem.Pair | None = None) -> AsyncIterator[Collector]:
    """A collector for `grpc://`, or with a certificate for `grpcs://`."""
    collector = Collector()

    async def export(request: Any, _context: Any) -> Any:
        collector.take(request)
        return service.ExportTraceServiceResponse()

    method = grpc.unary_unary_rpc_method_handler(
        export,
        request_deserializer=service.ExportTraceServiceRequest.FromString,
        response_serializer=service.ExportTraceServiceResponse.SerializeToString,
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Export": method}),))
    if pair is None:
        collector.port = server.add_insecure_port(f"{LOOPBACK}:0")
    else:
        credentials = grpc.ssl_server_credentials([(pair.key, pair.chain)])
        collector.port = server.add_secure_port(f"{LOOPBACK}:0", credentials)
    await server.start()
    try:
        yield collector
    finally:
        await server.stop(0)


@asynccontextmanager
async def over_http(context: ssl.SSLContext | None = None) -> AsyncIterator[Collector]:
    """A collector for `http://`, or with a context for `https://`."""
    collector = Collector()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection, body = h11.Connection(h11.SERVER), b""
        while data := await reader.read(1 << 16):
            connection.receive_data(data)
            while (event := connection.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Request):
                    collector.paths.append(event.target.decode())
                    body = b""
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    collector.take(service.ExportTraceServiceRequest.FromString(body))
                    head = h11.Response(status_code=200, headers=[("content-length", "0")])
                    writer.write((connection.send(head) or b"") + (connection.send(h11.EndOfMessage()) or b""))
                    connection.start_next_cycle()
                    break
                else:
                    return

    async with raw(talk, context=context) as listening:
        collector.port = listening.port
        yield collector
