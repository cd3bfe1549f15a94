"""What Sealos expects of its gateway, a test named after each expectation.

The gateway runs with the settings that the chart has for a Sealos installation (`sealos.domain`; that they are the same
is shown in `tests/chart`): class `nginx` without ingress-nginx' defaults, a wildcard certificate of the platform, large
request headers, one further upgrade type, a path that the platform answers on every host.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from cryptography import x509

from tests import pem
from tests.e2e import manifests, tls
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway
from tests.e2e.harness import LOOPBACK, Gateway, eventually

CHALLENGE = "/api/.well-known/applaunchpad-domain-challenge"
CLASS = "kubernetes.io/ingress.class"
DOMAIN, CHALLENGER = "cloud.test", "platform/challenge"
SETTINGS = {
    "ingress": {"classes": ["sealos", "nginx"], "nginx_classes": [], "on_every_host": [CHALLENGER]},
    "tls": {
        "default_certificates": [
            {"pattern": f"*.{DOMAIN}", "secret": "sealos-system/wildcard-cert"},
            {"pattern": DOMAIN, "secret": "sealos-system/wildcard-cert"},
        ]
    },
    "http": {
        "max_request_headers_kb": 8192,
        "max_concurrent_streams": 150,
        "upgrade_types": ["tailscale-control-protocol"],
    },
    "envoy": {"istio_labels": True},
}
WILDCARD = pem.pair("*.cloud.test", "cloud.test", number=77)


@pytest.fixture
def sealos(new_gateway: NewGateway, echo_a: Echo, echo_b: Echo) -> Gateway:
    made = new_gateway(settings={**SETTINGS, "envoy": {"istio_labels": True, "drain_seconds": 2}})
    for namespace, name, port in (("tenant", "web", echo_a.port), ("platform", "api", echo_b.port)):
        made.apply(
            manifests.service(name, namespace), manifests.endpoint_slice(name, namespace, ["127.0.0.1"], {"http": port})
        )
    made.apply(manifests.tls_secret("wildcard-cert", "sealos-system", WILDCARD.chain, WILDCARD.key))
    made.apply(app("app.cloud.test"))
    return made.start()


def app(
    host: str, name: str = "app", to: Any = "web:80", class_name: str = "nginx", annotations: Any = None
) -> manifests.Object:
    """As the launchpad writes it: the class as an annotation, TLS with a Secret that need not exist."""
    said = {CLASS: class_name, "nginx.ingress.kubernetes.io/ssl-redirect": "false", **(annotations or {})}
    entry = [{"hosts": [host], "secretName": "wildcard-cert"}]
    return manifests.ingress(name, "tenant", {host: to}, class_name=None, tls=entry, annotations=said)


async def status_becomes(gateway: Gateway, wanted: int, host: str = "app.cloud.test") -> None:
    async def check() -> bool:
        return (await gateway.get(host)).status_code == wanted

    await eventually(check)


async def test_a_shared_wildcard_certificate_where_the_secret_does_not_exist(sealos: Gateway) -> None:
    async with tls.line(sealos.https_port, "app.cloud.test") as (_, hello):
        assert hello.serial == x509.load_pem_x509_certificate(WILDCARD.chain).serial_number
    assert (await sealos.get("app.cloud.test", https=True)).json()["name"] == "echo-a"


async def test_the_page_of_the_cloud_itself_has_the_certificate_too(sealos: Gateway) -> None:
    sealos.apply(app("cloud.test", "desktop"))
    await sealos.settled()
    async with tls.line(sealos.https_port, "cloud.test") as (_, hello):
        assert hello.serial == x509.load_pem_x509_certificate(WILDCARD.chain).serial_number


async def test_an_app_that_says_nothing_has_no_limits_of_nginx(sealos: Gateway) -> None:
    """Its users know Higress: bodies of any size, and no Strict-Transport-Security that outlives a visit."""
    reply = await sealos.request("POST", "app.cloud.test", content=b"x" * (3 << 20), https=True)
    assert (reply.status_code, "strict-transport-security" in reply.headers) == (200, False)
    limit = {"nginx.ingress.kubernetes.io/proxy-body-size": "1m"}
    sealos.apply(app("app.cloud.test", annotations=limit))
    await sealos.settled()
    assert (await sealos.request("POST", "app.cloud.test", content=b"x" * (3 << 20))).status_code == 413


@pytest.mark.parametrize("paused", ["pause", "disable"])
async def test_a_class_flip_pauses_and_resumes_at_once(sealos: Gateway, paused: str) -> None:
    await status_becomes(sealos, 200)
    for _ in range(2):
        sealos.apply(app("app.cloud.test", class_name=paused))
        await status_becomes(sealos, 404)
        sealos.apply(app("app.cloud.test"))
        await status_becomes(sealos, 200)


@pytest.mark.parametrize("paused", ["pause", "disable"])
async def test_the_class_in_the_spec_flips_as_the_annotation_does(sealos: Gateway, paused: str) -> None:
    for class_name, status in (("nginx", 200), (paused, 404), ("nginx", 200)):
        sealos.apply(manifests.ingress("spec", "tenant", {"spec.cloud.test": "web:80"}, class_name=class_name))
        await status_becomes(sealos, status, "spec.cloud.test")


@pytest.mark.parametrize(
    ("to", "annotations"),
    [
        ("web:80", {}),
        ([manifests.path("/()(.*)", "web:80")], {"nginx.ingress.kubernetes.io/rewrite-target": "/$2"}),
        ("web:80", {"nginx.ingress.kubernetes.io/ssl-redirect": "true"}),
    ],
)
async def test_the_challenge_of_any_host_wins_over_the_paths_of_a_host(
    sealos: Gateway, to: object, annotations: dict[str, str]
) -> None:
    sealos.apply(app("own.domain.test", "own", to=to, annotations=annotations))
    rules = {"": [manifests.path(CHALLENGE, "api:80")]}
    sealos.apply(manifests.ingress("challenge", "platform", rules, class_name="nginx"))
    await sealos.settled()
    for host in ("own.domain.test", "app.cloud.test", "nobody.test"):
        assert (await sealos.get(host, f"{CHALLENGE}?a=b")).json()["name"] == "echo-b"
    assert (await sealos.get("app.cloud.test", "/")).json()["name"] == "echo-a"


async def test_a_tenant_takes_no_path_on_hosts_of_others(sealos: Gateway) -> None:
    """An Ingress without a host that the setting does not name answers only where no other host does."""
    sealos.apply(
        manifests.ingress("challenge", "tenant", {"": [manifests.path(CHALLENGE, "web:80")]}, class_name="nginx")
    )
    other = {"theirs.cloud.test": [manifests.path("/", "api:80")]}
    sealos.apply(manifests.ingress("theirs", "platform", other, class_name="nginx"))
    await sealos.settled()
    assert (await sealos.get("nobody.test", CHALLENGE)).json()["name"] == "echo-a"
    assert (await sealos.get("theirs.cloud.test", CHALLENGE)).json()["name"] == "echo-b"


async def test_x_real_ip_is_the_client_whatever_it_says(sealos: Gateway) -> None:
    headers = {"X-Real-IP": "192.0.2.1", "X-Forwarded-For": "192.0.2.2"}
    sent = dict((await sealos.get("app.cloud.test", headers=headers)).json()["headers"])
    assert (sent["x-real-ip"], sent["x-forwarded-for"].split(",")[-1].strip()) == (LOOPBACK, LOOPBACK)


@asynccontextmanager
async def tiny(gateway: Gateway, answer: Callable[[bytes], bytes]) -> AsyncIterator[None]:
    """A backend of a few lines behind `tiny.cloud.test`: it answers a request's head, then echoes bytes."""

    open_ones: list[asyncio.StreamWriter] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.append(writer)
        writer.write(answer(await reader.readuntil(b"\r\n\r\n")))
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    async with await asyncio.start_server(talk, LOOPBACK, 0, limit=1 << 22) as server:
        port = server.sockets[0].getsockname()[1]
        gateway.apply(
            manifests.service("tiny", "tenant"),
            manifests.endpoint_slice("tiny", "tenant", [LOOPBACK], {"http": port}),
            app("tiny.cloud.test", "tiny", to="tiny:80"),
        )
        await gateway.settled()
        try:
            yield
        finally:
            for writer in open_ones:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()


