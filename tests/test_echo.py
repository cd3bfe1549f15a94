"""The echo server through real sockets and real clients: what is said back, the controls, the protocols, the end."""

import asyncio
import datetime
import hashlib
import ipaddress
import json
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import h2.config
import h2.connection
import h2.events
import httpx
import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sealos_gateway.echo import controls, server
from sealos_gateway.echo.server import EchoAddresses, EchoError, EchoSettings


@asynccontextmanager
async def echo(settings: EchoSettings | None = None, stop: asyncio.Event | None = None) -> AsyncIterator[EchoAddresses]:
    """A running server; it has ended, with everything it started, when the block is left."""
    stop = stop or asyncio.Event()
    ready: asyncio.Future[EchoAddresses] = asyncio.get_running_loop().create_future()
    before = asyncio.all_tasks()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(settings or EchoSettings(name="pod-1"), stop, ready.set_result))
        yield await ready
        stop.set()
    left = asyncio.all_tasks() - {asyncio.current_task()} - before
    # Clients leave closing generators to the loop: these end by themselves, a task of the server would not.
    assert not left or not (await asyncio.wait(left, timeout=1))[1]


@asynccontextmanager
async def client(*, http2: bool = False, settings: EchoSettings | None = None) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        echo(settings) as addresses,
        httpx.AsyncClient(base_url=addresses.url, http1=not http2, http2=http2, trust_env=False) as http,
    ):
        yield http


@pytest.fixture(params=["1.1", "2"])
async def http(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    async with client(http2=request.param == "2") as http:
        http.headers["x-expect-version"] = request.param
        yield http


async def chunks(count: int, size: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number % 256]) * size


# --- what is said back


async def test_a_plain_get_says_what_arrived(http: httpx.AsyncClient) -> None:
    reply = await http.get("/a%20b/c?x=1&x=2", headers=[("x-twice", "one"), ("x-twice", "two")])

    said = reply.json()
    assert reply.status_code == 200
    assert reply.headers["x-echo-pod"] == "pod-1"
    assert (said["name"], said["method"], said["scheme"]) == ("pod-1", "GET", "http")
    assert (said["path"], said["query"]) == ("/a%20b/c", "x=1&x=2")
    assert said["http_version"] == http.headers["x-expect-version"]
    assert [value for name, value in said["headers"] if name == "x-twice"] == ["one", "two"]
    assert said["client"].startswith("127.0.0.1:")
    assert (said["body_bytes"], said["body"]) == (0, "")
    assert said["body_sha256"] == hashlib.sha256().hexdigest()


async def test_header_names_keep_their_case_on_http_1() -> None:
    async with client() as http:
        said = (await http.get("/", headers={"X-Camel-Case": "1"})).json()
    assert ["X-Camel-Case", "1"] in said["headers"]


async def test_a_small_body_is_said_back_as_text(http: httpx.AsyncClient) -> None:
    said = (await http.post("/", content="grüezi")).json()
    assert (said["method"], said["body"], said["body_bytes"]) == ("POST", "grüezi", 7)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a" * 4097])
