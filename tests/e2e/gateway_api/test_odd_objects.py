"""Random mutations of objects of the Gateway API in a folder, with a real Envoy: what it is sent it takes, and a good

route of another Gateway is answered all the while.
"""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import mutations, pem
from tests.e2e import manifests, processes
from tests.e2e.backends import LOOPBACK, Echo
from tests.e2e.harness import Gateway
from tests.e2e.inside import Inside, running
from tests.e2e.manifests import Object

BATCHES, SIZE = 12, 10


def variants(chance: random.Random, ports: tuple[int, ...]) -> list[Object]:
    """So many mutated objects with the names of valid ones. Other ports of this machine are not to be listened on."""
    valid, found = mutations.subjects(*ports), dict[tuple[str, str], Object]()
    while len(found) < SIZE:
        made = mutations.mutated(chance.choice(valid), chance)
        asked = made["spec"].get("listeners")
        listeners = [it for it in asked if isinstance(it, dict)] if isinstance(asked, list) else []
        if all(it.get("port") in ports for it in listeners):
            found[made["kind"], made["metadata"]["name"]] = made
    return list(found.values())


def whole(inside: Inside) -> None:
    """Nothing is refused by Envoy, and no row and no resource could not be made."""
    assert inside.problems() == []
    assert inside.gateway.controller.pipeline.graph.failures == {}
    assert inside.gateway.controller.pipeline.snapshot.errors == {}


@pytest.mark.timeout(90)
async def test_what_is_odd_in_some_objects_hurts_nobody(tmp_path: Path, echo_a: Echo) -> None:
    good, *ports = processes.free_ports(6)
    pair = pem.pair("a.odd.test")
    world: list[Any] = [
        manifests.service("web", mutations.SPACE),
        manifests.endpoint_slice("web", mutations.SPACE, [LOOPBACK], {"http": echo_a.port}),
        manifests.tls_secret("cert", mutations.SPACE, pair.chain, pair.key),
        *mutations.world(good),
        *mutations.subjects(*ports),
    ]
    chance, folder = random.Random(7), Gateway(tmp_path, world)
    async with running(folder) as inside, httpx.AsyncClient(trust_env=False, timeout=10) as client:
        whole(inside)
        for _ in range(BATCHES):
            folder.apply(*variants(chance, tuple(ports)))
            await folder.settled()
            for host in ("odd.test", "a.wild.test", "set.test", "grpc.test", "a.example.com"):
                with contextlib.suppress(httpx.TransportError):  # whatever it answers: Envoy asks for its routes
                    await client.get(f"http://{LOOPBACK}:{ports[0]}/a", headers={"host": host})
            answer = await client.get(f"http://{LOOPBACK}:{good}/", headers={"host": "good.test"})
            assert (answer.status_code, answer.json()["name"]) == (200, "echo-a")
            whole(inside)
        folder.apply(*mutations.subjects(*ports))
        await folder.settled()
        whole(inside)
