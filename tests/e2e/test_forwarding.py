"""What backends are told about the client, and that a client cannot tell it for himself."""

from __future__ import annotations

import ipaddress
import json
import socket
import struct
from collections.abc import Iterator

import pytest

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway, Site
from tests.e2e.harness import Gateway, eventually
from tests.e2e.wire import exchange, request, wire

FAKE = {
    "X-Forwarded-For": "203.0.113.66",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.test",
    "X-Forwarded-Port": "1",
    "X-Real-IP": "203.0.113.66",
}
V2 = b"\r\n\r\n\x00\r\nQUIT\n"  # the signature of version 2


def headers_of(said: dict[str, object]) -> dict[str, str]:
    found: dict[str, str] = {}
    assert isinstance(said["headers"], list)
    for name, value in said["headers"]:
        assert name not in found, f"{name} twice"
        found[name] = value
    return found


@pytest.mark.parametrize("fake", [False, True], ids=["plain", "faked"])
async def test_backends_see_the_client_whatever_it_says_of_itself(web: Site, fake: bool) -> None:
    said = await web.answer(headers=FAKE if fake else {})
    found = headers_of(said)
    assert found["x-real-ip"] == "127.0.0.1"
    assert found["x-forwarded-proto"] == "http"
    assert found["x-forwarded-host"] == web.host
    assert found["x-forwarded-port"] == str(web.gateway.http_port)
    assert "203.0.113.66" not in found["x-forwarded-for"]
    assert ipaddress.ip_address(found["x-forwarded-for"])  # exactly one address
    assert found["host"] == web.host


async def test_the_forwarded_host_is_what_the_client_asked_for(web: Site) -> None:
    found = headers_of(await web.answer(host=f"{web.host}:8443"))
    assert found["x-forwarded-host"] == f"{web.host}:8443"
    assert found["host"] == f"{web.host}:8443"


async def test_every_request_has_an_id_that_the_client_cannot_choose(web: Site) -> None:
    ids = {headers_of(await web.answer())["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    chosen = headers_of(await web.answer(headers={"X-Request-Id": "chosen"}))["x-request-id"]
    assert chosen != "chosen"


async def test_the_class_nginx_keeps_ids_of_clients(echo_a: Echo, new_gateway: NewGateway) -> None:
    """As ingress-nginx has it ($req_id); whoever sends none gets one."""
    service = manifests.service("web", "shop", manifests.port())
    slices = manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo_a.port})
    ingress = manifests.ingress("web", "shop", {"ids.test": "web:80"}, class_name="nginx")
    gateway = new_gateway(service, slices, ingress, settings={"ingress": {"classes": ["nginx"]}}).start()
    for sent in ("chosen-42", "7bd8b1a0-0000-4000-8000-9f6d3c3f7a11"):
        said = (await gateway.get("ids.test", "/", headers={"X-Request-Id": sent})).json()
        assert headers_of(said)["x-request-id"] == sent
    made = headers_of((await gateway.get("ids.test", "/")).json())["x-request-id"]
    assert len(made) == 36
    await eventually(lambda: bool(gateway.access_log(request_id=made)))


@pytest.mark.parametrize(
    "header",
    ["x-envoy-upstream-rq-timeout-ms: 1", "x-envoy-expected-rq-timeout-ms: 1", "x-envoy-max-retries: 9",
     "x-envoy-retry-on: 5xx", "x-envoy-original-path: /fake", "x-envoy-original-host: fake.test",
     "x-envoy-internal: true", "x-envoy-decorator-operation: fake", "x-envoy-force-trace: 1"],
)  # fmt: skip
async def test_envoys_own_headers_are_not_for_clients(web: Site, header: str) -> None:
    name, _, value = header.partition(": ")
    said = await web.answer("/?delay=0.05", headers={name: value})
    assert name not in headers_of(said)


@pytest.fixture(scope="module")
def behind_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with one trusted proxy in front."""
    settings = {"http": {"trusted_hops": 1}}
    with Gateway(tmp_path_factory.mktemp("gw"), settings=settings) as gateway:
        yield gateway


async def test_a_trusted_proxy_is_believed_and_what_stands_before_it_is_not(behind_one: Gateway, echo_a: Echo) -> None:
    site = Site(behind_one)
    site.backend("web", echo_a.port)
    site.ingress()
    await site.gateway.settled()
    forwarded = {
        "X-Forwarded-For": "203.0.113.66, 198.51.100.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "public.test",
        "X-Forwarded-Port": "443",
        "X-Real-IP": "203.0.113.66",
    }
    found = headers_of(await site.answer(headers=forwarded))
    assert found["x-real-ip"] == "198.51.100.7"
    assert found["x-forwarded-proto"] == "https"
    assert found["x-forwarded-host"] == "public.test"
    assert found["x-forwarded-port"] == "443"
    assert [it.strip() for it in found["x-forwarded-for"].split(",")][:2] == ["203.0.113.66", "198.51.100.7"]
    site.clean()


async def test_behind_a_trusted_proxy_that_says_nothing_the_proxy_is_the_client(
    behind_one: Gateway, echo_a: Echo
) -> None:
    site = Site(behind_one)
    site.backend("web", echo_a.port)
    site.ingress()
    await site.gateway.settled()
    found = headers_of(await site.answer())
    assert found["x-real-ip"] == "127.0.0.1"
    assert found["x-forwarded-host"] == site.host
    site.clean()


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that expects the PROXY protocol; `settled` cannot be used with it."""
    settings = {"http": {"proxy_protocol": True}}
    with Gateway(tmp_path_factory.mktemp("gw"), settings=settings) as gateway:
        yield gateway


def version_2(source: str, destination: str) -> bytes:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    addresses = b"".join(socket.inet_pton(family, it) for it in (source, destination)) + struct.pack("!HH", 4711, 80)
    kind = 0x21 if family is socket.AF_INET6 else 0x11
    return V2 + struct.pack("!BBH", 0x21, kind, len(addresses)) + addresses


@pytest.mark.parametrize(
    ("prefix", "client"),
    [
        (b"PROXY TCP4 198.51.100.9 192.0.2.1 4711 80\r\n", "198.51.100.9"),
        (b"PROXY TCP6 2001:db8::9 2001:db8::1 4711 80\r\n", "2001:db8::9"),
        (version_2("198.51.100.10", "192.0.2.1"), "198.51.100.10"),
        (version_2("2001:db8::a", "2001:db8::1"), "2001:db8::a"),
    ],
    ids=["v1-4", "v1-6", "v2-4", "v2-6"],
)
async def test_the_proxy_protocol_names_the_client(proxied: Gateway, echo_a: Echo, prefix: bytes, client: str) -> None:
    site = Site(proxied)
    site.backend("web", echo_a.port)
    site.ingress()
    try:
        found = headers_of(await served_over(site, prefix))
        assert found["x-real-ip"] == client
        assert found["x-forwarded-for"] == client
    finally:
        site.clean()


async def served_over(site: Site, prefix: bytes) -> dict[str, object]:
    async def ask() -> dict[str, object]:
        lines = [f"{name}: {value}" for name, value in FAKE.items()]
        reply = await exchange(site.gateway.http_port, prefix + request("/", site.host, *lines))
        assert reply.status == 200
        found: dict[str, object] = json.loads(reply.body)
        return found

    return await eventually(ask)


async def test_without_the_proxy_protocol_where_it_is_expected_nothing_is_answered(proxied: Gateway) -> None:
    async with wire(proxied.http_port) as connection:
        await connection.send(request("/", "any.test"))
        assert await connection.closed() == b""
