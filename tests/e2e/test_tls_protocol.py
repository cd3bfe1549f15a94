"""What is spoken over TLS: versions, ciphers, ALPN; redirects from plain HTTP; a flood of server names."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.e2e import manifests, tls
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway, Site
from tests.e2e.harness import Gateway, eventually
from tests.e2e.measure import cpu_seconds
from tests.e2e.wire import request, wire

CHALLENGE = "/.well-known/acme-challenge/token"
Version = tls.Version


def with_host(gateway: Gateway, port: int) -> Iterator[Site]:
    """The test's host has TLS and leads to a Service `web`."""
    found = Site(gateway)
    found.backend("web", port)
    tls.host(found, found.host, 1)
    try:
        yield found
    finally:
        found.clean()


@pytest.fixture
async def web(shared_gateway: Gateway, echo_a: Echo) -> AsyncIterator[Site]:
    for found in with_host(shared_gateway, echo_a.port):
        await shared_gateway.settled()
        yield found


@pytest.fixture(scope="module")
def strict_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """TLS 1.3 only, no redirects unless asked for, and those to port 443."""
    settings = {
        "tls": {"min_version": "1.3"},
        "ingress": {"ssl_redirect": False},
        "http": {"https_redirect_port": 443},
    }
    gateway = Gateway(tmp_path_factory.mktemp("gw"), settings=settings)
    try:
        yield gateway.start()
    finally:
        gateway.stop()


@pytest.fixture
async def strict(strict_gateway: Gateway, echo_a: Echo) -> AsyncIterator[Site]:
    for found in with_host(strict_gateway, echo_a.port):
        await strict_gateway.settled()
        yield found


@pytest.fixture
async def impatient(new_gateway: NewGateway, echo_a: Echo) -> AsyncIterator[Site]:
    gateway = new_gateway(settings={"http": {"request_headers_seconds": 2}}).start()
    for found in with_host(gateway, echo_a.port):
        await gateway.settled()
        yield found


async def test_http2_by_alpn_and_http1_without(web: Site) -> None:
    for offered, chosen in (("h2 http/1.1", "h2"), ("http/1.1", "http/1.1"), ("http/1.1 h2", "h2"), ("", "")):
        found = await tls.hello(web.gateway.https_port, web.host, tls.context(alpn=offered))
        assert found.alpn == chosen, offered
    for http2 in (True, False):
        reply = await web.get(https=True, http2=http2)
        assert (reply.status_code, reply.http_version) == (200, "HTTP/2" if http2 else "HTTP/1.1")


@pytest.mark.parametrize("version", [Version.TLSv1_2, Version.TLSv1_3])
async def test_versions_that_are_spoken(web: Site, version: Version) -> None:
    found = await tls.hello(web.gateway.https_port, web.host, tls.context(lowest=version, highest=version))
    assert found.version == version.name.replace("_", ".")


