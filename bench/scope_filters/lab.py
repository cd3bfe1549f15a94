"""Processes of the experiment: Envoy, backends, free ports. All on loopback, all gone at the end of a block."""

import asyncio
import hashlib
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import envoy
import grpc
from aiohttp import WSMsgType, web

from bench.scope_filters import resources

ENVOY = Path(next(iter(envoy.__path__))) / "_bin" / "envoy"
CORES = ",".join(map(str, sorted(os.sched_getaffinity(0))))


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Return when the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(condition)
        time.sleep(0.01)


class Envoy:
    """One running Envoy and its admin interface."""

    def __init__(self, folder: Path, ads_port: int, *options: str, cores: str = CORES) -> None:
        self.admin_port = free_port()
        self.log = folder / "envoy.log"
        file = folder / "bootstrap.json"
        file.write_text(json.dumps(resources.bootstrap(ads_port, self.admin_port)))
        command = [
            "taskset",
            "-c",
            cores,
            str(ENVOY),
            "-c",
            str(file),
            "--use-dynamic-base-id",
            "--concurrency",
            "1",
            *options,
        ]
        environment = os.environ | {"ENVOY_DYNAMIC_MODULES_SEARCH_PATH": str(folder)}
        self._process = subprocess.Popen(command, stdout=self.log.open("w"), stderr=subprocess.STDOUT, env=environment)

    def admin(self, path: str) -> str:
        """What the admin interface answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/{path}", timeout=5) as answer:
            text: str = answer.read().decode()
            return text

    def stat(self, name: str) -> int:
        """The value of one counter or gauge."""
        lines = self.admin(f"stats?filter=^{name}$").split()
        return int(lines[-1]) if lines else 0

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()


async def _echo(request: web.Request) -> web.StreamResponse:
    if request.headers.get("upgrade", "").lower() == "websocket":
        return await _echo_socket(request)
    body = await request.read()
    headers = [[k.lower(), v] for k, v in request.headers.items()]
    answer = {"headers": headers, "length": len(body), "sha": hashlib.sha256(body).hexdigest(), "path": request.path}
    return web.json_response(answer)


async def _echo_socket(request: web.Request) -> web.WebSocketResponse:
    channel = web.WebSocketResponse()
    await channel.prepare(request)
    async for message in channel:
        if message.type == WSMsgType.TEXT:
            await channel.send_str(message.data)
    return channel


@contextmanager
def echo_backend() -> Iterator[int]:
    """An HTTP and WebSocket backend that answers with what it received."""
    loop = asyncio.new_event_loop()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", _echo)
    runner = web.AppRunner(app)
    port = free_port()

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


class _GrpcEcho:
    def service(self, _call: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(lambda request, _context: request)


@contextmanager
def grpc_backend() -> Iterator[int]:
    """A gRPC server that answers every unary call with its request."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((_GrpcEcho(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()


@contextmanager
def nginx_backend(cores: str = CORES) -> Iterator[int]:
    """A fast backend for throughput: one nginx worker, a fixed answer of a few bytes."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "nginx.conf"
        file.write_text(
            f"daemon off; worker_processes 1; pid {name}/pid; error_log {name}/error.log;\n"
            "events { worker_connections 4096; }\n"
            f"http {{ access_log off; keepalive_requests 1000000000;\n"
            f"  server {{ listen 127.0.0.1:{port}; location / {{ return 200 'ok\\n'; }} }} }}\n"
        )
        process = subprocess.Popen(
            ["taskset", "-c", cores, "nginx", "-p", name, "-c", str(file)], stderr=subprocess.DEVNULL
        )
        try:
            wait_for(lambda: _listens(port))
            yield port
        finally:
            process.terminate()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ready(port: int) -> None:
    """Wait until somebody listens on the port."""
    wait_for(lambda: _listens(port))
