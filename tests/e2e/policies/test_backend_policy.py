"""Each family of a BackendPolicy through a real Envoy, on HTTPRoutes and Ingresses that lead to one Service."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from sealos_gateway.echo.server import EchoSettings
from tests import pem
from tests.e2e import backends, manifests
from tests.e2e.backends import Echo, Recorder
from tests.e2e.conftest import Site
from tests.e2e.harness import eventually
from tests.e2e.policies import own
from tests.e2e.policies.test_backends import bundle


async def balanced(site: Site, *echoes: Echo, **spec: Any) -> None:
    site.backend("web", *(echo.port for echo in echoes))
    own.routed(site)
    own.policy(site, "BackendPolicy", "Service web", **spec)
    await site.gateway.settled()


async def chosen(site: Site, count: int, **options: Any) -> Counter[str]:
    return Counter([str((await site.answer(**options))["name"]) for _ in range(count)])


async def test_a_key_stays_with_its_endpoint(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    hashed = [{"source": "Header", "name": "X-User"}]
    await balanced(site, echo_a, echo_b, loadBalancing={"algorithm": "Maglev", "hashOn": hashed})
    found = {user: await chosen(site, 5, headers={"x-user": user}) for user in map(str, range(12))}
    assert all(len(names) == 1 for names in found.values())
    assert len({name for names in found.values() for name in names}) == 2


async def test_taking_turns(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    await balanced(site, echo_a, echo_b, loadBalancing={"algorithm": "RoundRobin", "slowStart": "1s"})
    assert len(await chosen(site, 20)) == 2


async def test_a_cookie_names_the_endpoint(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    cookie = {"name": "STICK", "maxAge": "1m", "sameSite": "Lax", "path": "/", "httpOnly": True}
    await balanced(site, echo_a, echo_b, sessionAffinity={"cookie": cookie})
    said = [it.strip() for it in (await site.get("/")).headers["set-cookie"].split(";")]
    assert said[0].startswith("STICK=")
    assert {"Path=/", "SameSite=Lax", "HttpOnly", "Max-Age=60"} <= set(said)
    assert len(await chosen(site, 12, headers={"cookie": said[0]})) == 1


async def test_an_endpoint_that_fails_its_checks_gets_nothing(site: Site, echo_a: Echo) -> None:
    async with backends.raw(backends.sick) as wrong:
        site.backend("web", echo_a.port, wrong.port)
        own.routed(site)
        active = {"path": "/ready", "interval": "500ms", "unhealthyThreshold": 1, "healthyThreshold": 1}
        own.policy(site, "BackendPolicy", "Service web", healthCheck={"active": active})
        await site.gateway.settled()

        async def only_the_healthy_one() -> bool:
            return all(["sick" not in (await site.get()).text for _ in range(10)])

        await eventually(only_the_healthy_one)


async def test_an_endpoint_that_fails_is_left_out(site: Site, echo_a: Echo) -> None:
    async def failing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 500 Broken\r\ncontent-length: 0\r\n\r\n")

    async with backends.raw(failing) as wrong:
        site.backend("web", echo_a.port, wrong.port)
        own.routed(site)
        passive = {"consecutiveErrors": 2, "interval": "100ms", "baseEjectionTime": "1m", "maxEjectionPercent": 100}
        own.policy(site, "BackendPolicy", "Service web", healthCheck={"passive": passive})
        await site.gateway.settled()

        async def only_the_healthy_one() -> bool:
            return {(await site.get()).status_code for _ in range(12)} == {200}

        await eventually(only_the_healthy_one)


async def test_too_many_requests_at_once(site: Site, echo_a: Echo) -> None:
    await balanced(site, echo_a, circuitBreaker={"maxParallelRequests": 1})
    async with asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(site.get("/?delay=3"))
        await eventually(lambda: in_progress(site) == 1)
        assert (await site.get("/")).status_code == 503
    assert slow.result().status_code == 200
    assert (await site.get("/")).status_code == 200


async def test_retries_have_a_budget(site: Site) -> None:
    """Of many requests that fail at once few are repeated; alone, each is."""
    asked = 0

    async def failing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.readuntil(b"\r\n\r\n"):
            asked += 1
            await asyncio.sleep(0.5)
            writer.write(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")

    async with backends.raw(failing) as server:
        site.backend("web", server.port)
        own.routed(site, own.rule(name="one"))
        own.policy(site, "TrafficPolicy", "HTTPRoute web one", retry={"attempts": 1, "codes": [503], "backoff": "1ms"})
        own.policy(
            site, "BackendPolicy", "Service web",
            circuitBreaker={"retryBudget": {"percent": 10, "minParallelRetries": 1}},
        )  # fmt: skip
        await site.gateway.settled()
        assert (await site.get("/")).status_code == 503
        assert asked == 2
        async with asyncio.TaskGroup() as tasks:
            all_of_them = [tasks.create_task(site.get("/")) for _ in range(20)]
        assert {one.result().status_code for one in all_of_them} == {503}
        assert 22 < asked <= 22 + 10


def in_progress(site: Site) -> int:
    return sum(site.gateway.stats(f"cluster.*{site.namespace}.*upstream_rq_active").values())


async def test_a_backend_that_is_silent(site: Site, echo_a: Echo) -> None:
    """Also for an Ingress, whose annotation says something longer; a TrafficPolicy of the route comes before it."""
    site.backend("web", echo_a.port)
    own.routed(site, own.rule(name="short"), own.rule("/long", name="long"))
    own.policy(site, "BackendPolicy", "Service web", timeouts={"read": "500ms"})
    own.policy(site, "TrafficPolicy", "HTTPRoute web long", timeouts={"idle": "10s"})
    annotations = {"nginx.ingress.kubernetes.io/proxy-read-timeout": "10"}
    site.ingress(name="old", host=f"old.{site.host}", annotations=annotations)
    await site.gateway.settled()
    assert (await site.get("/?delay=2")).status_code == 504
    assert (await site.get("/long?delay=1")).status_code == 200
    assert (await site.get("/?delay=2", host=f"old.{site.host}")).status_code == 504


async def test_what_is_spoken(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    own.routed(site)
    await site.gateway.settled()
    assert (await site.answer())["http_version"] == "1.1"
    own.policy(site, "BackendPolicy", "Service web", protocol="H2C")
    await site.gateway.settled()
    assert (await site.answer())["http_version"] == "2"


async def test_tls_that_is_checked(site: Site, tmp_path: Path) -> None:
    """Who is not the one that is asked for gets nothing; without anybody to believe the Service is shut."""
    chain, key = pem.pair("backend.test")
    paths = (tmp_path / "crt", tmp_path / "key")
    for path, content in zip(paths, (chain, key), strict=True):
        path.write_bytes(content)
    async with backends.echo(EchoSettings(tls_cert=paths[0], tls_key=paths[1])) as at:
        site.backend("web", at.port)
        own.routed(site)
        site.apply(bundle("good", site.namespace, chain, key, chain))
        for authority, name, status in (("good", "backend.test", 200), ("good", "other.test", 503), ("none", "x", 503)):
            wanted = {"serverName": name, "caCertificateRef": {"name": authority}}
            own.policy(site, "BackendPolicy", "Service web", tls=wanted)
            await site.gateway.settled()
            assert (await site.get()).status_code == status, (authority, name)
    assert [it for it in site.gateway.problems() if f"BackendPolicy {site.namespace}/service-web" in it]


async def test_a_connection_for_each_request(site: Site) -> None:
    async with backends.raw(Recorder()) as server:
        site.backend("web", server.port)
        own.routed(site)
        own.policy(site, "BackendPolicy", "Service web", connection={"maxRequests": 1})
        await site.gateway.settled()
        for _ in range(5):
            assert (await site.get()).status_code == 200
        assert server.connections == 5


async def test_the_address_of_the_client_before_the_request(site: Site) -> None:
    heads: list[bytes] = []

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n"))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()

    async with backends.raw(backend) as server:
        site.backend("web", server.port)
        own.routed(site)
        own.policy(site, "BackendPolicy", "Service web", connection={"proxyProtocol": "V1"})
        await site.gateway.settled()
        assert (await site.get()).status_code == 200
    assert heads[0].startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")


async def test_somebody_else_answers_while_there_is_no_endpoint(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    site.backend("spare", echo_b.port)
    site.apply(manifests.service("web", site.namespace))
    own.routed(site)
    own.policy(site, "BackendPolicy", "Service web", fallback={"name": "spare", "port": 80})
    await site.gateway.settled()
    assert (await site.answer())["name"] == "echo-b"
    site.slice("web", echo_a.port, "web-1")

    async def back() -> bool:
        return bool((await site.answer())["name"] == "echo-a")

    await eventually(back)


async def test_a_port_comes_before_its_service(site: Site, echo_a: Echo) -> None:
    site.apply(manifests.service("web", site.namespace, manifests.port(), manifests.port(81, "admin")))
    made = manifests.endpoint_slice("web", site.namespace, ["127.0.0.1"], {"http": echo_a.port, "admin": echo_a.port})
    site.apply(made)
    own.routed(site, own.rule(), own.rule("/admin", port=81))
    own.policy(site, "BackendPolicy", "Service web", protocol="H2C")
    own.policy(site, "BackendPolicy", "Service web admin", protocol="HTTP")
    await site.gateway.settled()
    assert [(await site.answer(path))["http_version"] for path in ("/", "/admin")] == ["2", "1.1"]
