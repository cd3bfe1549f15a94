"""What a control plane tells of objects on its status port: problems, and why a URL is answered as it is."""

from __future__ import annotations

import msgspec

from sealos_gateway import explain
from sealos_gateway.controller import Controller
from sealos_gateway.http1.server import Page, Request, Response, text


def controller_pages(controller: Controller) -> dict[str, Page]:
    """What a control plane can tell of objects."""

    async def problems(_: Request) -> Response:
        return _json([str(problem) for problem in controller.report.problems()])

    async def explanation(request: Request) -> Response:
        try:
            return _json(explain.explain(request.query.get("url", ""), controller.pipeline))
        except explain.UrlError as error:
            return text(f"{error}\n", 400)

    return {"/problems": problems, "/explain": explanation}


def _json(value: object) -> Response:
    return Response(body=msgspec.json.encode(value), content_type="application/json")
