"""One line per request, with everything that an operator asks of it."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway, Site
from tests.e2e.harness import eventually

FIELDS = {
    "time", "method", "scheme", "authority", "path", "protocol", "status", "response_flags", "response_code_details",
    "bytes_received", "bytes_sent", "duration", "upstream_service_time", "client_address", "x_forwarded_for",
    "user_agent", "request_id", "route", "upstream_cluster", "upstream_host", "tls_version", "sni",
}  # fmt: skip


async def line(site: Site, **fields: Any) -> dict[str, Any]:
    """The one line with these values. Envoy writes its log once a second."""

    def written() -> dict[str, Any]:
        found = site.gateway.access_log(authority=site.host, **fields)
        assert len(found) == 1, found
        return found[0]

    return await eventually(written, 15)


@pytest.mark.parametrize("http2", [False, True], ids=["http/1.1", "h2c"])
async def test_a_line_says_who_asked_what_and_who_answered(web: Site, echo_a: Echo, http2: bool) -> None:
    reply = await web.gateway.request(
        "POST", web.host, "/a/b?c=d&delay=0.2", content=b"hello", http2=http2,
        headers={"User-Agent": "tester/1", "X-Forwarded-For": "203.0.113.66", "Referer": "https://from.test/"},
    )  # fmt: skip
    said = reply.json()
    found = await line(web)

    assert found.keys() >= FIELDS
    assert abs(datetime.fromisoformat(found["time"]).timestamp() - datetime.now().timestamp()) < 60
    assert (found["method"], found["scheme"], found["path"]) == ("POST", "http", "/a/b?c=d&delay=0.2")
    assert found["protocol"] == ("HTTP/2" if http2 else "HTTP/1.1")
    assert (found["status"], found["response_flags"], found["response_code_details"]) == (200, "-", "via_upstream")
    assert (found["bytes_received"], found["bytes_sent"]) == (5, len(reply.content))
    assert 200 <= found["upstream_service_time"] <= found["duration"] < 5000
    assert re.fullmatch(r"127\.0\.0\.1:\d+", found["client_address"])
    assert found["x_forwarded_for"] == dict(said["headers"])["x-forwarded-for"]
    assert (found["user_agent"], found["referer"]) == ("tester/1", "https://from.test/")
    assert found["request_id"] == dict(said["headers"])["x-request-id"]
    assert found["route"] == f"{web.namespace}/web"
    assert found["upstream_cluster"] == f"outbound|80||web.{web.namespace}.svc.cluster.local"
    assert found["upstream_host"] == f"127.0.0.1:{echo_a.port}"
    assert (found["tls_version"], found["sni"]) == (None, None)


async def test_a_line_of_a_request_that_nobody_answered(web: Site) -> None:
    nobody = Site(web.gateway)
    await nobody.get("/nothing")
    found = await line(nobody)
    assert (found["status"], found["response_flags"], found["route"]) == (404, "NR", None)
    assert (found["upstream_cluster"], found["upstream_host"]) == (None, None)


async def test_a_line_of_a_backend_without_endpoints(site: Site) -> None:
    site.backend("web")
    site.ingress()
    await site.gateway.settled()
    assert (await site.get()).status_code == 503
    found = await line(site)
    assert (found["status"], found["response_flags"]) == (503, "UH")
    assert found["response_code_details"] == "no_healthy_upstream"
    assert found["route"] == f"{site.namespace}/web"


async def test_the_path_is_the_one_that_was_asked_for(web: Site) -> None:
    """A client cannot write another one into the log."""
    await web.answer("/real", headers={"X-Envoy-Original-Path": "/fake"})
    assert (await line(web))["path"] == "/real"


async def test_what_a_client_sends_cannot_break_a_line(web: Site) -> None:
    await web.answer('/"quoted"\\', headers={"User-Agent": '"}\\{"status":1'})
    assert (await line(web))["user_agent"] == '"}\\{"status":1'


async def test_the_log_as_text_in_a_file_of_its_own(new_gateway: NewGateway, echo_a: Echo, tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    site = Site(new_gateway(settings={"access_log": {"format": "text", "path": str(path)}}).start())
    site.backend("web", echo_a.port)
    site.ingress()
    await site.gateway.settled()
    await site.answer("/text?x=1")
    wanted = f'"GET http://{site.host}/text?x=1 HTTP/1.1" 200 - via_upstream 0 '

    def written() -> str:
        return next((it for it in path.read_text().splitlines() if wanted in it), "")

    assert f"{site.namespace}/web outbound|80||web.{site.namespace}.svc.cluster.local" in await eventually(written, 15)
    assert site.gateway.stdout() == ""


async def test_the_log_off(new_gateway: NewGateway, echo_a: Echo) -> None:
    site = Site(new_gateway(settings={"access_log": {"format": "off"}}).start())
    site.backend("web", echo_a.port)
    site.ingress()
    await site.gateway.settled()
    await site.answer()
    assert site.gateway.stop() == 0  # what is not written by then never will be
    assert site.gateway.stdout() == ""


async def test_every_line_is_json(web: Site) -> None:
    await web.answer()
    await line(web)
    for text in web.gateway.stdout().splitlines():
        assert json.loads(text).keys() >= FIELDS
