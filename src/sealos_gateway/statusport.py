"""The status port: health, readiness, metrics, and whatever else a command can tell. Read-only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from sealos_gateway.http1.server import Page, Request, Response, Server, text
from sealos_gateway.node.admin import Admin, AdminError
from sealos_gateway.node.supervisor import PortTakenError

_METRICS = "text/plain; version=0.0.4"


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
        always: dict[str, Page] = {"/healthz": _healthz, "/readyz": self._readyz, "/metrics": self._metrics_page}
        self._server = Server({**always, **pages})

    async def start(self) -> None:
        """Listen. Raises PortTakenError."""
        try:
            await self._server.listen(self._address, self._port)
        except OSError as error:
            raise PortTakenError(
                f"cannot listen on {self._address}:{self._port} (status port): {error.strerror}; "
                "choose another with --status-port"
            ) from error

    async def stop(self) -> None:
        await self._server.close()

    async def _readyz(self, _: Request) -> Response:
        reason = await self._unready()
        return text(f"not ready: {reason}\n", 503) if reason else text("ready\n")

    async def _metrics_page(self, _: Request) -> Response:
        return Response(body=self._metrics(), content_type=_METRICS)


async def _healthz(_: Request) -> Response:
    return text("ok\n")


def envoy_pages(admin: Admin) -> dict[str, Page]:
    """What an Envoy can tell of itself."""

    async def metrics(_: Request) -> Response:
        try:
            return Response(body=await admin.prometheus(), content_type=_METRICS)
        except AdminError as error:
            return text(f"envoy does not answer: {error}\n", 503)

    return {"/metrics/envoy": metrics}
