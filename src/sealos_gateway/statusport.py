"""The status port: health, readiness, metrics, problems and explanations. Read-only."""

from __future__ import annotations

import msgspec
from aiohttp import web

from sealos_gateway import explain, observe
from sealos_gateway.node.admin import Admin, AdminError
from sealos_gateway.node.supervisor import PortTakenError
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.report import Report
from sealos_gateway.settings import Settings
from sealos_gateway.xds.fleet import Fleet


class StatusPort:
    """A small HTTP server beside the traffic, bound to `status_address`."""

    def __init__(
        self,
        settings: Settings,
        pipeline: Pipeline,
        fleet: Fleet,
        metrics: observe.Metrics,
        admin: Admin,
        report: Report,
    ) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._fleet = fleet
        self._metrics = metrics
        self._admin = admin
        self._report = report
        self._was_ready = False
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises PortTakenError."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics_page)
        app.router.add_get("/metrics/envoy", self._envoy_metrics)
        app.router.add_get("/problems", self._problems)
        app.router.add_get("/explain", self._explain)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        address, port = self._settings.status_address, self._settings.status_port
        try:
            await web.TCPSite(self._runner, address, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise PortTakenError(
                f"cannot listen on {address}:{port} (status port): {error.strerror}; choose another with --status-port"
            ) from error

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def is_ready(self) -> bool:
        """After the first complete acknowledged configuration, as long as Envoy is live."""
        if not self._was_ready:
            revision = self._pipeline.snapshot.revision
            self._was_ready = revision > 0 and self._fleet.all_acked(revision)
        try:
            return self._was_ready and await self._admin.is_live()
        except AdminError:
            return False

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        if await self.is_ready():
            return web.Response(text="ready\n")
        return web.Response(status=503, text="not ready: Envoy has not acknowledged a complete configuration yet\n")

    async def _metrics_page(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"content-type": "text/plain; version=0.0.4"})

    async def _envoy_metrics(self, _: web.Request) -> web.Response:
        try:
            return web.Response(
                text=await self._admin.prometheus(), headers={"content-type": "text/plain; version=0.0.4"}
            )
        except AdminError as error:
            return web.Response(status=503, text=f"envoy does not answer: {error}\n")

    async def _problems(self, _: web.Request) -> web.Response:
        return _json([str(problem) for problem in self._report.problems()])

    async def _explain(self, request: web.Request) -> web.Response:
        try:
            return _json(explain.explain(request.query.get("url", ""), self._pipeline))
        except explain.UrlError as error:
            return web.Response(status=400, text=f"{error}\n")


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
