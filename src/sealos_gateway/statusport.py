"""The status port: health, readiness, metrics, and whatever else a command can tell. Read-only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import msgspec
from aiohttp import web

from sealos_gateway import explain
from sealos_gateway.controller import Controller
from sealos_gateway.dataplane import DataPlane
from sealos_gateway.node.admin import AdminError
from sealos_gateway.node.supervisor import PortTakenError

Page = Callable[[web.Request], Coroutine[Any, Any, web.Response]]
_METRICS = {"content-type": "text/plain; version=0.0.4"}


class StatusPort:
    """A small HTTP server beside the traffic. `unready` says why not yet, or nothing."""

    def __init__(
        self,
        address: str,
        port: int,
        unready: Callable[[], Awaitable[str]],
        metrics: Callable[[], bytes],
        pages: Mapping[str, Page],
    ) -> None:
        self._address, self._port = address, port
        self._unready, self._metrics = unready, metrics
        self._pages = pages
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises PortTakenError."""
        app = web.Application()
        always: dict[str, Page] = {"/healthz": _healthz, "/readyz": self._readyz, "/metrics": self._metrics_page}
        for path, page in {**always, **self._pages}.items():
            app.router.add_get(path, page)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._address, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise PortTakenError(
                f"cannot listen on {self._address}:{self._port} (status port): {error.strerror}; "
                "choose another with --status-port"
            ) from error

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _readyz(self, _: web.Request) -> web.Response:
        reason = await self._unready()
        return web.Response(status=503, text=f"not ready: {reason}\n") if reason else web.Response(text="ready\n")

    async def _metrics_page(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), headers=_METRICS)


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def controller_pages(controller: Controller) -> dict[str, Page]:
    """What a control plane can tell of objects."""

    async def problems(_: web.Request) -> web.Response:
        return _json([str(problem) for problem in controller.report.problems()])

    async def explanation(request: web.Request) -> web.Response:
        try:
            return _json(explain.explain(request.query.get("url", ""), controller.pipeline))
        except explain.UrlError as error:
            return web.Response(status=400, text=f"{error}\n")

    return {"/problems": problems, "/explain": explanation}


def envoy_pages(plane: DataPlane) -> dict[str, Page]:
    """What an Envoy can tell of itself."""

    async def metrics(_: web.Request) -> web.Response:
        try:
            return web.Response(text=await plane.admin.prometheus(), headers=_METRICS)
        except AdminError as error:
            return web.Response(status=503, text=f"envoy does not answer: {error}\n")

    return {"/metrics/envoy": metrics}


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
