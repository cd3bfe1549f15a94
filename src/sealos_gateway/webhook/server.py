"""Listens for the API server: HTTPS for reviews, plain HTTP for health, readiness and metrics.

It is ready when it has a certificate that the API server trusts and a sidecar that can be read. Both are looked at
again every minute, so that neither a renewed certificate nor a changed sidecar needs new pods.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from sealos_gateway.clock import SystemClock
from sealos_gateway.kube.client import Client
from sealos_gateway.kube.config import InCluster
from sealos_gateway.kube.errors import ApiError
from sealos_gateway.webhook import review
from sealos_gateway.webhook.certificate import Folder, Keeper, Pair, Place
from sealos_gateway.webhook.injection import Sidecar

log = logging.getLogger(__name__)

PATH: Final = "/pods"
_BODY_BYTES: Final = 4 << 20
_LOOK_AGAIN_SECONDS: Final = 60.0
_TRY_AGAIN_SECONDS: Final = 2.0

Certificate = Callable[[], Awaitable[Pair]]


class SidecarError(Exception):
    """The description of the sidecar cannot be read; the message names the file."""


def sidecar(path: Path, authority: Path | None = None) -> Sidecar:
    """The sidecar of the file; `authority` becomes an annotation of the pods. Raises SidecarError."""
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = msgspec.convert(data, Sidecar)
        if authority:
            known = {"sealos.io/sidecar-ca": authority.read_text(encoding="utf-8")}
            found = msgspec.structs.replace(found, annotations=found.annotations | known)
    except OSError as error:
        raise SidecarError(f"{error.filename}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise SidecarError(f"{path}: {error}") from error
    return found


class Server:
    """The webhook; `run` serves until it is told to stop."""

    def __init__(self, read: Callable[[], Sidecar], certificate: Certificate) -> None:
        self._read, self._certificate = read, certificate
        self._sidecar: Sidecar | None = None
        self._pair: Pair | None = None
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._why = "it has just started"
        self._registry = CollectorRegistry()
        self._reviews = Counter(
            "sgw_webhook_reviews", "Pods reviewed, by outcome: injected, unchanged, refused, failed", ["outcome"],
            registry=self._registry,
        )  # fmt: skip
        self._expiry = Gauge(
            "sgw_webhook_certificate_expiry_seconds", "End of the certificate in use, in seconds since 1970",
            registry=self._registry,
        )  # fmt: skip

    @property
    def ready(self) -> bool:
        return self._sidecar is not None and self._pair is not None

    async def run(self, address: str, port: int, status_port: int, stop: asyncio.Event) -> None:
        """Serve until `stop`. Raises OSError when a port is taken."""
        status = await _started(self._status_app(), address, status_port)
        reviews: web.AppRunner | None = None
        try:
            while not stop.is_set():
                await self._look()
                if self.ready and reviews is None:
                    reviews = await _started(self._review_app(), address, port, self._context)
                    log.info("pods are reviewed on port %d", port)
                seconds = _LOOK_AGAIN_SECONDS if not self._why else _TRY_AGAIN_SECONDS
                try:
                    await asyncio.wait_for(stop.wait(), seconds)
                except TimeoutError:
                    continue
        finally:
            for runner in (reviews, status):
                if runner:
                    await runner.cleanup()

    async def _look(self) -> None:
        """Read sidecar and certificate again. What was read before stays in use when that fails."""
        why = ""
        try:
            self._sidecar = self._read()
            pair = await self._certificate()
            if self._pair is None or pair.certificate != self._pair.certificate:
                _load(self._context, pair)
            self._pair = pair
            self._expiry.set(pair.not_after.timestamp())
        except (SidecarError, ApiError, OSError, ssl.SSLError) as error:
            why = str(error)
        if why and why != self._why:
            log.warning("%s", why)
        self._why = why

    def _review_app(self) -> web.Application:
        app = web.Application(client_max_size=_BODY_BYTES)
        app.router.add_post(PATH, self._review)
        return app

    async def _review(self, request: web.Request) -> web.Response:
        assert self._sidecar is not None
        try:
            answer = review.answer(await request.read(), self._sidecar)
        except review.ReviewError as error:
            self._reviews.labels("failed").inc()
            return web.Response(status=400, text=f"{error}\n")
        self._reviews.labels(answer.outcome).inc()
        return web.Response(body=answer.body, content_type="application/json")

    def _status_app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        return app

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        if self.ready:
            return web.Response(text="ready\n")
        return web.Response(status=503, text=f"not ready: {self._why}\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        headers = {"content-type": "text/plain; version=0.0.4"}
        return web.Response(body=generate_latest(self._registry), headers=headers)


async def _started(
    app: web.Application, address: str, port: int, context: ssl.SSLContext | None = None
) -> web.AppRunner:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port, ssl_context=context).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner


def _load(context: ssl.SSLContext, pair: Pair) -> None:
    """For the handshakes from now on. `ssl` reads only files; the key's is gone when this returns."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(pair.certificate + bytes(pair.key))
        file.flush()
        context.load_cert_chain(file.name)


async def serve(read: Callable[[], Sidecar], place: Place | Path, address: str, port: int, status_port: int) -> None:
    """Until SIGINT or SIGTERM. `place` is where we keep a certificate of our own, or the folder of somebody else's."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if isinstance(place, Path):
        await Server(read, Folder(place).pair).run(address, port, status_port, stop)
        return
    clock = SystemClock()
    async with Client(InCluster(), clock) as api:
        await Server(read, Keeper(api, clock, place).pair).run(address, port, status_port, stop)