async def test_a_binary_or_large_body_is_only_hashed(http: httpx.AsyncClient, body: bytes) -> None:
    said = (await http.put("/", content=body)).json()
    assert said["body"] is None
    assert (said["body_bytes"], said["body_sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


async def test_a_streamed_upload_is_counted_and_hashed(http: httpx.AsyncClient) -> None:
    digest = hashlib.sha256()
    async for chunk in chunks(64, 65536):
        digest.update(chunk)
    said = (await http.post("/", content=chunks(64, 65536))).json()
    assert (said["body_bytes"], said["body_sha256"]) == (64 * 65536, digest.hexdigest())


async def test_a_head_request_gets_the_headers_alone(http: httpx.AsyncClient) -> None:
    reply = await http.head("/?size=100000")
    assert (reply.headers["content-length"], reply.content) == ("100000", b"")


async def test_a_connection_serves_one_exchange_after_another(http: httpx.AsyncClient) -> None:
    clients = {(await http.post("/?status=500", content=b"z" * 100_000)).json()["client"] for _ in range(5)}
    assert len(clients) == 1


async def test_an_answer_is_not_held_back_for_an_acknowledgement() -> None:
    async with client() as http:
        began = asyncio.get_running_loop().time()
        for _ in range(50):
            await http.get("/")
    assert asyncio.get_running_loop().time() - began < 50 * 0.04


# --- the controls


async def test_status_and_headers_are_set_as_asked(http: httpx.AsyncClient) -> None:
    reply = await http.get("/?status=503&header=X-One:a%20b&header=set-cookie:c=1&header=set-cookie:d=2")
    assert (reply.status_code, reply.headers["x-one"]) == (503, "a b")
    assert reply.headers.get_list("set-cookie") == ["c=1", "d=2"]


async def test_a_204_has_neither_body_nor_length(http: httpx.AsyncClient) -> None:
    reply = await http.get("/?status=204")
    assert (reply.status_code, reply.content) == (204, b"")
    assert "content-length" not in reply.headers


async def test_delay_comes_before_the_answer(http: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await http.get("/?delay=30", timeout=0.1)
    began = asyncio.get_running_loop().time()
    await http.get("/?delay=0.1")
    assert asyncio.get_running_loop().time() - began >= 0.1


@pytest.mark.parametrize("size", [0, 1, 65536, 3_000_001])
async def test_size_decides_the_body(http: httpx.AsyncClient, size: int) -> None:
    reply = await http.get(f"/?size={size}")
    assert (int(reply.headers["content-length"]), len(reply.content)) == (size, size)


async def test_events_arrive_one_by_one(http: httpx.AsyncClient) -> None:
    async with http.stream("GET", "/?sse=20&every=0.005") as reply:
        events = [line async for line in reply.aiter_lines() if line.startswith("data: ")]
    assert reply.headers["content-type"] == "text/event-stream"
    assert [json.loads(line[6:])["number"] for line in events] == list(range(1, 21))


async def test_the_first_event_does_not_wait_for_the_second(http: httpx.AsyncClient) -> None:
    async with http.stream("GET", "/?sse=2&every=60") as reply:
        assert await anext(reply.aiter_lines()) == "id: 1"


async def test_a_body_comes_back_while_it_arrives() -> None:
    async with echo() as addresses:
        reader, writer = await asyncio.open_connection(addresses.host, addresses.port)
        writer.write(b"POST /?body=stream HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
        assert b"200" in await reader.readuntil(b"\r\n\r\n")
        for part in (b"one", b"two"):
            writer.write(b"3\r\n%s\r\n" % part)
            assert await reader.readuntil(part) == b"3\r\n" + part
            await reader.readexactly(2)
        writer.write(b"0\r\n\r\n")
        assert await reader.readexactly(5) == b"0\r\n\r\n"
        writer.close()
        await writer.wait_closed()


async def test_a_large_body_comes_back_whole(http: httpx.AsyncClient) -> None:
    reply = await http.post("/?body=stream", content=chunks(48, 65536), headers={"content-type": "image/png"})
    assert reply.content == b"".join([chunk async for chunk in chunks(48, 65536)])
    assert reply.headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("status=99", "status=99: give a number from 200 to 599"),
        ("status=abc", "status=abc"),
        ("delay=61", "delay=61"),
        ("delay=nan", "delay=nan"),
        ("size=-1", "size=-1"),
        (f"size={controls.MAX_SIZE + 1}", "size="),
        ("sse=1&every=-1", "every=-1"),
        ("header=no-colon", "give Name:Value"),
        ("header=x:a%0d%0ay:b", "give Name:Value"),
        ("header=content-length:5", "framing"),
        ("size=1&sse=1", "give one of them"),
    ],
)
async def test_a_control_out_of_bounds_is_refused_with_the_reason(query: str, reason: str) -> None:
    async with client() as http:
        reply = await http.get(f"/?{query}")
    assert reply.status_code == 400
    assert reason in reply.json()["error"]


# --- HTTP/2 details that the usual clients do not show


class RawH2:
    """A connection that keeps every header block, trailers included."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))

    async def collect(self) -> tuple[dict[str, str], bytes, dict[str, str]]:
        headers: list[dict[str, str]] = []
        body = b""
        while True:
            self._writer.write(self.connection.data_to_send())
            for event in self.connection.receive_data(await self._reader.read(65536)):
                if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                    headers.append({str(name): str(value) for name, value in event.headers or ()})
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data or b""
                    self.connection.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
                elif isinstance(event, h2.events.StreamEnded):
                    return headers[0], body, headers[1] if len(headers) > 1 else {}


@asynccontextmanager
async def raw_h2() -> AsyncIterator[tuple[RawH2, asyncio.StreamReader, asyncio.StreamWriter]]:
    async with echo() as addresses:
        reader, writer = await asyncio.open_connection(addresses.host, addresses.port)
        try:
            yield RawH2(reader, writer), reader, writer
        finally:
            writer.close()
            await writer.wait_closed()


@pytest.mark.parametrize(
    "query", ["trailers=1", "trailers=1&size=70000", "trailers=1&sse=2&every=0", "trailers=1&status=503"]
)
async def test_trailers_follow_the_body_on_http_2(query: str) -> None:
    async with raw_h2() as (raw, _, _):
        raw.connection.initiate_connection()
        request = [(":method", "GET"), (":path", f"/?{query}"), (":scheme", "http"), (":authority", "a")]
        raw.connection.send_headers(1, [*request, ("te", "trailers")], end_stream=True)
        headers, body, trailers = await raw.collect()
    assert headers["trailer"] == "x-echo-trailer"
    assert body
    assert trailers == {"x-echo-trailer": "pod-1"}


async def test_trailers_are_left_out_where_hypercorn_cannot_send_them() -> None:
    async with client() as http:
        reply = await http.get("/?trailers=1", headers={"te": "trailers"})
    assert reply.status_code == 200
    assert "trailer" not in reply.headers


async def test_http_1_upgrades_to_http_2() -> None:
    async with raw_h2() as (raw, reader, writer):
        settings = raw.connection.initiate_upgrade_connection() or b""
        upgrade = b"upgrade: h2c\r\nconnection: Upgrade, HTTP2-Settings\r\nhttp2-settings: "
        writer.write(b"GET /up HTTP/1.1\r\nhost: a\r\n" + upgrade + settings + b"\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        _, body, _ = await raw.collect()
    said = json.loads(body)
    assert (said["http_version"], said["path"]) == ("2", "/up")


# --- WebSocket


async def test_websocket_messages_come_back() -> None:
    async with (
        echo() as addresses,
        websockets.connect(
            f"ws://{addresses.host}:{addresses.port}/chat", subprotocols=[websockets.Subprotocol("chat.v2")], proxy=None
        ) as socket_,
    ):
        assert socket_.subprotocol == "chat.v2"
        assert socket_.response is not None
        assert socket_.response.headers["x-echo-pod"] == "pod-1"
        for message in ("text", b"\x00\xff", "", b"", "x" * 200_000):
            await socket_.send(message)
            assert await socket_.recv() == message


async def test_a_stopping_server_says_goodbye_to_websockets() -> None:
    stop = asyncio.Event()
    async with (
        echo(stop=stop) as addresses,
        websockets.connect(f"ws://{addresses.host}:{addresses.port}/", proxy=None) as socket_,
    ):
        await socket_.send("here")
        await socket_.recv()
        stop.set()
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket_.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001


# --- gRPC


@asynccontextmanager
async def channel() -> AsyncIterator[Any]:
    async with (
        echo(EchoSettings(name="pod-1", grpc_port=0)) as addresses,
        grpc.aio.insecure_channel(addresses.grpc_target, options=[("grpc.enable_http_proxy", 0)]) as channel,
    ):
        yield channel


METADATA = (("echo-a", "1"), ("echo-b-bin", b"\x00\xff"), ("other", "x"))
ECHOED = {"x-echo-pod": "pod-1", "echo-a": "1", "echo-b-bin": b"\x00\xff"}


def ours(metadata: Any) -> dict[str, str | bytes]:
    return {key: value for key, value in metadata if "echo" in key}


async def test_grpc_unary_comes_back_with_its_metadata() -> None:
    async with channel() as link:
        call = link.unary_unary("/sealos.echo.v1.Echo/Unary")(b"\x0a\x01x", metadata=METADATA)
        assert await call == b"\x0a\x01x"
        assert ours(await call.initial_metadata()) == ECHOED
        assert ours(await call.trailing_metadata()) == ECHOED


@pytest.mark.parametrize(("metadata", "count"), [((), 3), ((("echo-count", "20"),), 20), ((("echo-count", "0"),), 0)])
async def test_grpc_server_stream_repeats_the_message(metadata: tuple[tuple[str, str], ...], count: int) -> None:
    async with channel() as link:
        call = link.unary_stream("/sealos.echo.v1.Echo/ServerStream")(b"m", metadata=metadata)
        assert [message async for message in call] == [b"m"] * count


async def test_grpc_bidi_answers_each_message_before_the_next() -> None:
    async with channel() as link:
        call = link.stream_stream("/sealos.echo.v1.Echo/Bidi")(metadata=METADATA)
        for message in (b"one", b"two", b""):
            await call.write(message)
            assert await call.read() == message
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert ours(await call.trailing_metadata()) == ECHOED


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        (("echo-status", "5"), grpc.StatusCode.NOT_FOUND),
        (("echo-status", "14"), grpc.StatusCode.UNAVAILABLE),
        (("echo-status", "17"), grpc.StatusCode.INVALID_ARGUMENT),
        (("echo-delay", "soon"), grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_grpc_fails_as_asked(metadata: tuple[str, str], code: grpc.StatusCode) -> None:
    async with channel() as link:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await link.unary_unary("/sealos.echo.v1.Echo/Unary")(b"", metadata=(metadata,))
        stream = link.unary_stream("/sealos.echo.v1.Echo/ServerStream")(b"", metadata=(metadata,))
        assert await stream.code() == code
    assert failure.value.code() == code


async def test_grpc_delay_runs_into_the_deadline() -> None:
    async with channel() as link:
        call = link.unary_unary("/sealos.echo.v1.Echo/Unary")(b"", metadata=(("echo-delay", "30"),), timeout=0.1)
        assert await call.code() == grpc.StatusCode.DEADLINE_EXCEEDED


# --- start and end


@pytest.mark.parametrize("kind", ["port", "grpc_port"])
async def test_a_taken_port_is_named_with_the_remedy(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = EchoSettings(port=port) if kind == "port" else EchoSettings(grpc_port=port)
        with pytest.raises(EchoError, match=f"port {port} on 127.0.0.1 is taken.*choose another port"):
            await server.serve(settings, asyncio.Event(), None)


def test_half_a_tls_setting_and_a_name_unfit_for_a_header_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EchoError, match="both a certificate file and a key file"):
        EchoSettings(tls_cert=tmp_path / "cert.pem")
    with pytest.raises(EchoError, match="printable ASCII"):
        EchoSettings(name="a\r\nb")


async def test_unusable_tls_files_are_named(tmp_path: Path) -> None:
    settings = EchoSettings(tls_cert=tmp_path / "no.pem", tls_key=tmp_path / "no.key")
    with pytest.raises(EchoError, match=r"no\.pem"):
        await server.serve(settings, asyncio.Event(), None)


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
    signed = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    pem, format_ = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(pem, format_, serialization.NoEncryption()))
    return cert_file, key_file


async def test_tls_serves_http_2_and_grpc(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(cert))
    credentials = grpc.ssl_channel_credentials(cert.read_bytes())
    async with (
        echo(EchoSettings(grpc_port=0, tls_cert=cert, tls_key=key)) as addresses,
        httpx.AsyncClient(base_url=addresses.url, verify=trust, http2=True, trust_env=False) as http,
        grpc.aio.secure_channel(addresses.grpc_target, credentials, [("grpc.enable_http_proxy", 0)]) as link,
    ):
        reply = await http.get("/")
        assert (reply.http_version, reply.json()["scheme"]) == ("HTTP/2", "https")
        assert await link.unary_unary("/sealos.echo.v1.Echo/Unary")(b"m") == b"m"


@pytest.mark.parametrize("http2", [False, True])
async def test_stop_lets_a_running_answer_finish_and_ends_endless_ones(http2: bool) -> None:
    stop = asyncio.Event()
    async with (
        echo(EchoSettings(grace=5), stop) as addresses,
        httpx.AsyncClient(base_url=addresses.url, http1=not http2, http2=http2, trust_env=False) as http,
        http.stream("GET", "/?sse=1000&every=60") as events,
        asyncio.TaskGroup() as tasks,
    ):
        lines = events.aiter_lines()
        await anext(lines)
        slow = tasks.create_task(http.get("/?delay=0.2"))
        quick = await http.get("/")
        stop.set()
        assert [line async for line in lines] == ['data: {"name":"echo","number":1}', ""]
        assert (await slow).status_code == 200
        assert quick.status_code == 200


@pytest.mark.parametrize("http2", [False, True])
async def test_an_answer_longer_than_the_grace_is_cut(http2: bool) -> None:
    stop = asyncio.Event()
    async with (
        echo(EchoSettings(grace=0.05), stop) as addresses,
        httpx.AsyncClient(base_url=addresses.url, http1=not http2, http2=http2, trust_env=False) as http,
        http.stream("GET", f"/?size={controls.MAX_SIZE}") as reply,
    ):
        stop.set()
        # The connection is cut: the client sees its end or, with something unread, its reset.
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            async for _ in reply.aiter_raw():
                pass


@pytest.mark.parametrize(
    "asked",
    [
        b"GET /?size=1000000000 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST /?body=stream HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n" + b"x" * 50_000_000,
    ],
    ids=["answer", "stream"],
)
async def test_a_client_that_does_not_read_cannot_hold_up_the_end(asked: bytes) -> None:
    stop = asyncio.Event()
    async with echo(EchoSettings(grace=0.05), stop) as addresses:
        reader, writer = await asyncio.open_connection(addresses.host, addresses.port)
        writer.write(asked)
        await reader.readuntil(b"\r\n\r\n")
        stop.set()
    writer.transport.abort()


async def test_a_cancelled_server_ends_its_exchanges() -> None:
    with pytest.raises(ExceptionGroup, match="unhandled errors"):  # noqa: PT012 (the block is the server's life)
        async with echo(EchoSettings(grace=2, grpc_port=0)) as addresses:
            reader, writer = await asyncio.open_connection(addresses.host, addresses.port)
            writer.write(b"GET /?sse=10&every=60 HTTP/1.1\r\nhost: a\r\n\r\n")
            await reader.readuntil(b"id: 1")
            raise RuntimeError
    assert (await reader.read()).endswith(b"\r\n0\r\n\r\n")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_run_ends_quietly_on_a_signal(number: signal.Signals) -> None:
    code = "from sealos_gateway.echo import server as s; s.run(s.EchoSettings(), lambda a: print(a.url, flush=True))"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", code, stdout=-1, stderr=-1, env={**os.environ, "PYTHONDEVMODE": ""}
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()).startswith(b"http://127.0.0.1:")
    process.send_signal(number)
    assert await process.communicate() == (b"", b"")
    assert process.returncode == 0
