"""Limits of requests and of bandwidth, through a real Envoy, and beside a real nginx."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from tests.e2e import manifests
from tests.e2e.backends import Echo, raw
from tests.e2e.conftest import NewGateway, Site
from tests.e2e.harness import eventually
from tests.e2e.nginx import Nginx

NGINX = "nginx.ingress.kubernetes.io/"
HIGRESS = "higress.io/"


async def limited(site: Site, echo: Echo, annotations: dict[str, str]) -> None:
    site.backend("web", echo.port)
    site.ingress(annotations=annotations)
    await site.gateway.settled()


async def statuses(site: Site, number: int, path: str = "/", host: str = "") -> list[int]:
    async with site.gateway.client() as client:
        return [(await client.get(path, headers={"Host": host or site.host})).status_code for _ in range(number)]


async def test_as_many_pass_as_with_nginx(site: Site, echo_a: Echo, tmp_path: Path) -> None:
    await limited(site, echo_a, {f"{NGINX}limit-rps": "1", f"{NGINX}limit-burst-multiplier": "3"})
    ours = await statuses(site, 8)
    zone = "limit_req_zone $binary_remote_addr zone=z:1m rate=1r/s; limit_req_status 503;"
    with Nginx(tmp_path, "location / { limit_req zone=z burst=3 nodelay; try_files /none =204; }", zone) as nginx:
        theirs = [(await nginx.get()).status_code for _ in range(8)]
    assert [status == 503 for status in ours] == [status == 503 for status in theirs] == [False] * 4 + [True] * 4


async def test_tokens_come_back_one_by_one(site: Site, echo_a: Echo) -> None:
    await limited(site, echo_a, {f"{NGINX}limit-rps": "5", f"{NGINX}limit-burst-multiplier": "1"})
    assert await statuses(site, 7) == [200] * 6 + [503]
    await asyncio.sleep(0.45)  # two of five a second are due
    assert (await statuses(site, 4)).count(200) in (2, 3)


async def test_limits_of_a_minute(site: Site, echo_a: Echo) -> None:
    await limited(site, echo_a, {f"{NGINX}limit-rpm": "2", f"{NGINX}limit-burst-multiplier": "2"})
    assert await statuses(site, 7) == [200] * 5 + [503] * 2


async def test_exempt_clients_are_not_counted(site: Site, echo_a: Echo) -> None:
    few = {f"{NGINX}limit-rps": "1", f"{NGINX}limit-burst-multiplier": "1"}
    site.backend("web", echo_a.port)
    site.ingress(name="in", host=f"in.{site.host}", annotations={**few, f"{NGINX}limit-whitelist": "127.0.0.0/8"})
    site.ingress(name="out", host=f"out.{site.host}", annotations={**few, f"{NGINX}limit-whitelist": "10.0.0.0/8"})
    await site.gateway.settled()
    assert await statuses(site, 5, host=f"in.{site.host}") == [200] * 5
    assert await statuses(site, 5, host=f"out.{site.host}") == [200] * 2 + [503] * 3


async def test_a_forged_address_gets_no_bucket_of_its_own(site: Site, echo_a: Echo) -> None:
    few = {f"{NGINX}limit-rps": "1", f"{NGINX}limit-burst-multiplier": "1", f"{NGINX}limit-whitelist": "10.0.0.0/8"}
    await limited(site, echo_a, few)
    found = [
        (await site.get(headers={"X-Forwarded-For": f"10.0.0.{number}", "X-Real-IP": "10.0.0.1"})).status_code
        for number in range(5)
    ]
    assert found == [200] * 2 + [503] * 3


async def test_a_limit_of_the_route_counts_all_clients(new_gateway: NewGateway, echo_a: Echo) -> None:
    ours = {f"{HIGRESS}route-limit-rps": "1", f"{HIGRESS}route-limit-burst-multiplier": "2"}
    each = {f"{NGINX}limit-rps": "1", f"{NGINX}limit-burst-multiplier": "2"}
    gateway = new_gateway(
        manifests.service("web", "shop"),
        manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo_a.port}),
        manifests.ingress("all", "shop", {"all.test": "web:80"}, annotations=ours),
        manifests.ingress("each", "shop", {"each.test": "web:80"}, annotations=each),
        settings={"http": {"trusted_hops": 1}, "ingress": {"limit_status": 429}},
    ).start()
    for host, expected in (("all.test", [200] * 3 + [429] * 3), ("each.test", [200] * 6)):
        found = [(await gateway.get(host, headers={"X-Forwarded-For": f"192.0.2.{n}"})).status_code for n in range(6)]
        assert found == expected
    same = [(await gateway.get("each.test", headers={"X-Forwarded-For": "192.0.2.99"})).status_code for _ in range(5)]
    assert same == [200] * 3 + [429] * 2


async def test_a_response_is_sent_no_faster_than_its_rate(site: Site, echo_a: Echo) -> None:
    await limited(site, echo_a, {f"{NGINX}limit-rate": "100"})
    size = 300 * 1024

    async def took() -> float:
        began = time.monotonic()
        reply = await site.get(f"/?size={size}", seconds=30)
        assert (reply.status_code, len(reply.content)) == (200, size)
        return time.monotonic() - began

    alone = await took()
    assert 1.5 < alone < 6
    both = await asyncio.gather(took(), took())
    assert max(both) < alone * 1.6, "each response has the whole rate"


class Holding:
    """A backend that never answers requests for `/hold`, and counts them."""

    def __init__(self) -> None:
        self.held = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"/hold" in head.partition(b"\r\n")[0]:
                self.held += 1
                try:
                    await reader.read(1)  # until the gateway gives up
                finally:
                    self.held -= 1
                return
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()


async def test_requests_in_progress(new_gateway: NewGateway) -> None:
    """One worker: exact, also when clients vanish in the middle; others are not counted with them."""
    few = {f"{NGINX}limit-connections": "3", f"{NGINX}limit-whitelist": "192.0.2.0/24"}
    backend = Holding()
    async with raw(backend) as server:
        gateway = new_gateway(
            manifests.service("web", "shop"),
            manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": server.port}),
            manifests.ingress("few", "shop", {"few.test": "web:80"}, annotations=few),
            manifests.ingress("other", "shop", {"other.test": "web:80"}, annotations=few),
            settings={"http": {"trusted_hops": 1}},
        ).start()
        mine, other, exempt = ({"X-Forwarded-For": address} for address in ("203.0.113.1", "203.0.113.2", "192.0.2.1"))

        async def status(host: str, headers: dict[str, str]) -> int:
            return (await gateway.get(host, headers=headers)).status_code

        async with asyncio.TaskGroup() as tasks:
            held = [tasks.create_task(gateway.get("few.test", "/hold", headers=mine, seconds=30)) for _ in range(3)]
            await eventually(lambda: backend.held == 3)
            assert [await status("few.test", mine) for _ in range(20)] == [503] * 20
            assert await status("few.test", other) == 200
            assert await status("few.test", exempt) == 200
            assert await status("other.test", mine) == 200, "each object counts for itself"
            for task in held[:2]:
                task.cancel()  # its connection is reset
            await eventually(lambda: backend.held == 1)
            assert [await status("few.test", mine) for _ in range(20)] == [200] * 20
            held[2].cancel()


async def test_requests_one_after_the_other_are_never_too_many(site: Site, echo_a: Echo) -> None:
    await limited(site, echo_a, {f"{NGINX}limit-connections": "1"})
    assert await statuses(site, 50) == [200] * 50
