"""Services that are asked whether a request may pass, by HTTP and by gRPC, and filters that ask them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
import h11
from envoy.config.core.v3 import base_pb2
from envoy.service.auth.v3 import external_auth_pb2
from google.rpc import status_pb2

from tests.e2e import backends
from tests.e2e.backends import LOOPBACK

Headers = list[tuple[str, str]]
DENIED = "denied by the judge"
_SERVICE = "envoy.service.auth.v3.Authorization"


@dataclass
class Judge:
    """A service that answers every question with `status` and `gives`, and remembers what it was asked."""

    gives: Headers = field(default_factory=list)
    status: int = 200
    port: int = 0
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection, body = h11.Connection(h11.SERVER), b""
        request = h11.Request(method="GET", target="/", headers=[("host", "-")])
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.ConnectionClosed):
                break
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(1 << 16))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
        if isinstance(event, h11.EndOfMessage):
            headers = {name.decode(): value.decode() for name, value in request.headers}
            self.asked.append((request.method.decode(), request.target.decode(), headers, body))
            told = DENIED.encode() if self.status >= 400 else b""
            head = [
                ("content-length", str(len(told))),
                ("connection", "close"),
                ("content-type", "x/judge"),
                *self.gives,
            ]
            parts: list[h11.Event] = [h11.Response(status_code=self.status, headers=head)]
            parts += [h11.Data(told)] if told and request.method != b"HEAD" else []
            for part in (*parts, h11.EndOfMessage()):
                writer.write(connection.send(part) or b"")
            await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def judge(context: ssl.SSLContext | None = None, **said: Any) -> AsyncIterator[Judge]:
    made = Judge(**said)
    async with backends.raw(made, context=context) as listening:
        made.port = listening.port
        yield made


@dataclass
class GrpcJudge:
    """Sends /old to /new, and says who asked; lets nobody in who has no `x-name`. Remembers what it was asked."""

    port: int = 0
    #: What it writes besides.
    writes: Headers = field(default_factory=lambda: [("host", "evil.test")])
    asked: list[Any] = field(default_factory=list)

    async def check(self, request: external_auth_pb2.AttributeContext, _context: Any) -> Any:
        http = request.attributes.request.http
        self.asked.append(http)
        assert "x-sealos-scope" not in http.headers
        if "x-name" not in http.headers:
            denied = external_auth_pb2.DeniedHttpResponse(body="no name")
            denied.status.code = 401
            denied.headers.add().header.CopyFrom(base_pb2.HeaderValue(key="www-authenticate", value="Name"))
            return external_auth_pb2.CheckResponse(status=status_pb2.Status(code=16), denied_response=denied)
        path = http.path.replace("/old", "/new")
        ok = external_auth_pb2.OkHttpResponse()
        for key, value in (("x-tenant", http.headers["x-name"]), (":path", path), *self.writes):
            ok.headers.add().header.CopyFrom(base_pb2.HeaderValue(key=key, value=value))
        return external_auth_pb2.CheckResponse(status=status_pb2.Status(code=0), ok_response=ok)


@asynccontextmanager
async def grpc_judge(credentials: grpc.ServerCredentials | None = None) -> AsyncIterator[GrpcJudge]:
    made, server = GrpcJudge(), grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(
        made.check,
        request_deserializer=external_auth_pb2.CheckRequest.FromString,
        response_serializer=external_auth_pb2.CheckResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Check": handler}),))
    place = f"{LOOPBACK}:0"
    made.port = server.add_secure_port(place, credentials) if credentials else server.add_insecure_port(place)
    await server.start()
    try:
        yield made
    finally:
        await server.stop(0)


def asks(service: str, protocol: str = "HTTP", body: int = 0, namespace: str = "", **how: Any) -> dict[str, Any]:
    """A filter of a listener or of a rule; `how` is what it says of the protocol."""
    more = {"forwardBody": {"maxSize": body}} if body else {}
    elsewhere = {"namespace": namespace} if namespace else {}
    wanted = {"protocol": protocol, "backendRef": {"name": service, "port": 80, **elsewhere}, protocol.lower(): how}
    return {"type": "ExternalAuth", "externalAuth": {**wanted, **more}}