async def test_request_headers_may_be_large(sealos: Gateway) -> None:
    """Far above the 60 KiB that Envoy allows by itself."""

    def answer(head: bytes) -> bytes:
        return b"HTTP/1.1 204 No Content\r\nx-got: %d\r\n\r\n" % head.count(b"x" * 1000)

    async with tiny(sealos, answer):
        reply = await sealos.get("tiny.cloud.test", headers={"X-Large": "x" * 1_000_000})
        assert (reply.status_code, reply.headers["x-got"]) == (204, "1000")


async def test_a_further_upgrade_type_passes(sealos: Gateway) -> None:
    asked: list[bytes] = []

    def switch(head: bytes) -> bytes:
        asked.append(head.lower())
        return b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: tailscale-control-protocol\r\n\r\n"

    async with tiny(sealos, switch), asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(LOOPBACK, sealos.http_port)
        writer.write(
            b"POST /ts2021 HTTP/1.1\r\nHost: tiny.cloud.test\r\nConnection: upgrade\r\n"
            b"Upgrade: tailscale-control-protocol\r\n\r\n"
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        assert b"upgrade: tailscale-control-protocol" in asked[0]
        writer.write(b"noise")
        assert await reader.readexactly(5) == b"noise"
        writer.close()


async def test_an_app_that_is_not_there_is_404_with_no_body(sealos: Gateway) -> None:
    reply = await sealos.get("nobody.cloud.test")
    assert (reply.status_code, reply.headers["content-length"], reply.content) == (404, "0", b"")


@pytest.mark.parametrize(("addresses", "text"), [((), "no healthy upstream"), ((LOOPBACK,), "upstream connect error")])
async def test_an_app_that_is_not_ready_is_503_with_the_words_sealos_reads(
    sealos: Gateway, addresses: tuple[str, ...], text: str
) -> None:
    sealos.apply(
        manifests.service("slow", "tenant"),
        manifests.endpoint_slice("slow", "tenant", addresses, {"http": 1}),  # nobody listens on this port
        app("slow.cloud.test", "slow", to="slow:80"),
    )
    await sealos.settled()
    reply = await sealos.get("slow.cloud.test")
    assert (reply.status_code, text in reply.text) == (503, True), reply.text


async def test_clusters_in_metrics_are_named_as_sealos_asks_for_them(sealos: Gateway) -> None:
    """The monitoring page of the launchpad asks for `envoy_cluster_upstream_rq{cluster_name="outbound|..."}`."""
    await sealos.get("app.cloud.test")
    cluster = "outbound|80||web.tenant.svc.cluster.local"
    assert cluster in sealos.admin("/clusters")
    lines = sealos.status("/metrics/envoy").text.splitlines()
    found = [line for line in lines if line.startswith("envoy_cluster_upstream_rq{")]
    asked = f'cluster_name="{cluster}"'
    assert [line for line in found if re.search(rf"[{{,]{re.escape(asked)}", line)], found
