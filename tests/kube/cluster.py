"""Objects as JSON has them, and clients of a FakeKube."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from sealos_gateway.clock import Clock
from sealos_gateway.kube.client import Client
from sealos_gateway.kube.config import Config, ConfigError, Loaded
from tests.fake_clock import FakeClock
from tests.fakes import FakeKube, Object


class Fixed:
    """Access that a test changes while it runs."""

    def __init__(self, url: str, token: str = "", fresh_seconds: float = 60.0) -> None:
        self.config = Config(url, f"Bearer {token}" if token else "")
        self.fresh_seconds = fresh_seconds
        self.loads = 0
        self.error = ""

    async def load(self) -> Loaded:
        self.loads += 1
        if self.error:
            raise ConfigError(self.error)
        return Loaded(self.config, self.fresh_seconds)


def client_of(kube: FakeKube, clock: Clock | None = None, token: str = "") -> Client:
    return Client(Fixed(kube.url, token), clock or FakeClock(skip=20))


@asynccontextmanager
async def task(work: Coroutine[Any, Any, Any]) -> AsyncIterator[asyncio.Task[Any]]:
    """Runs beside a block and ends with it; what it raises by itself is not swallowed."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(work)
        yield running
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def ingress(name: str = "web", namespace: str = "shop", host: str = "a.example.com", **more: Any) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": namespace} | more,
        "spec": {"ingressClassName": "sealos", "rules": [{"host": host}]},
    }


def broken_ingress(name: str = "web", namespace: str = "shop") -> Object:
    return ingress(name, namespace) | {"spec": {"rules": [{"host": 7}]}}


def service(name: str = "web", namespace: str = "shop", **labels: str) -> Object:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}]}}


def secret(name: str = "cert", namespace: str = "shop", value: str = "b2xk") -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": {"value": value}}


def config_map(name: str, namespace: str = "shop", value: str = "old") -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": value}}


def namespace(name: str, **labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def gateway(name: str = "edge", namespace: str = "shop", class_name: str = "sealos") -> Object:
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace, "generation": 1},
        "spec": {"gatewayClassName": class_name, "listeners": [listener]},
    }