@pytest.mark.parametrize("version", [Version.TLSv1, Version.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_versions_are_refused(web: Site, version: Version) -> None:
    old = tls.context(lowest=version, highest=version, ciphers="ALL:@SECLEVEL=0")
    assert await tls.alert(web.gateway.https_port, web.host, old) == "TLSV1_ALERT_PROTOCOL_VERSION"


@pytest.mark.parametrize(
    ("ciphers", "taken"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", True),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", True),
        ("ECDHE-ECDSA-AES128-SHA", False),
        ("ECDHE-ECDSA-AES128-SHA256", False),
        ("AES128-GCM-SHA256", False),
        ("NULL", False),
    ],
)
async def test_only_modern_ciphers(web: Site, ciphers: str, taken: bool) -> None:
    using = tls.context(highest=Version.TLSv1_2, ciphers=f"{ciphers}:@SECLEVEL=0")
    if taken:
        assert (await tls.hello(web.gateway.https_port, web.host, using)).version == "TLSv1.2"
    else:
        assert "HANDSHAKE_FAILURE" in await tls.alert(web.gateway.https_port, web.host, using)


async def test_the_lowest_version_by_setting(strict: Site) -> None:
    port = strict.gateway.https_port
    assert (await tls.hello(port, strict.host)).version == "TLSv1.3"
    assert "PROTOCOL_VERSION" in await tls.alert(port, strict.host, tls.context(highest=Version.TLSv1_2))


@pytest.mark.parametrize("path", ["/", "/a%20b/c?x=1&y=%2F"])
async def test_plain_http_is_redirected_to_the_https_port(web: Site, path: str) -> None:
    """Whatever the client says about the scheme it came by."""
    for headers in ({}, {"X-Forwarded-Proto": "https"}):
        reply = await web.gateway.request("POST", web.host, path, headers=headers)
        assert reply.status_code == 308
        assert reply.headers["location"] == f"https://{web.host}:{web.gateway.https_port}{path}"
    assert (await web.get(path, host=f"{web.host}:{web.gateway.http_port}")).headers["location"] == (
        f"https://{web.host}:{web.gateway.https_port}{path}"
    )
    assert (await web.get(path, https=True)).status_code == 200


async def test_hosts_without_tls_are_not_redirected(web: Site) -> None:
    web.ingress(name="plain", host=f"plain.{web.host}")
    await web.gateway.settled()
    assert (await web.get(host=f"plain.{web.host}")).status_code == 200


async def test_a_host_under_a_wildcard_with_tls_is_redirected(web: Site) -> None:
    tls.host(web, f"*.{web.host}", 2)
    web.ingress(name="exact", host=f"one.{web.host}")
    await web.gateway.settled()
    for name in (f"one.{web.host}", f"two.{web.host}"):
        assert (await web.get(host=name)).status_code == 308, name


async def test_the_redirect_goes_with_the_tls_entry(web: Site) -> None:
    """Added and removed without a moment of 404."""
    name = web.host.replace(".", "-")
    assert (await web.get()).status_code == 308

    async def answers(status: int) -> None:
        assert (await web.get()).status_code == status

    web.ingress(name=name)
    await eventually(lambda: answers(200))
    web.ingress(name=name, tls=[tls.entry(name, web.host)])
    await eventually(lambda: answers(308))


async def test_an_annotation_turns_the_redirect_off(web: Site) -> None:
    name = f"open.{web.host}"
    tls.host(web, name, 2, annotations={"sealos.io/ssl-redirect": "false"})
    await web.gateway.settled()
    assert (await web.get(host=name)).status_code == 200
    assert (await web.get(host=name, https=True)).status_code == 200


async def test_one_path_of_a_redirected_host_stays_on_plain_http(web: Site) -> None:
    """An ACME client brings an Ingress of its own for the challenge, beside one that redirects."""
    annotations = {"sealos.io/ssl-redirect": "false"}
    challenge = [manifests.path(CHALLENGE, "web:80", "ImplementationSpecific")]
    web.ingress(challenge, name="acme", annotations=annotations)
    await web.gateway.settled()
    assert (await web.answer(CHALLENGE))["path"] == CHALLENGE
    for path in ("/", "/.well-known/other"):
        assert (await web.get(path)).status_code == 308, path
    for path in ("/", CHALLENGE):
        assert (await web.get(path, https=True)).status_code == 200, path


async def test_redirects_by_setting_and_its_annotation_and_port(strict: Site) -> None:
    name = f"wants.{strict.host}"
    tls.host(strict, name, 2, annotations={"sealos.io/ssl-redirect": "true"})
    await strict.gateway.settled()
    assert (await strict.get()).status_code == 200
    reply = await strict.get(host=name)
    assert (reply.status_code, reply.headers["location"]) == (308, f"https://{name}/")


async def test_plain_text_on_the_https_port_is_closed(web: Site) -> None:
    async with wire(web.gateway.https_port) as connection:
        await connection.send(request("/", web.host))
        assert await connection.closed() == b""
    assert (await web.get(https=True)).status_code == 200


@pytest.mark.parametrize("known", [True, False], ids=["under a wildcard", "unknown"])
async def test_a_flood_of_server_names_stays_bounded(new_gateway: NewGateway, echo_a: Echo, known: bool) -> None:
    """The secrets kept and the work for each name have a bound, and a real host is served meanwhile."""
    most, names, at_once = 50, 600, 10
    gateway = new_gateway(settings={"tls": {"max_secrets": most}, "lazy": {"threshold": 0}}).start()
    site = Site(gateway)
    site.backend("web", echo_a.port)
    tls.host(site, f"*.{site.host}", 1)
    real, parent = f"real.other-{site.host}", site.host if known else "nobody.test"
    tls.host(site, real, 2)
    await gateway.settled()
    before, numbers, done = cpu_seconds(gateway.pid), iter(range(names)), asyncio.Event()

    async def flood() -> None:
        for number in numbers:
            assert await tls.is_refused(gateway.https_port, f"n{number}.{parent}") is not known

    async def visit() -> None:
        while not done.is_set():
            assert (await site.answer(host=real, https=True, seconds=2))["name"] == "echo-a"

    async with asyncio.TaskGroup() as group:
        group.create_task(visit())
        await asyncio.gather(*(flood() for _ in range(at_once)))
        done.set()
    spent = cpu_seconds(gateway.pid) - before

    def few_are_kept() -> None:
        found = gateway.stats("^listener.*on_demand_secret.cert_(active|requested)$")
        active, requested = (found[name] for name in sorted(found))
        asked_for = gateway.admin("/stats?filter=^sds\\..*update_attempt$").splitlines()
        assert requested >= names
        assert active <= most + at_once
        assert len(asked_for) <= most + at_once

    await eventually(few_are_kept)
    assert spent / names < 0.01, f"{spent / names * 1000:.1f} ms of processor time for each name"
    assert await tls.is_refused(gateway.https_port, "nobody.nobody.test")
    assert (await tls.hello(gateway.https_port, f"n1.{site.host}")).serial == 2


async def test_a_client_that_stops_in_its_handshake_is_let_go(impatient: Site) -> None:
    """After its first words: the certificate is on its way, and the client never answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient.gateway.https_port)
    sent = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname=impatient.host).do_handshake()
    writer.write(sent.read())
    async with asyncio.timeout(20):
        assert await reader.read()  # what Envoy says, and then the end of the connection
    writer.close()
