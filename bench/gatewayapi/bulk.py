"""Many objects at a time, and the churn of a scenario. Only towards the API server of the test cluster."""

from __future__ import annotations

import asyncio
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import aiohttp

from bench.gatewayapi import objects
from bench.gatewayapi.objects import Object
from bench.gatewayapi.place import Place
from tests.cluster.harness import Api

CONNECTIONS: Final = 8
_TRIES: Final = 5
_MERGE: Final = {"content-type": "application/merge-patch+json"}


def create(where: Place, made: Iterable[Object]) -> float:
    """Create all of them over a few connections; the seconds it took. Raises RuntimeError when one is refused."""
    began = time.perf_counter()
    asyncio.run(_create(where, iter(made)))
    return time.perf_counter() - began


async def _create(where: Place, made: Iterator[Object]) -> None:
    trust = ssl.create_default_context(cadata=where.api.authority)
    trust.load_cert_chain(where.certificate)
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, ssl=trust)
    async with aiohttp.ClientSession(where.api.server, connector=connector) as session, asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(_worker(session, made))


async def _worker(session: aiohttp.ClientSession, made: Iterator[Object]) -> None:
    for one in made:
        await _post(session, one)


async def _post(session: aiohttp.ClientSession, one: Object) -> None:
    path = objects.collection(one["kind"], one["metadata"].get("namespace", ""))
    for attempt in range(_TRIES):
        async with session.post(path, json=one) as answer:
            if answer.status in (200, 201, 409):
                return
            text = await answer.text()
        await asyncio.sleep(0.5 * (attempt + 1))
    raise RuntimeError(f"{one['kind']} {one['metadata']['name']} is refused: {text[:300]}")


class Churn:
    """What changes while a scenario is measured: every 2 s an endpoint, every 1 s the weight of a route's backend."""

    def __init__(self, where: Place, endpoint: Callable[[], Object], route: Callable[[], Object]) -> None:
        #: How many were made, by kind.
        self.changes: Counter[str] = Counter(EndpointSlice=0, HTTPRoute=0)
        self._failed: Exception | None = None
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._every, args=(where.another_api(), seconds, change), daemon=True)
            for seconds, change in ((2.0, endpoint), (1.0, route))
        ]

    def _every(self, api: Api, seconds: float, change: Callable[[], Object]) -> None:
        """Around so many seconds, normally distributed."""
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due += max(0.0, random.gauss(seconds, seconds / 5))
            one = change()
            try:
                api.call("PATCH", objects.path(one), one, headers=_MERGE)
            except Exception as error:  # a scenario without its churn measures nothing
                self._failed = error
                return
            self.changes[one["kind"]] += 1

    @contextmanager
    def running(self) -> Iterator[None]:
        """For the time of a block."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(30)
        if self._failed is not None:
            raise self._failed
