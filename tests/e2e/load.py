"""Requests without a pause while something changes: what was answered meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from tests.e2e.conftest import Site
from tests.e2e.harness import eventually


@dataclass
class Load:
    """Every answer as the name of the backend, or the status where it is not 200, or the kind of the failure."""

    found: Counter[str] = field(default_factory=Counter)
    _stop: bool = False

    async def client(self, site: Site, hosts: Sequence[str], http2: bool) -> None:
        """Requests one after the other on one connection."""
        async with site.gateway.client(http2=http2) as client:
            while not self._stop:
                for host in hosts:
                    self.found[await answer(client, host)] += 1

    async def more(self, number: int) -> None:
        """Return when so many more were answered."""
        wanted = self.found.total() + number
        await eventually(lambda: self.found.total() >= wanted, 20)

    def end(self) -> None:
        self._stop = True


async def answer(client: httpx.AsyncClient, host: str) -> str:
    try:
        reply = await client.get("/", headers={"Host": host})
    except httpx.HTTPError as error:
        return repr(error)
    return str(reply.json()["name"]) if reply.status_code == 200 else str(reply.status_code)


@asynccontextmanager
async def load(site: Site, *hosts: str) -> AsyncIterator[Load]:
    """An HTTP/1.1 and an HTTP/2 client, asking without a pause until the block is left."""
    found = Load()
    async with asyncio.TaskGroup() as group:
        for http2 in (False, True):
            group.create_task(found.client(site, hosts or (site.host,), http2))
        try:
            await found.more(20)
            yield found
            await found.more(20)
        finally:
            found.end()
