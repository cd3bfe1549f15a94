"""The webhook over real sockets: when it is ready, what it answers, and how it changes its certificate."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import yaml

from sealos_gateway.webhook import certificate, server
from sealos_gateway.webhook.server import Server, SidecarError
from tests.e2e.processes import eventually, free_ports
from tests.webhook.test_injection import asking
from tests.webhook.test_review import asked

NAME = "webhook.gateways.svc"


class Running:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.status_port = free_ports(2)
        self.sidecar, self.authority = folder / "sidecar.yaml", folder / "ca.crt"

    def new_certificate(self) -> None:
        chain, key = certificate.made(NAME, datetime.now(UTC))
        (self.folder / "tls.crt").write_bytes(chain)
        (self.folder / "tls.key").write_bytes(key)

    def describe(self, **more: object) -> None:
        self.sidecar.write_text(yaml.safe_dump({"container": {"name": "s"}, "accounts": ["shop/web"], **more}))

    async def status(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as http:
            return await http.get(f"http://127.0.0.1:{self.status_port}{path}")

    async def review(self, body: bytes) -> httpx.Response:
        """Asks as the API server does: by the name of the Service, trusting the bundle alone."""
        trust = ssl.create_default_context(cadata=(self.folder / "tls.crt").read_text())
        async with httpx.AsyncClient(verify=trust, trust_env=False) as http:
            url = f"https://127.0.0.1:{self.port}{server.PATH}"
            return await http.post(url, content=body, extensions={"sni_hostname": NAME})


@asynccontextmanager
async def running(it: Running, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setattr(server, "_LOOK_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(server, "_TRY_AGAIN_SECONDS", 0.05)
    stop = asyncio.Event()
    made = Server(lambda: server.sidecar(it.sidecar, it.authority), certificate.Folder(it.folder).pair)
    async with asyncio.TaskGroup() as group:
        group.create_task(made.run("127.0.0.1", it.port, it.status_port, stop))
        yield made
        stop.set()


@pytest.fixture
def it(tmp_path: Path) -> Running:
    made = Running(tmp_path)
    made.new_certificate()
    made.describe()
    made.authority.write_text("the authority")
    return made


async def test_a_pod_is_reviewed(it: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(it, monkeypatch) as webhook:
        await eventually(lambda: webhook.ready)
        answer = await it.review(asked(asking()))
        assert answer.json()["response"]["allowed"] is True
        assert (await it.review(b"nonsense")).status_code == 400
        metrics = (await it.status("/metrics")).text
        assert 'sgw_webhook_reviews_total{outcome="injected"} 1.0' in metrics
        assert 'sgw_webhook_reviews_total{outcome="failed"} 1.0' in metrics
        assert "sgw_webhook_certificate_expiry_seconds 1." in metrics


async def test_it_is_not_ready_before_the_authority_is_known_and_says_so(
    it: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    it.authority.unlink()
    async with running(it, monkeypatch) as webhook:
        await asyncio.sleep(0)
        await eventually(lambda: webhook._why.endswith("No such file or directory"))
        answer = await it.status("/readyz")
        assert (answer.status_code, str(it.authority) in answer.text) == (503, True)
        assert (await it.status("/healthz")).status_code == 200
        it.authority.write_text("the authority")
        await eventually(lambda: webhook.ready)
        assert (await it.status("/readyz")).status_code == 200


async def test_a_renewed_certificate_is_used_from_the_next_handshake_on(
    it: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(it, monkeypatch) as webhook:
        await eventually(lambda: webhook.ready)
        before = webhook._pair
        it.new_certificate()
        await eventually(lambda: webhook._pair != before)
        assert (await it.review(asked(asking()))).status_code == 200


async def test_a_sidecar_that_is_broken_later_does_not_end_the_service(
    it: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(it, monkeypatch) as webhook:
        await eventually(lambda: webhook.ready)
        it.sidecar.write_text("container: [")
        await eventually(lambda: str(it.sidecar) in caplog.text)
        assert (await it.review(asked(asking()))).json()["response"]["allowed"] is True


@pytest.mark.parametrize(
    ("text", "told"),
    [("container: [", "sidecar.yaml"), ("containr: {}", "containr"), ("accounts: []", "container"), ("[]", "array")],
)
def test_a_description_that_cannot_be_read_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "sidecar.yaml"
    path.write_text(text)
    with pytest.raises(SidecarError, match=told):
        server.sidecar(path)
