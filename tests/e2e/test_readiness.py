"""A gateway that cannot listen is not ready, and says why."""

from __future__ import annotations

import asyncio

import httpx

from tests.e2e.conftest import NewGateway
from tests.e2e.processes import eventually


async def test_an_envoy_that_refuses_its_listeners_is_not_ready(new_gateway: NewGateway) -> None:
    gateway = new_gateway(settings={"access_log": {"path": "/proc/nowhere/log"}})
    gateway.launch()

    async def check() -> None:
        try:
            reply = await asyncio.to_thread(gateway.status, "/readyz")
        except httpx.TransportError as error:
            raise AssertionError(error) from error
        assert reply.status_code == 503
        assert "Envoy refuses every listener" in reply.text
        assert "/proc/nowhere/log" in reply.text

    await eventually(check, 20)
    assert not gateway.is_ready()
